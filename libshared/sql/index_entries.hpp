// Index entries as keys and values, and what a change of a row writes.
//
// Key:   prefix(table, index), the index columns' parts, and the row key's parts unless the index is unique and
//        no NULL is among its columns.
// Value: codec/row, or empty; cell 0 is the row key's parts (BLOB) when they are not in the key, then what the parts do
//        not yield exactly, index columns first, key columns after.
// So every index column and every key column can be read from the entry alone.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "sql/rows.hpp"
#include "sql/schema.hpp"
#include "sql/write_buffer.hpp"

namespace ddb::sql {

Bytes index_prefix(const Table& table, const Index& index);

/// One entry that a row has in an index.
struct IndexEntry {
  const Index* index = nullptr;
  Bytes key;
  Bytes value;
  bool unique = false;  // nobody else may hold this key
};

/// What an entry says.
struct EntryReader {
  std::vector<Value> index_values;  // in order of Index::columns
  std::vector<Value> key_values;    // in order of Table::key_columns()
  Bytes row_parts;                  // the row's key without its prefix

  /// bad_data names table and index.
  static Result<EntryReader> open(const Table& table, const Index& index, BytesView key, BytesView value);
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

 private:
  struct Impl;
  explicit RowWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// "UNIQUE constraint failed: t.a, t.b", as SQLite says it, for a key that already exists (Code::exists, detail = key).
/// The key is the row's or a unique entry's; hint: the values. nullopt: the key is none of this schema's.
std::optional<Error> unique_violation(const Schema& schema, BytesView key);

}  // namespace ddb::sql
