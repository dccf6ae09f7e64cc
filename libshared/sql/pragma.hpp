// PRAGMAs: a few are the session's, those about the schema are answered by the shadow, the rest mean nothing here.
#pragma once

#include "sql/executor.hpp"
#include "sql/head.hpp"

namespace ddb::sql {

/// Runs a PRAGMA. Unknown ones return nothing, as in SQLite, so that scripts made for files go through.
SqlResult<Outcome> run_pragma(const ParsedStatement& s, Executor& executor, Catalog& catalog, bool in_transaction);

/// Runs any statement that reads the schema alone (PRAGMA table_info, REINDEX, ANALYZE) on the shadow.
SqlResult<Outcome> run_on_shadow(const ParsedStatement& s, Catalog& catalog);

}  // namespace ddb::sql
