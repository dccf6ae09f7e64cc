#include "sql/rows.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/assert.hpp"
#include "codec/row.hpp"

namespace ddb::sql {

namespace {

using codec::is_null;

std::vector<ValueView> key_values(const Table& table, const RowView& row) {
  std::vector<ValueView> values;
  for (const auto& column : table.key_columns()) values.push_back(column_value(table, row, column.column));
  return values;
}

std::unexpected<Error> damaged(const Table& table) {
  return fail(Code::bad_data, "a row of table " + table.name + " is damaged");
}

}  // namespace

bool append_parts(Bytes& key, std::span<const KeyColumn> columns, std::span<const ValueView> values) {
  bool has_null = false;
  for (size_t i = 0; i < columns.size(); ++i) {
    has_null |= is_null(values[i]);
    codec::append_key_part(key, values[i], columns[i].order());
  }
  return has_null;
}

ValueView column_value(const Table& table, const RowView& row, uint32_t column) {
  if (column == rowid_column || (column == table.rowid_alias && table.rowid_alias != 0)) return row.rowid;
  const size_t at = table.position(column);
  DDB_ASSERT(at < row.values.size());
  return row.values[at];
}

Affinity affinity_of(const Table& table, const KeyColumn& column) {
  if (column.column == rowid_column) return Affinity::integer;
  const Column* found = table.column(column.column);
  return found == nullptr ? Affinity::blob : found->affinity;
}

bool key_yields(const ValueView& value, const KeyColumn& column, Affinity affinity) {
  if (std::holds_alternative<int64_t>(value)) return affinity != Affinity::real;
  if (const auto* real = std::get_if<double>(&value)) {
    const bool whole = std::floor(*real) == *real && *real >= -0x1p63 && *real < 0x1p63;
    return !whole || (affinity == Affinity::real && !(*real == 0 && std::signbit(*real)));
  }
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    if (column.collation == Collation::rtrim) return !text->ends_with(' ');
    if (column.collation == Collation::nocase)
      return std::ranges::none_of(*text, [](char c) { return c >= 'A' && c <= 'Z'; });
  }
  return true;
}

Result<Value> take_key_value(BytesView& key, const KeyColumn& column, Affinity affinity) {
  auto value = codec::take_key_part(key, column.order());
  if (!value || affinity != Affinity::real) return value;
  if (const auto* integer = std::get_if<int64_t>(&*value)) return static_cast<double>(*integer);
  return value;
}

std::vector<ValueView> views(const Row& row) {
  std::vector<ValueView> all;
  all.reserve(row.values.size());
  for (const auto& value : row.values) all.push_back(to_view(value));
  return all;
}

Bytes row_prefix(const Table& table) {
  Bytes prefix;
  codec::append_key_prefix(prefix, table.id, table.rows);
  return prefix;
}

Result<Bytes> row_key(const Table& table, const RowView& row) {
  Bytes key = row_prefix(table);
  const bool has_null = append_parts(key, table.key_columns(), key_values(table, row));
  if (has_null) codec::append_key_part(key, row.rowid);
  if (auto fits = codec::check_key_length(key, "table " + table.name); !fits) return std::unexpected(fits.error());
  return key;
}

Result<Bytes> row_key_of(const Table& table, std::span<const ValueView> values) {
  const auto& columns = table.key_columns();
  DDB_ASSERT(values.size() == columns.size());
  Bytes key = row_prefix(table);
  append_parts(key, columns, values);
  if (auto fits = codec::check_key_length(key, "table " + table.name); !fits) return std::unexpected(fits.error());
  return key;
}

Bytes row_value(const Table& table, const RowView& row, BytesView previous) {
  std::vector<ValueView> cells(table.next_column_id);
  if (table.clustering == Clustering::primary_key) cells[rowid_column] = row.rowid;
  for (size_t i = 0; i < table.columns.size(); ++i) cells[table.columns[i].id] = row.values[i];
  for (const auto& key : table.key_columns()) {
    if (key.column == rowid_column) continue;
    if (key.column == table.rowid_alias || key_yields(cells[key.column], key, affinity_of(table, key)))
      cells[key.column] = {};
  }
  codec::RowReader newer;
  if (!previous.empty() && newer.open(previous)) {
    for (uint32_t id = table.next_column_id; id < newer.cells(); ++id)
      if (const auto cell = newer.cell(id)) cells.push_back(*cell);
  }
  return codec::encode_row(table.version, cells);
}

Result<Row> decode_row(const Table& table, BytesView key, BytesView value) {
  Row row;
  row.values.resize(table.columns.size());
  codec::RowReader reader;
  if (!reader.open(value)) return damaged(table);
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const Column& column = table.columns[i];
    if (column.id >= reader.cells()) {
      row.values[i] = missing_value(column);
    } else if (const auto cell = reader.cell(column.id)) {
      row.values[i] = to_owned(*cell);
    } else {
      return damaged(table);
    }
  }
  uint64_t table_id = 0;
  uint64_t index_id = 0;
  if (!codec::take_key_prefix(key, table_id, index_id)) return damaged(table);
  bool has_null = false;
  for (const auto& part : table.key_columns()) {
    auto from_key = take_key_value(key, part, affinity_of(table, part));
    if (!from_key) return damaged(table);
    has_null |= is_null(*from_key);
    if (table.clustering == Clustering::rowid) row.rowid = std::get<int64_t>(*from_key);
    if (part.column == rowid_column) continue;
    Value& cell = row.values[table.position(part.column)];
    if (is_null(cell)) cell = std::move(*from_key);
  }
  if (table.clustering == Clustering::primary_key) {
    const auto rowid = reader.cell(rowid_column);
    if (!rowid || !std::holds_alternative<int64_t>(*rowid)) return damaged(table);
    row.rowid = std::get<int64_t>(*rowid);
  }
  return row;
}

Value missing_value(const Column& column) {
  if (column.missing.empty()) return {};
  codec::RowReader reader;
  DDB_ASSERT(reader.open(column.missing));
  const auto cell = reader.cell(0);
  DDB_ASSERT(cell.has_value());
  return to_owned(*cell);
}

Bytes encode_missing(const Value& value) {
  if (is_null(value)) return {};
  const ValueView view = to_view(value);
  return codec::encode_row(0, std::span{&view, 1});
}

}  // namespace ddb::sql
