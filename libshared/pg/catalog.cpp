#include "pg/catalog.hpp"

#include <algorithm>

namespace ddb::pg {

namespace {

std::string column_text(const sql::Table& table, const sql::KeyColumn& key) {
  std::string out = key.expression;
  if (out.empty()) {
    const sql::Column* column = table.column(key.column);
    out = column == nullptr ? "rowid" : column->name;
  } else {
    out = "(" + out + ")";
  }
  return key.descending ? out + " DESC" : out;
}

std::string columns_text(const IndexView& index) {
  std::string out;
  for (const auto& key : index.columns) out += (out.empty() ? "" : ", ") + column_text(*index.table, key);
  return out;
}

/// sqlite_autoindex_t_1 becomes t_a_b_key.
std::string constraint_name(const sql::Table& table, const sql::Index& index) {
  if (index.origin == sql::IndexOrigin::create) return index.name;
  std::string out = table.name;
  for (const auto& key : index.columns) {
    const sql::Column* column = table.column(key.column);
    out += "_" + (column == nullptr ? std::string{"expr"} : column->name);
  }
  return out + "_key";
}

}  // namespace

std::vector<IndexView> indexes_of(const sql::Table& table) {
  std::vector<IndexView> out;
  if (!table.primary_key.empty()) {
    out.push_back({.table = &table, .oid = oid_of(table.id) + key_oids, .name = table.name + "_pkey", .unique = true, .primary = true,
                   .constraint = true, .columns = table.primary_key, .where = {}});
  }
  for (const sql::Index& index : table.indexes) {
    if (index.state != sql::IndexState::public_ || index.origin == sql::IndexOrigin::primary_key) continue;
    out.push_back({.table = &table, .oid = oid_of(index.id), .name = constraint_name(table, index), .unique = index.unique, .primary = false,
                   .constraint = index.origin == sql::IndexOrigin::unique, .columns = index.columns, .where = index.where});
  }
  return out;
}

std::optional<IndexView> find_index(const sql::Schema& schema, int64_t oid) {
  for (const auto& [id, table] : schema.tables) {
    for (IndexView& index : indexes_of(table)) {
      if (index.oid == oid) return std::move(index);
    }
  }
  return std::nullopt;
}

std::string index_text(const IndexView& index) {
  std::string out = index.unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ";
  out += index.name + " ON public." + index.table->name + " USING btree (" + columns_text(index) + ")";
  return index.where.empty() ? out : out + " WHERE " + index.where;
}

std::string index_column(const IndexView& index, size_t position) {
  return position <= index.columns.size() ? column_text(*index.table, index.columns[position - 1]) : std::string{};
}

std::string constraint_text(const IndexView& index) { return (index.primary ? "PRIMARY KEY (" : "UNIQUE (") + columns_text(index) + ")"; }

std::optional<std::string> relation_name(const sql::Schema& schema, int64_t oid) {
  for (const auto& [id, table] : schema.tables) {
    if (oid_of(id) == oid) return table.name;
  }
  for (const auto& [id, view] : schema.views) {
    if (oid_of(id) == oid) return view.name;
  }
  const auto index = find_index(schema, oid);
  if (index) return index->name;
  return std::nullopt;
}

std::optional<int64_t> relation_number(const sql::Schema& schema, std::string_view name) {
  std::string bare{name.starts_with("public.") ? name.substr(7) : name};
  std::erase(bare, '"');
  if (const sql::Table* table = schema.find_table(bare)) return oid_of(table->id);
  if (const sql::View* view = schema.find_view(bare)) return oid_of(view->id);
  for (const auto& [id, table] : schema.tables) {
    for (const IndexView& index : indexes_of(table)) {
      if (sql::same_name(index.name, bare)) return index.oid;
    }
  }
  return std::nullopt;
}

}  // namespace ddb::pg
