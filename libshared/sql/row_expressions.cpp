#include "sql/row_expressions.hpp"

#include <sqlite3.h>

#include <optional>
#include <utility>

#include "sql/query.hpp"

namespace ddb::sql {

namespace {

/// A virtual table of one row: whatever RowExpressions looks at just now.
struct OneRowTable : sqlite3_vtab {
  const Table* table;
  const RowView* const* row;
};
struct OneRowCursor : sqlite3_vtab_cursor {
  bool at_end;
};
struct OneRowSource {
  const Table* table;
  const RowView* row;
};

OneRowCursor* self(sqlite3_vtab_cursor* cursor) { return static_cast<OneRowCursor*>(cursor); }

int one_row_connect(sqlite3* db, void* aux, int, const char* const*, sqlite3_vtab** vtab, char**) {
  auto* source = static_cast<OneRowSource*>(aux);
  const std::string declared = "CREATE TABLE x(" + declared_columns(*source->table) + ")";
  if (const int rc = sqlite3_declare_vtab(db, declared.c_str()); rc != SQLITE_OK) return rc;
  *vtab = new OneRowTable{{}, source->table, &source->row};
  return SQLITE_OK;
}
int one_row_disconnect(sqlite3_vtab* vtab) {
  delete static_cast<OneRowTable*>(vtab);
  return SQLITE_OK;
}
int one_row_best_index(sqlite3_vtab*, sqlite3_index_info*) { return SQLITE_OK; }
int one_row_open(sqlite3_vtab*, sqlite3_vtab_cursor** cursor) {
  *cursor = new OneRowCursor{};
  return SQLITE_OK;
}
int one_row_close(sqlite3_vtab_cursor* cursor) {
  delete self(cursor);
  return SQLITE_OK;
}
int one_row_filter(sqlite3_vtab_cursor* cursor, int, const char*, int, sqlite3_value**) {
  self(cursor)->at_end = false;
  return SQLITE_OK;
}
int one_row_next(sqlite3_vtab_cursor* cursor) {
  self(cursor)->at_end = true;
  return SQLITE_OK;
}
int one_row_eof(sqlite3_vtab_cursor* cursor) { return self(cursor)->at_end; }
int one_row_column(sqlite3_vtab_cursor* cursor, sqlite3_context* context, int column) {
  const auto* vtab = static_cast<OneRowTable*>(cursor->pVtab);
  set_result(context, column_value(*vtab->table, **vtab->row, vtab->table->columns[static_cast<size_t>(column)].id));
  return SQLITE_OK;
}
int one_row_rowid(sqlite3_vtab_cursor* cursor, sqlite3_int64* rowid) {
  *rowid = (*static_cast<OneRowTable*>(cursor->pVtab)->row)->rowid;
  return SQLITE_OK;
}

const sqlite3_module one_row_module = [] {
  sqlite3_module module{};
  module.xConnect = one_row_connect;
  module.xDisconnect = one_row_disconnect;
  module.xBestIndex = one_row_best_index;
  module.xOpen = one_row_open;
  module.xClose = one_row_close;
  module.xFilter = one_row_filter;
  module.xNext = one_row_next;
  module.xEof = one_row_eof;
  module.xColumn = one_row_column;
  module.xRowid = one_row_rowid;
  return module;
}();

std::vector<Value> current_row(const Query& statement) {
  std::vector<Value> values;
  for (int i = 0; i < statement.columns(); ++i)
    values.push_back(to_owned(statement.column(i)));
  return values;
}

}  // namespace

struct RowExpressions::Impl {
  PrivateDb db;
  OneRowSource source;
  std::optional<Query> select;  // goes before db does
};

RowExpressions::RowExpressions(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
RowExpressions::~RowExpressions() = default;

Result<std::unique_ptr<RowExpressions>> RowExpressions::open(const Table& table, std::vector<std::string> expressions) {
  auto impl = std::make_unique<Impl>();
  impl->source = {&table, nullptr};
  sqlite3_create_module_v2(impl->db.get(), table.name.c_str(), &one_row_module, &impl->source, nullptr);
  std::string list;
  for (const auto& expression : expressions) list += (list.empty() ? "" : ", ") + expression;
  auto select = Query::prepare(impl->db.get(), "SELECT " + list + " FROM " + quote_name(table.name));
  if (!select) return std::unexpected(select.error());
  impl->select.emplace(std::move(*select));
  return std::unique_ptr<RowExpressions>{new RowExpressions{std::move(impl)}};
}

Result<std::vector<Value>> RowExpressions::evaluate(const RowView& row) {
  impl_->source.row = &row;
  const auto stepped = impl_->select->next();
  auto values = stepped && *stepped ? current_row(*impl_->select) : std::vector<Value>{};
  impl_->select->reset();
  if (!stepped) return std::unexpected(stepped.error());
  return values;
}

Result<std::vector<Value>> compute_generated(const Table& table, const RowView& row) {
  PrivateDb db;
  // The row was let in when it was written: only what is computed from it is wanted.
  if (auto created = db.run(table.sql + "; PRAGMA ignore_check_constraints = ON"); !created)
    return std::unexpected(created.error());
  std::string names;
  std::string marks;
  std::string all;
  for (const auto& column : table.columns) {
    all += (all.empty() ? "" : ", ") + quote_name(column.name);
    if (column.generated != Generated::no) continue;
    names += (names.empty() ? "" : ", ") + quote_name(column.name);
    marks += marks.empty() ? "?" : ", ?";
  }
  auto insert = Query::prepare(db.get(), "INSERT INTO " + quote_name(table.name) + "(" + names + ") VALUES(" + marks + ")");
  if (!insert) return std::unexpected(insert.error());
  int parameter = 0;
  for (const auto& column : table.columns)
    if (column.generated == Generated::no) insert->bind(++parameter, column_value(table, row, column.id));
  if (auto inserted = insert->next(); !inserted) return std::unexpected(inserted.error());
  auto select = Query::prepare(db.get(), "SELECT " + all + " FROM " + quote_name(table.name));
  if (!select) return std::unexpected(select.error());
  if (auto found = select->next(); !found || !*found) return std::unexpected(sqlite_error(db.get()));
  return current_row(*select);
}

}  // namespace ddb::sql
