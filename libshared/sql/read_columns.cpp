// What a read cursor's row holds, column by column: from the row, from its key, or from an index entry alone.
#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "sql/read_cursor.hpp"
#include "sql/row_expressions.hpp"

namespace ddb::sql {

Result<ValueView> ReadCursor::column(size_t position) {
  DDB_ASSERT(!at_end());
  if (adds_up_) return ValueView{};
  const auto& columns = table().columns;
  const bool key_wanted = position == columns.size();
  const bool row_wanted = position == columns.size() + 1;
  if (!has_row(position_)) {
    if (!row_wanted) {
      if (auto done = open_entry(); !done) return std::unexpected(done.error());
      if (key_wanted) {
        scratch_ = row_prefix(table()) + entry_->row_parts;
        return codec::BlobView{scratch_};
      }
      if (const Value* value = value_of(*entry_, columns[position].id)) return to_view(*value);
    }
    if (auto done = load_rows(); !done) return std::unexpected(done.error());
  }
  if (key_wanted) return codec::BlobView{row_key_at(position_)};
  if (some_columns_ && !cached_ && (row_wanted || std::ranges::find(*plan_->columns, columns[position].id) == plan_->columns->end())) {
    if (auto done = load_columns(); !done) return std::unexpected(done.error());
  }
  if (row_wanted) return codec::BlobView{row_value_at(position_)};
  return row_column(columns[position], position);
}

Result<void> ReadCursor::open_entry() {
  if (entry_) return {};
  auto entry = EntryReader::open(table(), *index_, at(position_).key, at(position_).value);
  if (!entry) return std::unexpected(entry.error());
  entry_ = std::move(*entry);
  return {};
}

/// What the entry tells of a column; nullptr: nothing.
const Value* ReadCursor::value_of(const EntryReader& entry, uint32_t id) const {
  const auto find = [&](const std::vector<KeyColumn>& columns, const std::vector<Value>& values) -> const Value* {
    const auto found = std::ranges::find(columns, id, &KeyColumn::column);
    return found == columns.end() ? nullptr : &values[static_cast<size_t>(found - columns.begin())];
  };
  if (const Value* value = find(index_->columns, entry.index_values)) return value;
  return find(table().key_columns(), entry.key_values);
}

Result<ValueView> ReadCursor::row_column(const Column& column, size_t position) {
  if (column.id == table().rowid_alias) return key_column(column.id);
  if (!row_open_) {
    if (!row_.open(row_value_at(position_))) return fail(Code::bad_data, "a row of table " + table().name + " is damaged");
    row_open_ = true;
  }
  if (column.id >= row_.cells()) {
    if (column.generated != Generated::no) return computed_column(position);
    return to_view(table_.missing[position]);
  }
  auto cell = row_.cell(column.id);
  if (!cell) return fail(Code::bad_data, "a row of table " + table().name + " is damaged");
  if (!codec::is_null(*cell)) return cell;
  const bool in_key = std::ranges::find(table().key_columns(), column.id, &KeyColumn::column) != table().key_columns().end();
  return in_key ? key_column(column.id) : cell;
}

Result<ValueView> ReadCursor::key_column(uint32_t id) {
  const auto& columns = table().key_columns();
  if (key_values_.empty()) {
    BytesView key = row_key_at(position_);
    uint64_t ids[2];
    if (auto done = codec::take_key_prefix(key, ids[0], ids[1]); !done) return std::unexpected(done.error());
    for (const auto& column : columns) {
      auto value = take_key_value(key, column, affinity_of(table(), column));
      if (!value) return std::unexpected(value.error());
      key_values_.push_back(std::move(*value));
    }
  }
  const auto found = std::ranges::find(columns, id, &KeyColumn::column);
  DDB_ASSERT(found != columns.end());
  return to_view(key_values_[static_cast<size_t>(found - columns.begin())]);
}

/// A generated column that the row is older than.
Result<ValueView> ReadCursor::computed_column(size_t position) {
  if (computed_.empty()) {
    const auto row = decode_row(table(), row_key_at(position_), row_value_at(position_));
    if (!row) return std::unexpected(row.error());
    const auto values = views(*row);
    auto computed = compute_generated(table(), RowView{row->rowid, values});
    if (!computed) return std::unexpected(computed.error());
    computed_ = std::move(*computed);
  }
  return to_view(computed_[position]);
}

Result<int64_t> ReadCursor::rowid() {
  if (adds_up_) return 0;
  Result<ValueView> value;
  if (table().clustering == Clustering::rowid) {
    const uint32_t id = table().key_columns().front().column;
    if (has_row(position_)) {
      value = key_column(id);
    } else {
      if (auto done = open_entry(); !done) return std::unexpected(done.error());
      value = to_view(*value_of(*entry_, id));
    }
  } else {
    if (!has_row(position_))
      if (auto done = load_rows(); !done) return std::unexpected(done.error());
    if (!row_.open(row_value_at(position_))) return fail(Code::bad_data, "a row of table " + table().name + " is damaged");
    row_open_ = true;
    value = row_.cell(rowid_column);
  }
  if (!value) return std::unexpected(value.error());
  const auto* rowid = std::get_if<int64_t>(&*value);
  if (rowid == nullptr) return fail(Code::bad_data, "a row of table " + table().name + " has no rowid");
  return *rowid;
}

std::vector<std::optional<Value>> ReadCursor::peek(size_t i, const std::vector<uint32_t>& columns) const {
  std::vector<std::optional<Value>> values(columns.size());
  if (!has_row(i)) {
    auto entry = EntryReader::open(table(), *index_, at(i).key, at(i).value);
    if (!entry) return values;
    for (size_t c = 0; c < columns.size(); ++c)
      if (const Value* value = value_of(*entry, columns[c])) values[c] = *value;
    return values;
  }
  const BytesView key = cached_ || index_ == nullptr ? BytesView{at(i).key} : BytesView{row_keys_[i]};
  const auto row = decode_row(table(), key, row_value_at(i));
  if (!row) return values;
  const auto given = [&](uint32_t id) { return !some_columns_ || std::ranges::find(*plan_->columns, id) != plan_->columns->end(); };
  for (size_t c = 0; c < columns.size(); ++c)
    if (columns[c] == rowid_column || given(columns[c])) values[c] = columns[c] == rowid_column ? Value{row->rowid} : row->values[table().position(columns[c])];
  return values;
}

}  // namespace ddb::sql
