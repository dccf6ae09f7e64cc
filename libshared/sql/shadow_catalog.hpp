// DDL by SQLite itself: real, empty tables on a private connection take the statement, and are read back.
//
// Errors, rename cascades into views, triggers and indexes, and the checks of DROP COLUMN are SQLite's own. What an empty
// table cannot check (rows that ADD COLUMN would break, uniqueness of rows) is the catalog's.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "sql/rows.hpp"
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
  /// CREATE TABLE AS makes the table alone; its rows are the caller's to insert.
  /// `samples`: one real row each of tables that have rows, by name; they are there while the statement runs, so that SQLite
  /// refuses what rows forbid.
  Result<Schema> execute(std::string_view ddl, const std::map<std::string, Row>& samples = {});
  /// Goes back to the schema before the last execute().
  Result<void> undo();

  const Schema& schema() const;
  /// Takes over a schema that differs in versions, ids and index states alone.
  void adopt(Schema schema);
  /// For PRAGMAs about the schema and SELECTs over the empty tables; borrowed, to be left as it was found.
  sqlite3* connection();

 private:
  struct Impl;
  explicit ShadowCatalog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// SQLite's rules for a declared type (Datatypes In SQLite, section 3.1).
Affinity affinity_of_type(std::string_view type);

}  // namespace ddb::sql
