#include "sql/shadow_catalog.hpp"

#include <sqlite3.h>

#include <utility>

#include "base/assert.hpp"
#include "sql/shadow_reader.hpp"
#include "sql/query.hpp"

namespace ddb::sql {

namespace {

/// Sessions run what is stored inside texts of their own, which nest a little deeper.
constexpr int stored_depth_max = PrivateDb::expression_depth_max - 20;

bool contains(std::string_view lower, std::string_view part) { return lower.find(part) != std::string_view::npos; }

Result<void> insert_row(sqlite3* db, const Table& table, const Row& row) {
  std::string names;
  std::string marks;
  for (const auto& column : table.columns) {
    if (column.generated != Generated::no) continue;
    names += (names.empty() ? "" : ", ") + quote_name(column.name);
    marks += marks.empty() ? "?" : ", ?";
  }
  auto insert = Query::prepare(db, "INSERT INTO main." + quote_name(table.name) + "(" + names + ") VALUES(" + marks + ")");
  if (!insert) return std::unexpected(insert.error());
  int parameter = 0;
  for (size_t i = 0; i < table.columns.size(); ++i)
    if (table.columns[i].generated == Generated::no) insert->bind(++parameter, to_view(row.values[i]));
  const auto done = insert->next();
  if (!done) return std::unexpected(done.error());
  return {};
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

  Result<Schema> run(std::string_view ddl, const std::map<std::string, Row>& samples) {
    for (const auto& [name, row] : samples)
      if (auto done = insert_row(db.get(), *schema.find_table(name), row); !done) return std::unexpected(done.error());
    auto statement = Query::prepare(db.get(), ddl);
    if (!statement) return std::unexpected(statement.error());
    if (statement->get() == nullptr) return fail(Code::failed, "there is no statement");
    if (const auto stepped = statement->next(); !stepped) return std::unexpected(stepped.error());
    auto after = read_schema(db.get(), schema);
    if (!after) return after;
    // CREATE TABLE AS and the rows of above: the shadow stays empty.
    for (const auto& [id, table] : after->tables) {
      if (schema.tables.contains(id) && samples.empty()) continue;
      if (auto done = db.run("DELETE FROM main." + quote_name(table.name)); !done) return std::unexpected(done.error());
    }
    return after;
  }
};

ShadowCatalog::ShadowCatalog(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
ShadowCatalog::~ShadowCatalog() = default;

Result<std::unique_ptr<ShadowCatalog>> ShadowCatalog::open(const Schema& schema) {
  auto impl = std::make_unique<Impl>();
  sqlite3_limit(impl->db.get(), SQLITE_LIMIT_EXPR_DEPTH, stored_depth_max);
  // No trigger may fire for a sample row.
  sqlite3_db_config(impl->db.get(), SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  if (auto done = impl->db.run("PRAGMA foreign_keys = OFF"); !done)
    return std::unexpected(done.error());
  for (const auto& row : schema_rows(schema))
    if (row.sql)
      if (auto done = impl->db.run(*row.sql); !done) return std::unexpected(done.error());
  impl->schema = schema;
  return std::unique_ptr<ShadowCatalog>{new ShadowCatalog{std::move(impl)}};
}

Result<Schema> ShadowCatalog::execute(std::string_view ddl, const std::map<std::string, Row>& samples) {
  if (auto done = impl_->settle(); !done) return std::unexpected(done.error());
  if (auto done = impl_->db.run("SAVEPOINT ddl"); !done) return std::unexpected(done.error());
  auto after = impl_->run(ddl, samples);
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
void ShadowCatalog::adopt(Schema schema) { impl_->schema = std::move(schema); }
sqlite3* ShadowCatalog::connection() { return impl_->db.get(); }

}  // namespace ddb::sql
