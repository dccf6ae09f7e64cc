// PostgreSQL's spellings turned into SQLite's. ddb-pg(7) lists them; what is not among them stays as it is, for SQLite to judge.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "pg/error.hpp"
#include "sql/rewriter.hpp"

namespace ddb::pg {

/// One statement in SQLite's words.
class Translation {
 public:
  /// 42704: a cast to a type that does not exist; 0A000: a construct without a bridge.
  static SqlResult<Translation> of(std::string_view statement);

  /// Of a text that is in SQLite's words already.
  static Translation none(std::string_view sql) { return Translation{sql::Edits{sql}}; }

  const std::string& sql() const { return sql_; }
  /// Where in the statement an offset of sql() comes from.
  size_t original_offset(size_t offset) const { return edits_.original_offset(offset); }

 private:
  explicit Translation(sql::Edits edits) : edits_{std::move(edits)}, sql_{edits_.apply()} {}
  sql::Edits edits_;  // their original may be gone: places need but its length
  std::string sql_;
};

}  // namespace ddb::pg
