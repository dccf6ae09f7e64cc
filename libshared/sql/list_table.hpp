// Read-only tables whose few rows a function gives: sqlite_schema and sqlite_sequence.
#pragma once

#include <functional>
#include <vector>

#include "base/result.hpp"
#include "codec/value.hpp"

struct sqlite3;

namespace ddb::sql {

using ListRows = std::vector<std::vector<codec::Value>>;

/// Registers the eponymous table `name` with the columns of `declaration` ("CREATE TABLE x(...)"). `rows` gives all rows,
/// as wide as that, at every scan; what it returns as an error becomes the statement's, by its message.
int register_list_table(sqlite3* db, const char* name, const char* declaration, std::function<Result<ListRows>()> rows);

}  // namespace ddb::sql
