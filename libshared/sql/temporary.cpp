#include "sql/temporary.hpp"

#include <sqlite3.h>

#include <utility>

#include "base/assert.hpp"
#include "sql/query.hpp"
#include "sql/schema.hpp"

namespace ddb::sql {

namespace {

bool is_temp(std::string_view schema) { return same_name(schema, "temp"); }

/// Names of the session's own: "$run" is the stages'.
std::string savepoint_name(std::string_view name) { return quote_name(std::string{"u"}.append(name)); }

}  // namespace

bool Temporary::owns(std::string_view schema, std::string_view name) const {
  if (!schema.empty() || !used_) return is_temp(schema);
  const auto query = Query::prepare(db_, "SELECT 1 FROM temp.sqlite_schema WHERE name = ?1 COLLATE NOCASE");
  if (!query) return false;
  query->bind(1, ValueView{name});
  return query->step() == SQLITE_ROW;
}

bool Temporary::owns(const ParsedStatement& ddl) const {
  const Head& head = ddl.head;
  if (head.temporary) return true;
  if (head.object.empty()) return false;
  const std::string schema = head.object.size() > 1 ? head.object.front() : "";
  // What is created is where its table is; a table or view, in main unless it says otherwise.
  if (head.kind != StatementKind::create) return owns(schema, head.object.back());
  if (is_temp(schema)) return true;
  const size_t on = find_word(ddl, {0, ddl.tokens.size()}, "ON");
  const bool has_table = head.tag == "CREATE INDEX" || head.tag == "CREATE TRIGGER";
  return has_table && schema.empty() && on + 1 < ddl.tokens.size() && owns("", ddl.name(on + 1));
}

Result<void> Temporary::run(const std::string& sql) const {
  const auto query = Query::prepare(db_, sql);
  if (!query) return std::unexpected(query.error());
  return query->run();
}

Result<void> Temporary::begin() {
  if (!used_ || active_) return {};
  auto begun = run("BEGIN");
  active_ = begun.has_value();
  return begun;
}

Result<void> Temporary::use(const std::vector<std::string>& savepoints) {
  used_ = true;
  if (!active_) {
    if (auto begun = begin(); !begun) return begun;
    for (const auto& name : savepoints) {
      if (auto added = savepoint(name); !added) return added;
    }
  }
  changed_ = true;
  return {};
}

Result<void> Temporary::savepoint(std::string_view name) {
  return active_ ? run("SAVEPOINT " + savepoint_name(name)) : Result<void>{};
}

Result<void> Temporary::release(std::string_view name) {
  return active_ ? run("RELEASE " + savepoint_name(name)) : Result<void>{};
}

Result<bool> Temporary::roll_back_to(std::string_view name) {
  if (!active_ || !changed_) return false;
  if (auto done = run("ROLLBACK TO " + savepoint_name(name)); !done) return std::unexpected(done.error());
  return true;
}

bool Temporary::end(bool keep) {
  if (!std::exchange(active_, false)) return false;
  const bool undo = std::exchange(changed_, false) && !keep;
  if (sqlite3_get_autocommit(db_) != 0) return true;  // ON CONFLICT ROLLBACK has ended it
  const auto ended = run(undo ? "ROLLBACK" : "COMMIT");
  DDB_ASSERT(ended.has_value());  // nothing is running, and nothing else holds a lock
  return undo;
}

}  // namespace ddb::sql
