// Temporary tables, views, indexes and triggers: SQLite's own, in the connection of the session that made them.
//
// They are part of the session's transactions: beside each one runs a transaction of the connection, from BEGIN to its end,
// once the session has made a temporary object. A rollback of that takes back all that was changed in the connection, the
// stages and views of its main schema included: whoever ends it has to make those anew.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "sql/head.hpp"

struct sqlite3;

namespace ddb::sql {

/// Not thread-safe.
class Temporary {
 public:
  explicit Temporary(sqlite3* db) : db_{db} {}

  /// `schema`.`name` is, or would be, temporary. An empty schema: only if there is one of that name, as SQLite resolves it.
  bool owns(std::string_view schema, std::string_view name) const;
  /// The DDL is about temporary objects.
  bool owns(const ParsedStatement& ddl) const;

  /// The session's transaction begins. Nothing happens before the first use().
  Result<void> begin();
  /// A statement is going to change temporary objects; in a transaction that has these savepoints, oldest first.
  Result<void> use(const std::vector<std::string>& savepoints);
  Result<void> savepoint(std::string_view name);
  Result<void> release(std::string_view name);
  /// True: the main schema has to be made anew.
  Result<bool> roll_back_to(std::string_view name);
  /// The session's transaction is over. True: as above.
  bool end(bool keep);

 private:
  Result<void> run(const std::string& sql) const;

  sqlite3* db_;
  bool used_ = false;     // there are, or were, such objects
  bool active_ = false;   // a transaction of the connection runs
  bool changed_ = false;  // something in it, so that a rollback is worth its price
};

}  // namespace ddb::sql
