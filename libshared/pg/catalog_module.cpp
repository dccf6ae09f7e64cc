// Catalogs, and generate_series(), as SQLite's read-only virtual tables.
#include <sqlite3.h>

#include <memory>

#include "pg/catalog.hpp"
#include "sql/sqlite_values.hpp"

namespace ddb::pg {

namespace {

// A catalog's rows are made when a cursor begins; an integer that a column must equal leaves the others out.

struct Source {
  Environment* environment;
  const CatalogTable* table;
  sqlite3* db;
};
struct CatalogVtab : sqlite3_vtab {
  Source source;
};
struct CatalogCursor : sqlite3_vtab_cursor {
  std::vector<CatalogRow> rows;
  size_t at = 0;
};

CatalogCursor* self(sqlite3_vtab_cursor* cursor) { return static_cast<CatalogCursor*>(cursor); }

int connect(sqlite3* db, void* context, int, const char* const*, sqlite3_vtab** vtab, char**) {
  const auto* source = static_cast<const Source*>(context);
  const std::string declaration = "CREATE TABLE x(" + std::string{source->table->columns} + ")";
  const int rc = sqlite3_declare_vtab(db, declaration.c_str());
  if (rc == SQLITE_OK) *vtab = new CatalogVtab{{}, *source};
  return rc;
}
int disconnect(sqlite3_vtab* vtab) {
  delete static_cast<CatalogVtab*>(vtab);
  return SQLITE_OK;
}

int best_index(sqlite3_vtab*, sqlite3_index_info* info) {
  info->estimatedCost = 10'000;
  info->estimatedRows = 1'000;
  for (int i = 0; i < info->nConstraint; ++i) {
    const auto& constraint = info->aConstraint[i];
    if (constraint.usable == 0 || constraint.op != SQLITE_INDEX_CONSTRAINT_EQ || constraint.iColumn < 0) continue;
    info->aConstraintUsage[i].argvIndex = 1;  // SQLite checks it again
    info->idxNum = constraint.iColumn + 1;
    info->estimatedCost = 1'000;
    info->estimatedRows = 10;
    break;
  }
  return SQLITE_OK;
}

int open(sqlite3_vtab*, sqlite3_vtab_cursor** cursor) {
  *cursor = new CatalogCursor{};
  return SQLITE_OK;
}
int close(sqlite3_vtab_cursor* cursor) {
  delete self(cursor);
  return SQLITE_OK;
}

int filter(sqlite3_vtab_cursor* cursor, int column, const char*, int count, sqlite3_value** values) {
  const Source& source = static_cast<CatalogVtab*>(cursor->pVtab)->source;
  const auto schema = source.environment->schema();
  auto& rows = self(cursor)->rows;
  rows.clear();
  self(cursor)->at = 0;
  if (source.table->rows != nullptr) rows = source.table->rows(*source.environment, *schema, source.db);
  if (column == 0 || count == 0 || sqlite3_value_type(values[0]) != SQLITE_INTEGER) return SQLITE_OK;  // a text may be a number
  const int64_t wanted = sqlite3_value_int64(values[0]);
  std::erase_if(rows, [&](const CatalogRow& row) {
    const auto* number = std::get_if<int64_t>(&row[static_cast<size_t>(column) - 1]);
    return number != nullptr && *number != wanted;
  });
  return SQLITE_OK;
}
int next(sqlite3_vtab_cursor* cursor) {
  ++self(cursor)->at;
  return SQLITE_OK;
}
int eof(sqlite3_vtab_cursor* cursor) { return self(cursor)->at >= self(cursor)->rows.size(); }
int column(sqlite3_vtab_cursor* cursor, sqlite3_context* context, int column) {
  sql::set_result(context, codec::to_view(self(cursor)->rows[self(cursor)->at][static_cast<size_t>(column)]));
  return SQLITE_OK;
}
int rowid(sqlite3_vtab_cursor* cursor, sqlite3_int64* id) {
  *id = static_cast<sqlite3_int64>(self(cursor)->at) + 1;
  return SQLITE_OK;
}

const sqlite3_module catalog_module = [] {
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

// generate_series(start, stop [, step])

struct SeriesCursor : sqlite3_vtab_cursor {
  int64_t at = 0;
  int64_t stop = 0;
  int64_t step = 1;
  bool done = true;
};
SeriesCursor* series(sqlite3_vtab_cursor* cursor) { return static_cast<SeriesCursor*>(cursor); }

int series_connect(sqlite3* db, void*, int, const char* const*, sqlite3_vtab** vtab, char**) {
  const int rc = sqlite3_declare_vtab(db, "CREATE TABLE x(value int8, start HIDDEN, stop HIDDEN, step HIDDEN)");
  if (rc == SQLITE_OK) *vtab = new sqlite3_vtab{};
  return rc;
}
int series_disconnect(sqlite3_vtab* vtab) {
  delete vtab;
  return SQLITE_OK;
}
int series_best_index(sqlite3_vtab* vtab, sqlite3_index_info* info) {
  int at[3] = {-1, -1, -1};
  for (int i = 0; i < info->nConstraint; ++i) {
    const auto& constraint = info->aConstraint[i];
    if (constraint.iColumn < 1 || constraint.op != SQLITE_INDEX_CONSTRAINT_EQ) continue;
    if (constraint.usable == 0) return SQLITE_CONSTRAINT;
    at[constraint.iColumn - 1] = i;
  }
  if (at[0] < 0 || at[1] < 0) {
    vtab->zErrMsg = sqlite3_mprintf("generate_series takes a start and a stop");
    return SQLITE_ERROR;
  }
  int arguments = 0;
  for (const int i : at) {
    if (i < 0) continue;
    info->aConstraintUsage[i].argvIndex = ++arguments;
    info->aConstraintUsage[i].omit = 1;
  }
  info->estimatedCost = 1'000;
  info->estimatedRows = 1'000;
  return SQLITE_OK;
}
int series_open(sqlite3_vtab*, sqlite3_vtab_cursor** cursor) {
  *cursor = new SeriesCursor{};
  return SQLITE_OK;
}
int series_close(sqlite3_vtab_cursor* cursor) {
  delete series(cursor);
  return SQLITE_OK;
}
bool past(const SeriesCursor& cursor) { return cursor.step > 0 ? cursor.at > cursor.stop : cursor.at < cursor.stop; }
int series_filter(sqlite3_vtab_cursor* cursor, int, const char*, int count, sqlite3_value** values) {
  SeriesCursor& s = *series(cursor);
  s.at = sqlite3_value_int64(values[0]);
  s.stop = sqlite3_value_int64(values[1]);
  s.step = count > 2 ? sqlite3_value_int64(values[2]) : 1;
  bool null = false;
  for (int i = 0; i < count; ++i) null = null || sqlite3_value_type(values[i]) == SQLITE_NULL;
  if (s.step == 0 && !null) {
    cursor->pVtab->zErrMsg = sqlite3_mprintf("step size cannot equal zero");
    return SQLITE_ERROR;
  }
  s.done = null || past(s);
  return SQLITE_OK;
}
int series_next(sqlite3_vtab_cursor* cursor) {
  SeriesCursor& s = *series(cursor);
  s.done = __builtin_add_overflow(s.at, s.step, &s.at) || past(s);
  return SQLITE_OK;
}
int series_eof(sqlite3_vtab_cursor* cursor) { return series(cursor)->done; }
int series_column(sqlite3_vtab_cursor* cursor, sqlite3_context* context, int column) {
  const SeriesCursor& s = *series(cursor);
  sqlite3_result_int64(context, column == 2 ? s.stop : column == 3 ? s.step : s.at);
  return SQLITE_OK;
}
int series_rowid(sqlite3_vtab_cursor* cursor, sqlite3_int64* id) {
  *id = series(cursor)->at;
  return SQLITE_OK;
}

const sqlite3_module series_module = [] {
  sqlite3_module module{};
  module.xConnect = series_connect;
  module.xDisconnect = series_disconnect;
  module.xBestIndex = series_best_index;
  module.xOpen = series_open;
  module.xClose = series_close;
  module.xFilter = series_filter;
  module.xNext = series_next;
  module.xEof = series_eof;
  module.xColumn = series_column;
  module.xRowid = series_rowid;
  return module;
}();

}  // namespace

Result<void> add_catalogs(sqlite3* db, Environment* environment) {
  for (const CatalogTable& table : catalog_tables()) {
    auto source = std::make_unique<Source>(environment, &table, db);
    const int rc = sqlite3_create_module_v2(db, std::string{table.name}.c_str(), &catalog_module, source.release(),
                                            [](void* context) { delete static_cast<Source*>(context); });
    if (rc != SQLITE_OK) return std::unexpected(sql::sqlite_error(db));
  }
  if (sqlite3_create_module_v2(db, "generate_series", &series_module, nullptr, nullptr) != SQLITE_OK) return std::unexpected(sql::sqlite_error(db));
  return {};
}

}  // namespace ddb::pg
