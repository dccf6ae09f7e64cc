// The text of stage tables and of index expressions, cut from the user's own DDL.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "sql/schema.hpp"

struct sqlite3;

namespace ddb::sql {

/// Statements that create the stage of `table` (an existing table of `db`, left as it is): CREATE TABLE "name$w" with
/// generated columns STORED, then its UNIQUE indexes.
Result<std::vector<std::string>> stage_ddl(sqlite3* db, const std::string& table, const std::vector<Index>& indexes);

/// What stands between the parentheses and behind WHERE in a CREATE INDEX, without ASC and DESC.
struct IndexText {
  std::vector<std::string> columns;
  std::string where;
};
IndexText parse_index(std::string_view create_index);

/// CREATE TABLE with every generated column STORED.
std::string store_generated(std::string_view create_table);

}  // namespace ddb::sql
