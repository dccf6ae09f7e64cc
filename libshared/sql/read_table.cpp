#include "sql/read_table.hpp"

#include <sqlite3.h>

#include <set>
#include <utility>

#include "base/assert.hpp"
#include "sql/read_context.hpp"
#include "sql/read_cursor.hpp"
#include "sql/rewriter.hpp"
#include "sql/schema_table.hpp"
#include "sql/sqlite_values.hpp"

namespace ddb::sql {

namespace {

/// What a module carries; shared with its table, which outlives it while statements do.
struct Registration {
  ReadContext* context;
  std::shared_ptr<ReadTable> table;
};

struct VirtualTable : sqlite3_vtab {
  ReadContext* context;
  std::shared_ptr<ReadTable> table;
};

ReadCursor* self(sqlite3_vtab_cursor* cursor) { return static_cast<ReadCursor*>(cursor); }
VirtualTable* table_of(sqlite3_vtab* vtab) { return static_cast<VirtualTable*>(vtab); }

/// SQLite gets the sentence, the context keeps the code.
int report(sqlite3_vtab* vtab, Error error) {
  sqlite3_free(vtab->zErrMsg);
  vtab->zErrMsg = sqlite3_mprintf("%s", error.message.c_str());
  table_of(vtab)->context->error = std::move(error);
  return SQLITE_ERROR;
}

std::string declaration(const Table& table) {
  std::string sql = "CREATE TABLE x(" + declared_columns(table) + ", \"$key\" HIDDEN, \"$row\" HIDDEN";
  if (table.has_rowid()) return sql + ")";
  std::string key;  // with its collations: SQLite infers from it which columns are distinct
  for (const auto& part : table.primary_key)
    key += (key.empty() ? "" : ", ") + quote_name(table.column(part.column)->name) + " COLLATE " +
           std::string{collation_name(part.collation)};
  return sql + ", PRIMARY KEY(" + key + ")) WITHOUT ROWID";
}

int connect(sqlite3* db, void* aux, int, const char* const*, sqlite3_vtab** vtab, char**) {
  const auto* registration = static_cast<Registration*>(aux);
  const int rc = sqlite3_declare_vtab(db, declaration(*registration->table->table).c_str());
  if (rc == SQLITE_OK) *vtab = new VirtualTable{{}, registration->context, registration->table};
  return rc;
}
int disconnect(sqlite3_vtab* vtab) {
  delete table_of(vtab);
  return SQLITE_OK;
}
int best_index(sqlite3_vtab* vtab, sqlite3_index_info* info) {
  ReadTable& table = *table_of(vtab)->table;
  const size_t plan = table.intern(plan_read(*table.table, table.paths, info));
  info->idxNum = static_cast<int>(plan);
  info->idxStr = const_cast<char*>(table.plans[plan]->text.c_str());  // as long as the table: SQLite only prints it
  return SQLITE_OK;
}
int open(sqlite3_vtab* vtab, sqlite3_vtab_cursor** cursor) {
  *cursor = new ReadCursor{*table_of(vtab)->context, *table_of(vtab)->table};
  return SQLITE_OK;
}
int close(sqlite3_vtab_cursor* cursor) {
  delete self(cursor);
  return SQLITE_OK;
}
int filter(sqlite3_vtab_cursor* cursor, int plan, const char*, int, sqlite3_value** arguments) {
  const auto& plans = table_of(cursor->pVtab)->table->plans;
  auto done = self(cursor)->filter(*plans[static_cast<size_t>(plan)], arguments);
  return done ? SQLITE_OK : report(cursor->pVtab, std::move(done.error()));
}
int next(sqlite3_vtab_cursor* cursor) {
  auto done = self(cursor)->next();
  return done ? SQLITE_OK : report(cursor->pVtab, std::move(done.error()));
}
int eof(sqlite3_vtab_cursor* cursor) { return self(cursor)->at_end(); }
int column(sqlite3_vtab_cursor* cursor, sqlite3_context* context, int number) {
  auto value = self(cursor)->column(static_cast<size_t>(number));
  if (!value) {
    sqlite3_result_error(context, value.error().message.c_str(), -1);
    return report(cursor->pVtab, std::move(value.error()));
  }
  set_result(context, *value);
  return SQLITE_OK;
}
int rowid(sqlite3_vtab_cursor* cursor, sqlite3_int64* id) {
  auto value = self(cursor)->rowid();
  if (!value) return report(cursor->pVtab, std::move(value.error()));
  *id = *value;
  return SQLITE_OK;
}

/// No xCreate: eponymous only. No xUpdate: read-only (SQL.md says why).
const sqlite3_module read_module = [] {
  sqlite3_module module{};
  module.iVersion = 1;
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

ReadTable::ReadTable(std::shared_ptr<const Schema> of, const Table& read, bool with_indexes) : schema{std::move(of)}, table{&read} {
  paths = key_paths(read);
  if (!with_indexes) paths.resize(1);
  for (const auto& column : read.columns) missing.push_back(missing_value(column));
}

size_t ReadTable::intern(ReadPlan plan) {
  for (size_t i = 0; i < plans.size(); ++i)
    if (*plans[i] == plan) return i;
  plans.push_back(std::make_unique<const ReadPlan>(std::move(plan)));
  return plans.size() - 1;
}

struct ReadTables::Impl {
  ReadContext context;
  std::map<std::string, uint64_t> tables;    // registered: name, version of the table
  std::map<std::string, std::string> views;  // created: name, SQL

  static std::string unindexed(const std::string& name) { return name + std::string{internal::unindexed_suffix}; }

  Result<void> run(const std::string& sql) {
    if (sqlite3_exec(context.db, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
      return std::unexpected(sqlite_error(context.db));
    return {};
  }
  Result<void> remove_views(const Schema& schema) {
    for (auto at = views.begin(); at != views.end();) {
      const View* view = schema.find_view(at->first);
      if (view != nullptr && view->sql == at->second) {
        ++at;
        continue;
      }
      if (auto done = run("DROP VIEW IF EXISTS main." + quote_name(at->first)); !done) return done;
      at = views.erase(at);
    }
    return {};
  }
  void remove_tables(const Schema& schema) {
    for (auto at = tables.begin(); at != tables.end();) {
      const Table* table = schema.find_table(at->first);
      if (table != nullptr && table->name == at->first) {
        ++at;
        continue;
      }
      sqlite3_create_module_v2(context.db, at->first.c_str(), nullptr, nullptr, nullptr);
      sqlite3_create_module_v2(context.db, unindexed(at->first).c_str(), nullptr, nullptr, nullptr);
      at = tables.erase(at);
    }
  }
  /// Under its own name, or as the one that takes no index.
  Result<void> add(const std::shared_ptr<const Schema>& schema, const Table& table, bool with_indexes) {
    auto registration = std::make_unique<Registration>(&context, std::make_shared<ReadTable>(schema, table, with_indexes));
    const std::string name = with_indexes ? table.name : unindexed(table.name);
    const int rc = sqlite3_create_module_v2(context.db, name.c_str(), &read_module, registration.release(),
                                            [](void* aux) { delete static_cast<Registration*>(aux); });
    return rc == SQLITE_OK ? Result<void>{} : std::unexpected(sqlite_error(context.db));
  }
  Result<void> add_tables(const std::shared_ptr<const Schema>& schema) {
    for (const auto& [id, table] : schema->tables) {
      if (auto added = add(schema, table, true); !added) return added;
      if (auto added = table.indexes.empty() ? Result<void>{} : add(schema, table, false); !added) return added;
      tables[table.name] = table.version;
    }
    return {};
  }
  Result<void> add_views(const Schema& schema) {
    for (const auto& [id, view] : schema.views) {
      if (views.contains(view.name)) continue;
      if (auto done = run(view.sql); !done) return done;
      views[view.name] = view.sql;
    }
    return {};
  }
};

ReadTables::ReadTables(sqlite3* db) : impl_{std::make_unique<Impl>()} {
  impl_->context.db = db;
  DDB_ASSERT(register_schema_table(&impl_->context) == SQLITE_OK);
}

ReadTables::~ReadTables() {
  sqlite3_create_module_v2(impl_->context.db, "$schema", nullptr, nullptr, nullptr);
  impl_->remove_tables(Schema{.tables = {}, .views = {}, .triggers = {}});
}

Result<void> ReadTables::use_schema(std::shared_ptr<const Schema> schema) {
  DDB_ASSERT(impl_->context.cursors.empty());
  if (auto done = impl_->remove_views(*schema); !done) return done;
  impl_->remove_tables(*schema);
  impl_->context.schema = schema;
  if (auto done = impl_->add_tables(schema); !done) return done;
  return impl_->add_views(*schema);
}

void ReadTables::forget_views() { impl_->views.clear(); }

const std::shared_ptr<const Schema>& ReadTables::schema() const { return impl_->context.schema; }

void ReadTables::use_reader(Reader* reader, Timestamp as_of) {
  DDB_ASSERT(impl_->context.cursors.empty());
  impl_->context.reader = reader;
  impl_->context.as_of = as_of;
  impl_->context.forget();
}

void ReadTables::reads_for_update(uint64_t table) { impl_->context.changes = table; }

void ReadTables::read_totals(TotalsRead* read) { impl_->context.totals = read; }

void ReadTables::tell(RouteLog* log) { impl_->context.log = log; }

std::optional<Error> ReadTables::take_error() { return std::exchange(impl_->context.error, std::nullopt); }

}  // namespace ddb::sql
