// Rows as keys and values.
//
// Key:   prefix(table, Table::rows), the key columns' parts, and, in a declared key of a rowid table with a NULL in it, the rowid.
// Value: codec/row; cell 0 is the rowid where the key does not hold it, then one cell per column id. A cell whose exact
//        value the key yields is NULL in the value: no column is stored twice.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "codec/value.hpp"
#include "sql/schema.hpp"

namespace ddb::sql {

using codec::Value;
using codec::ValueView;

/// A row in memory, borrowed: values in order of declaration, generated columns included.
struct RowView {
  int64_t rowid = 0;  // of tables that have one; the INTEGER PRIMARY KEY's value counts for nothing beside it
  std::span<const ValueView> values;
};

/// A row in memory, owned.
struct Row {
  int64_t rowid = 0;
  std::vector<Value> values;
};

/// Borrowed values of an owned row; they and the row must outlive any RowView over them.
std::vector<ValueView> views(const Row& row);

Bytes row_prefix(const Table& table);

/// The row's key. too_long, naming the table and the limit.
Result<Bytes> row_key(const Table& table, const RowView& row);
/// Key of the row with these values in its key columns, in order of Table::key_columns(), affinities applied.
/// Never for NULLs: more than one row may have them. too_long: no such row can exist.
Result<Bytes> row_key_of(const Table& table, std::span<const ValueView> key_values);

/// The row's value. `previous`: the stored value it replaces, empty if none; cells that a newer schema version
/// added there are kept, so an UPDATE by a gateway one version behind loses nothing.
Bytes row_value(const Table& table, const RowView& row, BytesView previous = {});

/// The inverse; columns that the row is too old for get their defaults. bad_data names the table.
Result<Row> decode_row(const Table& table, BytesView key, BytesView value);

// Pieces that index entries and read tables share.

/// Value of a column, or of the rowid.
ValueView column_value(const Table& table, const RowView& row, uint32_t column);
/// blob for expressions.
Affinity affinity_of(const Table& table, const KeyColumn& column);
/// Appends the parts of the key columns; true when a NULL is among them.
bool append_parts(Bytes& key, std::span<const KeyColumn> columns, std::span<const ValueView> values);
/// Whether take_key_value() gives back this very value, class and bits.
bool key_yields(const ValueView& value, const KeyColumn& column, Affinity affinity);
Result<Value> take_key_value(BytesView& key, const KeyColumn& column, Affinity affinity);
/// What rows older than the column have there; encode_missing makes Column::missing of it.
Value missing_value(const Column& column);
Bytes encode_missing(const Value& value);

}  // namespace ddb::sql
