#include "sql/schema_table.hpp"

#include <sqlite3.h>

#include "sql/sqlite_values.hpp"

namespace ddb::sql {

namespace {

struct SchemaTable : sqlite3_vtab {
  ReadContext* context;
};
struct SchemaCursor : sqlite3_vtab_cursor {
  std::vector<SchemaRow> rows;
  size_t at = 0;
};

SchemaCursor* self(sqlite3_vtab_cursor* cursor) { return static_cast<SchemaCursor*>(cursor); }

int connect(sqlite3* db, void* context, int, const char* const*, sqlite3_vtab** vtab, char**) {
  const int rc = sqlite3_declare_vtab(db, "CREATE TABLE x(type TEXT, name TEXT, tbl_name TEXT, rootpage INT, sql TEXT)");
  if (rc == SQLITE_OK) *vtab = new SchemaTable{{}, static_cast<ReadContext*>(context)};
  return rc;
}
int disconnect(sqlite3_vtab* vtab) {
  delete static_cast<SchemaTable*>(vtab);
  return SQLITE_OK;
}
int best_index(sqlite3_vtab*, sqlite3_index_info* info) {
  info->estimatedCost = 1000;
  info->estimatedRows = 100;
  return SQLITE_OK;
}
int open(sqlite3_vtab*, sqlite3_vtab_cursor** cursor) {
  *cursor = new SchemaCursor{};
  return SQLITE_OK;
}
int close(sqlite3_vtab_cursor* cursor) {
  delete self(cursor);
  return SQLITE_OK;
}
int filter(sqlite3_vtab_cursor* cursor, int, const char*, int, sqlite3_value**) {
  const auto& schema = static_cast<SchemaTable*>(cursor->pVtab)->context->schema;
  self(cursor)->rows = schema ? schema_rows(*schema) : std::vector<SchemaRow>{};
  self(cursor)->at = 0;
  return SQLITE_OK;
}
int next(sqlite3_vtab_cursor* cursor) {
  ++self(cursor)->at;
  return SQLITE_OK;
}
int eof(sqlite3_vtab_cursor* cursor) { return self(cursor)->at >= self(cursor)->rows.size(); }
int column(sqlite3_vtab_cursor* cursor, sqlite3_context* context, int column) {
  const SchemaRow& row = self(cursor)->rows[self(cursor)->at];
  switch (column) {
    case 0: set_result(context, std::string_view{row.type}); break;
    case 1: set_result(context, std::string_view{row.name}); break;
    case 2: set_result(context, std::string_view{row.tbl_name}); break;
    case 3: set_result(context, static_cast<int64_t>(row.id)); break;
    default:
      if (row.sql) set_result(context, std::string_view{*row.sql});
  }
  return SQLITE_OK;
}
int rowid(sqlite3_vtab_cursor* cursor, sqlite3_int64* id) {
  *id = static_cast<sqlite3_int64>(self(cursor)->at) + 1;
  return SQLITE_OK;
}

const sqlite3_module schema_module = [] {
  sqlite3_module module{};
  module.xConnect = connect;
  module.xDisconnect = disconnect;
  module.xBestIndex = best_index;
  module.xOpen = open;
  module.xClose = close;
  module.xFilter = filter;
  module.xNext = next;
  module.xEof = eof;
  module.xColumn = column;
  module.xRowid = rowid;
  return module;
}();

}  // namespace

int register_schema_table(ReadContext* context) {
  return sqlite3_create_module_v2(context->db, "$schema", &schema_module, context, nullptr);
}

}  // namespace ddb::sql
