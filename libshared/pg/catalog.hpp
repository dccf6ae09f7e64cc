// The schema as PostgreSQL's catalogs show it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/value.hpp"
#include "pg/environment.hpp"
#include "sql/schema.hpp"

namespace ddb::pg {

/// Numbers of our own objects begin where PostgreSQL's own ones end.
constexpr int64_t first_oid = 16384;
/// Indexes that exist only for the eye, of keys that are the rows' own order, have their table's number and this.
constexpr int64_t key_oids = int64_t{1} << 30;
inline int64_t oid_of(uint64_t id) { return first_oid + static_cast<int64_t>(id); }

/// An index, or a primary key that needs none.
struct IndexView {
  const sql::Table* table = nullptr;
  int64_t oid = 0;
  std::string name;
  bool unique = false;
  bool primary = false;
  bool constraint = false;  // of CREATE TABLE
  std::vector<sql::KeyColumn> columns;
  std::string where;
};

/// All indexes of a table, the primary key first.
std::vector<IndexView> indexes_of(const sql::Table& table);
std::optional<IndexView> find_index(const sql::Schema& schema, int64_t oid);
/// CREATE UNIQUE INDEX i ON public.t USING btree (a, b DESC) WHERE c
std::string index_text(const IndexView& index);
std::string index_column(const IndexView& index, size_t position);  // from 1
std::string constraint_text(const IndexView& index);                // PRIMARY KEY (a)

std::optional<std::string> relation_name(const sql::Schema& schema, int64_t oid);
std::optional<int64_t> relation_number(const sql::Schema& schema, std::string_view name);

using CatalogRow = std::vector<codec::Value>;

/// A catalog: its columns as CREATE TABLE has them, and its rows.
struct CatalogTable {
  std::string_view name;
  std::string_view columns;
  std::vector<CatalogRow> (*rows)(const Environment& environment, const sql::Schema& schema, sqlite3* db);  // nullptr: it has none
};
const std::vector<CatalogTable>& catalog_tables();

}  // namespace ddb::pg
