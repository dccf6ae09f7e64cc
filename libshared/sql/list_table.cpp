#include "sql/list_table.hpp"

#include <sqlite3.h>

#include <utility>

#include "sql/sqlite_values.hpp"

namespace ddb::sql {

namespace {

struct Source {
  const char* declaration;
  std::function<Result<ListRows>()> rows;
};
struct ListTable : sqlite3_vtab {
  const Source* source;
};
struct ListCursor : sqlite3_vtab_cursor {
  ListRows rows;
  size_t at = 0;
};

ListCursor* self(sqlite3_vtab_cursor* cursor) { return static_cast<ListCursor*>(cursor); }

int connect(sqlite3* db, void* aux, int, const char* const*, sqlite3_vtab** vtab, char**) {
  const auto* source = static_cast<const Source*>(aux);
  const int rc = sqlite3_declare_vtab(db, source->declaration);
  if (rc == SQLITE_OK) *vtab = new ListTable{{}, source};
  return rc;
}
int disconnect(sqlite3_vtab* vtab) {
  delete static_cast<ListTable*>(vtab);
  return SQLITE_OK;
}
int best_index(sqlite3_vtab*, sqlite3_index_info* info) {
  info->estimatedCost = 1000;
  info->estimatedRows = 100;
  return SQLITE_OK;
}
int open(sqlite3_vtab*, sqlite3_vtab_cursor** cursor) {
  *cursor = new ListCursor{};
  return SQLITE_OK;
}
int close(sqlite3_vtab_cursor* cursor) {
  delete self(cursor);
  return SQLITE_OK;
}
int filter(sqlite3_vtab_cursor* cursor, int, const char*, int, sqlite3_value**) {
  auto rows = static_cast<ListTable*>(cursor->pVtab)->source->rows();
  self(cursor)->at = 0;
  if (rows) {
    self(cursor)->rows = *std::move(rows);
    return SQLITE_OK;
  }
  cursor->pVtab->zErrMsg = sqlite3_mprintf("%s", rows.error().message.c_str());
  return SQLITE_ERROR;
}
int next(sqlite3_vtab_cursor* cursor) {
  ++self(cursor)->at;
  return SQLITE_OK;
}
int eof(sqlite3_vtab_cursor* cursor) { return self(cursor)->at >= self(cursor)->rows.size(); }
int column(sqlite3_vtab_cursor* cursor, sqlite3_context* context, int column) {
  set_result(context, codec::to_view(self(cursor)->rows[self(cursor)->at][static_cast<size_t>(column)]));
  return SQLITE_OK;
}
int rowid(sqlite3_vtab_cursor* cursor, sqlite3_int64* id) {
  *id = static_cast<sqlite3_int64>(self(cursor)->at) + 1;
  return SQLITE_OK;
}

const sqlite3_module list_module = [] {
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

int register_list_table(sqlite3* db, const char* name, const char* declaration, std::function<Result<ListRows>()> rows) {
  return sqlite3_create_module_v2(db, name, &list_module, new Source{declaration, std::move(rows)},
                                  [](void* source) { delete static_cast<Source*>(source); });
}

}  // namespace ddb::sql
