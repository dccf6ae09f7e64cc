// Rows and index entries as keys and values: what a change of a row writes, and how a row is found again.
//
// Row:    key = prefix(table, 0), the key columns' parts, and, in a declared key of a rowid table with a NULL in it,
//         the rowid; value = codec/row, cell 0 the rowid where the key does not hold it. A cell whose exact value
//         the key yields is NULL in the value: no column is stored twice.
// Entry:  key = prefix(table, index), the index columns' parts, and the row key's parts unless the index is
//         unique and no NULL is among its columns; value = codec/row: cell 0 the row key's parts (BLOB) when they
//         are not in the key, then what the parts do not yield exactly, index columns first, key columns after.
//         So every index column and key column can be read from the entry alone.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "codec/row.hpp"
#include "sql/schema.hpp"
#include "sql/write_buffer.hpp"

namespace ddb::sql {

using codec::Value;
using codec::ValueView;

/// A row in memory, borrowed: values in order of declaration, generated columns included.
struct RowView {
  int64_t rowid = 0;  // of tables that have one
  std::span<const ValueView> values;
};

/// A row in memory, owned.
struct Row {
  int64_t rowid = 0;
  std::vector<Value> values;
};

Bytes row_prefix(const Table& table);
Bytes index_prefix(const Table& table, const Index& index);

/// The row's key. too_long, naming the table.
Result<Bytes> row_key(const Table& table, const RowView& row);
/// Key of the row with these values in its key columns, in order of Table::key_columns(). Without a value for a
/// completing rowid: never for NULLs.
Result<Bytes> row_key_of(const Table& table, std::span<const ValueView> key_values);
/// The row's value. `previous`: the stored value it replaces, empty if none; cells that a newer schema added there are kept.
Bytes row_value(const Table& table, const RowView& row, BytesView previous = {});
/// The inverse; columns the row does not have yet get their defaults. bad_data names the table.
/// A generated column the row is too old for comes as NULL: RowExpressions computes it.
Result<Row> decode_row(const Table& table, BytesView key, BytesView value);

/// Evaluates SQL expressions (of indexes and generated columns) over rows of one table, with the columns'
/// affinities and collations, on a private SQLite connection. Not thread-safe.
class RowExpressions {
 public:
  static Result<std::unique_ptr<RowExpressions>> open(const Table& table, std::vector<std::string> expressions);
  ~RowExpressions();
  /// One value per expression.
  Result<std::vector<Value>> evaluate(const RowView& row);

 private:
  struct Impl;
  explicit RowExpressions(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// One entry that a row has in an index.
struct IndexEntry {
  const Index* index = nullptr;
  Bytes key;
  Bytes value;
  bool unique = false;  // nobody else may hold this key
};

/// The key of the row that an entry belongs to. bad_data names table and index.
Result<Bytes> row_key_of_entry(const Table& table, const Index& index, BytesView entry_key, BytesView entry_value);

/// Writes rows of one table, index entries included, into a write buffer. Borrows the table. Not thread-safe.
class RowWriter {
 public:
  static Result<RowWriter> open(const Table& table);
  RowWriter(RowWriter&&) noexcept;
  RowWriter& operator=(RowWriter&&) noexcept;
  ~RowWriter();

  /// The entries of a row, by index id; none for an index whose WHERE it fails.
  Result<std::vector<IndexEntry>> entries(const RowView& row);
  /// The keys that the row claims and that other rows may hold: its own, then those of unique entries. For paging in
  /// conflicting rows: what is found under an entry's key leads on by row_key_of_entry.
  Result<std::vector<IndexEntry>> claims(const RowView& row);  // index == nullptr: the row itself

  /// The row is believed new: its key and its unique entries' are `insert` writes.
  Result<void> insert(const RowView& row, WriteBuffer& buffer);
  Result<void> erase(const RowView& row, WriteBuffer& buffer);
  /// Writes what differs. `previous`: the stored value of `before` (see row_value).
  Result<void> update(const RowView& before, BytesView previous, const RowView& after, WriteBuffer& buffer);
  /// Only the entries of one index, for its backfill: `insert` when unique.
  Result<void> backfill(const Index& index, const RowView& row, WriteBuffer& buffer);

 private:
  struct Impl;
  explicit RowWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// "UNIQUE constraint failed: t.a, t.b", as SQLite says it, for a key that already exists (Code::exists, detail = key).
/// The key is the row's or a unique entry's; hint: the values. nullopt: the key is none of this schema's.
std::optional<Error> unique_violation(const Schema& schema, BytesView key);

}  // namespace ddb::sql
