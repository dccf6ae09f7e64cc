#include "sql/index_entries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "codec/row.hpp"
#include "sql/row_expressions.hpp"

namespace ddb::sql {

using codec::BlobView;
using codec::is_null;

Bytes index_prefix(const Table& table, const Index& index) {
  Bytes prefix;
  codec::append_key_prefix(prefix, table.id, index.id);
  return prefix;
}

Result<EntryReader> EntryReader::open(const Table& table, const Index& index, BytesView key, BytesView value) {
  EntryReader entry;
  const auto bad = [&] {
    return fail(Code::bad_data, "an entry of index " + index.name + " of table " + table.name + " is damaged");
  };
  uint64_t ids[2];
  if (!codec::take_key_prefix(key, ids[0], ids[1])) return bad();
  for (const auto& column : index.columns) {
    auto part = take_key_value(key, column, affinity_of(table, column));
    if (!part) return bad();
    entry.index_values.push_back(std::move(*part));
  }
  entry.row_parts = Bytes{key};
  codec::RowReader reader;
  if (!value.empty() && !reader.open(value)) return bad();
  const uint32_t cells = value.empty() ? 0 : reader.cells();
  uint32_t at = 0;
  if (const auto cell = cells > at ? reader.cell(at) : ValueView{}; cell && std::holds_alternative<BlobView>(*cell))
    entry.row_parts = Bytes{std::get<BlobView>(*cell).bytes};
  if (entry.row_parts.empty()) return bad();

  BytesView parts = entry.row_parts;
  for (const auto& column : table.key_columns()) {
    auto part = take_key_value(parts, column, affinity_of(table, column));
    if (!part) return bad();
    entry.key_values.push_back(std::move(*part));
  }
  for (auto* values : {&entry.index_values, &entry.key_values}) {
    for (auto& exact : *values) {
      if (++at >= cells) break;
      const auto cell = reader.cell(at);
      if (!cell) return bad();
      if (!is_null(*cell)) exact = to_owned(*cell);
    }
  }
  return entry;
}

Result<Bytes> row_key_of_entry(const Table& table, const Index& index, BytesView entry_key, BytesView entry_value) {
  const auto entry = EntryReader::open(table, index, entry_key, entry_value);
  if (!entry) return std::unexpected(entry.error());
  return row_prefix(table) + entry->row_parts;
}

namespace {

/// `values`: of the index's columns.
Result<IndexEntry> make_entry(const Table& table, const Index& index, std::span<const ValueView> values, const RowView& row,
                              BytesView row_parts) {
  IndexEntry entry{.index = &index, .key = index_prefix(table, index), .value = {}, .unique = false};
  const bool has_null = append_parts(entry.key, index.columns, values);
  entry.unique = index.unique && !has_null;
  if (!entry.unique) entry.key.append(row_parts);
  if (auto fits = codec::check_key_length(entry.key, "index " + index.name); !fits) return std::unexpected(fits.error());

  std::vector<ValueView> cells{entry.unique ? ValueView{BlobView{row_parts}} : ValueView{}};
  const auto add_inexact = [&](const KeyColumn& column, const ValueView& value) {
    cells.push_back(key_yields(value, column, affinity_of(table, column)) ? ValueView{} : value);
  };
  for (size_t i = 0; i < index.columns.size(); ++i) add_inexact(index.columns[i], values[i]);
  for (const auto& column : table.key_columns()) add_inexact(column, column_value(table, row, column.column));
  while (!cells.empty() && is_null(cells.back())) cells.pop_back();
  if (!cells.empty()) entry.value = codec::encode_row(0, cells);
  return entry;
}

}  // namespace

struct RowWriter::Impl {
  const Table& table;
  std::unique_ptr<RowExpressions> expressions;  // of all indexes with entries, in order; null: there are none
  std::unique_ptr<RowWriter> second;            // of Table::second; null: there is none
  Bytes prefix = row_prefix(table);

  bool adds_to_second() const { return second != nullptr && table.second_state != IndexState::delete_only; }

  Result<std::vector<Value>> evaluate(const RowView& row) {
    if (expressions == nullptr) return std::vector<Value>{};
    return expressions->evaluate(row);
  }

  /// The entries of `indexes` that a row has, given what its expressions came to.
  Result<std::vector<IndexEntry>> entries(const RowView& row, BytesView key, auto&& wanted) {
    std::vector<IndexEntry> found;
    if (table.indexes.empty()) return found;
    const auto computed = evaluate(row);
    if (!computed) return std::unexpected(computed.error());
    auto expression = computed->begin();
    for (const auto& index : table.indexes) {
      if (!index.has_entries()) continue;
      bool holds = true;
      if (!index.where.empty()) holds = is_true(*expression++);
      std::vector<ValueView> values;
      for (const auto& column : index.columns) {
        const bool computes = column.column == expression_column;
        values.push_back(computes ? to_view(*expression++) : column_value(table, row, column.column));
      }
      if (!holds || !wanted(index)) continue;
      auto entry = make_entry(table, index, values, row, key.substr(prefix.size()));
      if (!entry) return std::unexpected(entry.error());
      found.push_back(std::move(*entry));
    }
    return found;
  }

  static bool is_true(const Value& value) {
    const auto* integer = std::get_if<int64_t>(&value);
    return integer != nullptr && *integer != 0;
  }
};

RowWriter::RowWriter(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
RowWriter::RowWriter(RowWriter&&) noexcept = default;
RowWriter& RowWriter::operator=(RowWriter&&) noexcept = default;
RowWriter::~RowWriter() = default;

Result<RowWriter> RowWriter::open(const Table& table) {
  std::vector<std::string> expressions;
  for (const auto& index : table.indexes) {
    if (!index.has_entries()) continue;
    if (!index.where.empty()) expressions.push_back("(" + index.where + ") IS TRUE");
    for (const auto& column : index.columns)
      if (column.column == expression_column) expressions.push_back(column.expression);
  }
  auto impl = std::make_unique<Impl>(Impl{.table = table, .expressions = nullptr, .second = nullptr});
  if (!expressions.empty()) {
    auto opened = RowExpressions::open(table, std::move(expressions));
    if (!opened) return std::unexpected(opened.error());
    impl->expressions = std::move(*opened);
  }
  for (const Table& other : table.second) {
    auto opened = open(other);
    if (!opened) return opened;
    impl->second = std::make_unique<RowWriter>(std::move(*opened));
  }
  return RowWriter{std::move(impl)};
}

Result<std::vector<IndexEntry>> RowWriter::entries(const RowView& row) {
  const auto key = row_key(impl_->table, row);
  if (!key) return std::unexpected(key.error());
  return impl_->entries(row, *key, [](const Index&) { return true; });
}

Result<std::vector<IndexEntry>> RowWriter::claims(const RowView& row) {
  auto key = row_key(impl_->table, row);
  if (!key) return std::unexpected(key.error());
  auto entries = impl_->entries(row, *key, [](const Index& index) { return index.unique && index.state != IndexState::delete_only; });
  if (!entries) return entries;
  std::erase_if(*entries, [](const IndexEntry& entry) { return !entry.unique; });
  entries->insert(entries->begin(), IndexEntry{.index = nullptr, .key = std::move(*key), .value = {}, .unique = true});
  return entries;
}

namespace {

void add(const IndexEntry& entry, WriteBuffer& buffer) {
  if (entry.index->state == IndexState::delete_only) return;
  if (entry.unique) {
    buffer.insert(entry.key, entry.value);
  } else {
    buffer.put(entry.key, entry.value);
  }
}

const IndexEntry* same_index(const std::vector<IndexEntry>& entries, const Index* index) {
  const auto at = std::ranges::find(entries, index, &IndexEntry::index);
  return at == entries.end() ? nullptr : &*at;
}

}  // namespace

Result<void> RowWriter::insert(const RowView& row, WriteBuffer& buffer) {
  auto key = row_key(impl_->table, row);
  if (!key) return std::unexpected(key.error());
  const auto entries = impl_->entries(row, *key, [](const Index&) { return true; });
  if (!entries) return std::unexpected(entries.error());
  buffer.insert(*key, row_value(impl_->table, row));
  for (const auto& entry : *entries) add(entry, buffer);
  return impl_->adds_to_second() ? impl_->second->insert(row, buffer) : Result<void>{};
}

Result<void> RowWriter::erase(const RowView& row, WriteBuffer& buffer) {
  auto key = row_key(impl_->table, row);
  if (!key) return std::unexpected(key.error());
  const auto entries = impl_->entries(row, *key, [](const Index&) { return true; });
  if (!entries) return std::unexpected(entries.error());
  buffer.erase(*key);
  for (const auto& entry : *entries) buffer.erase(entry.key);
  return impl_->second != nullptr ? impl_->second->erase(row, buffer) : Result<void>{};
}

Result<void> RowWriter::update(const RowView& before, BytesView previous, const RowView& after, WriteBuffer& buffer) {
  const auto old_entries = entries(before);
  if (!old_entries) return std::unexpected(old_entries.error());
  const auto new_entries = entries(after);
  if (!new_entries) return std::unexpected(new_entries.error());
  const auto old_key = row_key(impl_->table, before);
  const auto new_key = row_key(impl_->table, after);
  if (!old_key) return std::unexpected(old_key.error());
  if (!new_key) return std::unexpected(new_key.error());

  Bytes value = row_value(impl_->table, after, previous);
  if (*old_key != *new_key) {
    buffer.erase(*old_key);
    buffer.insert(*new_key, std::move(value));
  } else if (value != previous) {
    buffer.put(*new_key, std::move(value));
  }
  for (const auto& entry : *old_entries) {
    const auto* kept = same_index(*new_entries, entry.index);
    if (kept == nullptr || kept->key != entry.key) buffer.erase(entry.key);
  }
  for (const auto& entry : *new_entries) {
    const auto* old = same_index(*old_entries, entry.index);
    if (old == nullptr || old->key != entry.key) {
      add(entry, buffer);
    } else if (old->value != entry.value && entry.index->state != IndexState::delete_only) {
      buffer.put(entry.key, entry.value);
    }
  }
  // What is stored of the second row is not known here; what is not to be added must at least not stay as it was.
  if (impl_->adds_to_second()) return impl_->second->update(before, {}, after, buffer);
  return impl_->second != nullptr ? impl_->second->erase(before, buffer) : Result<void>{};
}

namespace {

struct ShowValue {
  std::string operator()(std::monostate) const { return "NULL"; }
  std::string operator()(int64_t integer) const { return fmt::format("{}", integer); }
  std::string operator()(double real) const { return fmt::format("{}", real); }
  std::string operator()(const std::string& text) const { return "'" + text + "'"; }
  std::string operator()(const codec::Blob& blob) const { return "x'" + to_hex(blob.bytes) + "'"; }
};

std::string column_name(const Table& table, const KeyColumn& column) {
  const Column* found = table.column(column.column);
  return found == nullptr ? "rowid" : found->name;
}

/// As SQLite words it: by column, or by index where an expression has no name.
std::string violated(const Table& table, const Index* index, const std::vector<KeyColumn>& columns) {
  if (index != nullptr && index->has_expressions() && index->where.empty()) return "index '" + index->name + "'";
  std::string list;
  for (const auto& column : columns) {
    if (column.column == expression_column) return "index '" + index->name + "'";
    list += (list.empty() ? "" : ", ") + table.name + "." + column_name(table, column);
  }
  return list;
}

}  // namespace

std::optional<Error> unique_violation(const Schema& schema, BytesView key) {
  const Bytes whole{key};
  uint64_t table_id = 0;
  uint64_t index_id = 0;
  if (!codec::take_key_prefix(key, table_id, index_id)) return std::nullopt;
  const auto at = schema.tables.find(table_id);
  if (at == schema.tables.end()) return std::nullopt;
  if (at->second.holding(index_id) == nullptr) return std::nullopt;
  const Table& table = *at->second.holding(index_id);
  const Index* index = table.index(index_id);
  const auto& columns = index == nullptr ? table.key_columns() : index->columns;
  std::string values;
  for (const auto& column : columns) {
    const auto value = take_key_value(key, column, affinity_of(table, column));
    if (!value) return std::nullopt;
    values += (values.empty() ? "" : ", ") + std::visit(ShowValue{}, *value);
  }
  return Error{Code::exists, "UNIQUE constraint failed: " + violated(table, index, columns),
               "a row with (" + values + ") is already there", whole};
}

}  // namespace ddb::sql
