#include "sql/schema.hpp"

#include <algorithm>

namespace ddb::sql {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

template <class Map>
auto find_named(const Map& objects, std::string_view name) -> const typename Map::mapped_type* {
  for (const auto& [id, object] : objects)
    if (same_name(object.name, name)) return &object;
  return nullptr;
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string quote_name(std::string_view name) {
  std::string quoted{'"'};
  for (const char c : name) {
    quoted.push_back(c);
    if (c == '"') quoted.push_back(c);
  }
  quoted.push_back('"');
  return quoted;
}

bool Index::has_expressions() const {
  return !where.empty() ||
         std::ranges::any_of(columns, [](const KeyColumn& column) { return column.column == expression_column; });
}

const Column* Table::column(uint32_t column_id) const {
  const size_t at = position(column_id);
  return at == columns.size() ? nullptr : &columns[at];
}

const Column* Table::find_column(std::string_view column_name) const {
  const auto at = std::ranges::find_if(columns, [&](const Column& c) { return same_name(c.name, column_name); });
  return at == columns.end() ? nullptr : &*at;
}

size_t Table::position(uint32_t column_id) const {
  return static_cast<size_t>(std::ranges::find(columns, column_id, &Column::id) - columns.begin());
}

const Table* Table::holding(uint64_t rows_or_index) const {
  if (rows_or_index == rows || index(rows_or_index) != nullptr) return this;
  return second.empty() ? nullptr : second.front().holding(rows_or_index);
}

const Index* Table::index(uint64_t index_id) const {
  const auto at = std::ranges::find(indexes, index_id, &Index::id);
  return at == indexes.end() ? nullptr : &*at;
}

const std::vector<KeyColumn>& Table::key_columns() const {
  static const std::vector<KeyColumn> rowid{KeyColumn{.column = rowid_column, .expression = {}}};
  return clustering == Clustering::rowid && rowid_alias == 0 ? rowid : primary_key;
}

const Table* Schema::find_table(std::string_view name) const { return find_named(tables, name); }
const View* Schema::find_view(std::string_view name) const { return find_named(views, name); }

const Table* Schema::find_table_of_index(std::string_view index_name) const {
  for (const auto& [id, table] : tables) {
    if (same_name(table.primary_key_index_name, index_name)) return &table;
    for (const auto& index : table.indexes)
      if (same_name(index.name, index_name)) return &table;
  }
  return nullptr;
}

std::vector<const Trigger*> Schema::triggers_of(std::string_view table) const {
  std::vector<const Trigger*> found;
  for (const auto& [id, trigger] : triggers)
    if (same_name(trigger.table, table)) found.push_back(&trigger);
  return found;
}

std::vector<SchemaRow> schema_rows(const Schema& schema) {
  std::map<uint64_t, SchemaRow> rows;
  for (const auto& [id, table] : schema.tables) {
    rows[id] = {"table", table.name, table.name, id, table.sql};
    if (table.primary_key_index != 0)
      rows[table.primary_key_index] = {"index", table.primary_key_index_name, table.name, table.primary_key_index, {}};
    for (const auto& index : table.indexes)
      rows[index.id] = {"index", index.name, table.name, index.id,
                        index.sql.empty() ? std::nullopt : std::optional{index.sql}};
  }
  for (const auto& [id, view] : schema.views) rows[id] = {"view", view.name, view.name, 0, view.sql};
  for (const auto& [id, trigger] : schema.triggers) rows[id] = {"trigger", trigger.name, trigger.table, 0, trigger.sql};
  std::vector<SchemaRow> ordered;
  for (auto& [id, row] : rows) ordered.push_back(std::move(row));
  return ordered;
}

}  // namespace ddb::sql
