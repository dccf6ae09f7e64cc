// PRAGMA integrity_check: whether rows and index entries still say the same.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "sql/reader.hpp"
#include "sql/schema.hpp"

namespace ddb::sql {

/// What does not fit in one table, in SQLite's words, `findings_max` at most; empty: all fits. Reads every row, and every entry
/// of the indexes that are public, a page at a time, through the transaction. Errors: of reading; a row or entry
/// that cannot be read is a finding.
Result<std::vector<std::string>> check_integrity(Reader& reader, const Table& table, size_t findings_max);

}  // namespace ddb::sql
