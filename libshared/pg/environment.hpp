// What PostgreSQL's functions and catalogs say about the session that asks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "pg/settings.hpp"
#include "sql/schema.hpp"

struct sqlite3;

namespace ddb::pg {

struct Environment {
  Settings* settings = nullptr;
  std::function<std::shared_ptr<const sql::Schema>()> schema;
  std::string user;
  std::string database;
  uint32_t process = 0;
  int64_t transaction_microseconds = 0;  // since 1970: now(), one for a transaction
  std::function<int64_t()> unix_microseconds;
};

/// Adds version(), now() and their like to a connection. `environment` must outlive it.
Result<void> add_functions(sqlite3* db, Environment* environment);
/// Adds pg_class and the other catalogs that clients read.
Result<void> add_catalogs(sqlite3* db, Environment* environment);

}  // namespace ddb::pg
