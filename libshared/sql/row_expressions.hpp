// SQL expressions of indexes, evaluated over rows by SQLite itself.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "sql/rows.hpp"

namespace ddb::sql {

/// Expressions over the columns of one table, with their affinities and collations, on a private connection. Borrows
/// the table. Not thread-safe.
class RowExpressions {
 public:
  static Result<std::unique_ptr<RowExpressions>> open(const Table& table, std::vector<std::string> expressions);
  ~RowExpressions();

  /// One value per expression. failed: what SQLite says (an overflow, malformed JSON).
  Result<std::vector<Value>> evaluate(const RowView& row);

 private:
  struct Impl;
  explicit RowExpressions(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The values of a table's generated columns for a row written before they were added, by a real table of the same SQL.
/// In order of declaration; ordinary columns are passed through.
Result<std::vector<Value>> compute_generated(const Table& table, const RowView& row);

}  // namespace ddb::sql
