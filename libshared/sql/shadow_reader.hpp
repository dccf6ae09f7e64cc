// Descriptors read back from real tables, by SQLite's own PRAGMAs.
#pragma once

#include "base/result.hpp"
#include "sql/schema.hpp"

struct sqlite3;

namespace ddb::sql {

/// The main schema of `db` after one statement changed it, `before` being what it was. Objects that are still there keep
/// their ids (one name gone and one new, in one statement, is a rename), new ones take new ids.
/// The version is one higher when anything differs. failed: what this database does not support.
Result<Schema> read_schema(sqlite3* db, const Schema& before);

}  // namespace ddb::sql
