// DDL by SQLite itself: real, empty tables on a private connection take the statement, and are read back.
//
// Errors, rename cascades into views, triggers and indexes, and the checks of DROP COLUMN are SQLite's own. What an empty
// table cannot check (NOT NULL without default, uniqueness of rows, foreign keys on DROP) is the catalog's.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.hpp"
#include "sql/schema.hpp"

struct sqlite3;

namespace ddb::sql {

/// One schema, as SQLite holds it. Not thread-safe.
class ShadowCatalog {
 public:
  /// Recreates every object of `schema`, in order of creation.
  static Result<std::unique_ptr<ShadowCatalog>> open(const Schema& schema);
  ~ShadowCatalog();

  /// Runs one CREATE, DROP or ALTER and gives the schema after it: version one higher, new objects with new ids, new
  /// indexes in state public_. On an error (SQLite's message, Code::failed) nothing has changed.
  /// The version stays as it was when the statement changed nothing (IF NOT EXISTS, IF EXISTS).
  Result<Schema> execute(std::string_view ddl);
  /// Goes back to the schema before the last execute().
  Result<void> undo();

  /// Runs a PRAGMA about the schema (table_info, index_list, foreign_key_list...) or any SELECT over the empty
  /// tables. The statement is the caller's to step and finalize; borrowed connection.
  sqlite3* connection();

 private:
  struct Impl;
  explicit ShadowCatalog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ddb::sql
