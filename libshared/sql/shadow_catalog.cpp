#include "sql/shadow_catalog.hpp"

#include <sqlite3.h>

#include <utility>

#include "base/assert.hpp"
#include "sql/shadow_reader.hpp"
#include "sql/sqlite_values.hpp"

namespace ddb::sql {

namespace {

bool contains(std::string_view lower, std::string_view part) { return lower.find(part) != std::string_view::npos; }

/// A row that passes every NOT NULL and type check.
std::string dummy_row(const Table& table) {
  std::string names;
  std::string values;
  for (const auto& column : table.columns) {
    if (column.generated != Generated::no) continue;
    const bool blob = column.affinity == Affinity::blob;
    const bool text = column.affinity == Affinity::text;
    names += (names.empty() ? "" : ", ") + quote_name(column.name);
    values += std::string{values.empty() ? "" : ", "} + (blob ? "x''" : text ? "''" : "0");
  }
  return "INSERT INTO main." + quote_name(table.name) + "(" + names + ") VALUES(" + values + ")";
}

}  // namespace

Affinity affinity_of_type(std::string_view type) {
  std::string lower{type};
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  if (contains(lower, "int")) return Affinity::integer;
  if (contains(lower, "char") || contains(lower, "clob") || contains(lower, "text")) return Affinity::text;
  if (lower.empty() || contains(lower, "blob")) return Affinity::blob;
  if (contains(lower, "real") || contains(lower, "floa") || contains(lower, "doub")) return Affinity::real;
  return Affinity::numeric;
}

struct ShadowCatalog::Impl {
  PrivateDb db;
  Schema schema;
  Schema before;       // the last execute()
  bool can_undo = false;  // the savepoint of the last execute() is open

  Result<void> settle() {
    if (!std::exchange(can_undo, false)) return {};
    return db.run("RELEASE ddl");
  }
  Result<void> roll_back() { return db.run("ROLLBACK TO ddl; RELEASE ddl"); }

  Result<Schema> run(std::string_view ddl, const std::set<std::string>& populated) {
    for (const auto& [id, table] : schema.tables)
      if (populated.contains(table.name))
        if (auto done = db.run(dummy_row(table)); !done) return std::unexpected(done.error());
    auto statement = Statement::prepare(db.get(), ddl);
    if (!statement) return std::unexpected(statement.error());
    if (statement->get() == nullptr) return fail(Code::failed, "there is no statement");
    if (const auto stepped = statement->step(); !stepped) return std::unexpected(stepped.error());
    auto after = read_schema(db.get(), schema);
    if (!after) return after;
    // CREATE TABLE AS and the rows of above: the shadow stays empty.
    for (const auto& [id, table] : after->tables)
      if (auto done = db.run("DELETE FROM main." + quote_name(table.name)); !done) return std::unexpected(done.error());
    return after;
  }
};

ShadowCatalog::ShadowCatalog(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
ShadowCatalog::~ShadowCatalog() = default;

Result<std::unique_ptr<ShadowCatalog>> ShadowCatalog::open(const Schema& schema) {
  auto impl = std::make_unique<Impl>();
  // No trigger may fire and no CHECK may judge the rows that stand in for the real ones.
  sqlite3_db_config(impl->db.get(), SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  if (auto done = impl->db.run("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON"); !done)
    return std::unexpected(done.error());
  for (const auto& row : schema_rows(schema))
    if (row.sql)
      if (auto done = impl->db.run(*row.sql); !done) return std::unexpected(done.error());
  impl->schema = schema;
  return std::unique_ptr<ShadowCatalog>{new ShadowCatalog{std::move(impl)}};
}

Result<Schema> ShadowCatalog::execute(std::string_view ddl, const std::set<std::string>& populated) {
  if (auto done = impl_->settle(); !done) return std::unexpected(done.error());
  if (auto done = impl_->db.run("SAVEPOINT ddl"); !done) return std::unexpected(done.error());
  auto after = impl_->run(ddl, populated);
  if (!after) {
    if (auto done = impl_->roll_back(); !done) return std::unexpected(done.error());
    return after;
  }
  impl_->before = std::exchange(impl_->schema, *after);
  impl_->can_undo = true;
  return after;
}

Result<void> ShadowCatalog::undo() {
  DDB_ASSERT(impl_->can_undo);
  impl_->can_undo = false;
  impl_->schema = std::move(impl_->before);
  return impl_->roll_back();
}

const Schema& ShadowCatalog::schema() const { return impl_->schema; }
sqlite3* ShadowCatalog::connection() { return impl_->db.get(); }

}  // namespace ddb::sql
