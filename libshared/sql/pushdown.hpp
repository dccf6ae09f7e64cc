// A SELECT that comes to totals of one table, taken apart: what the table's ranges add up, and a SELECT over their answers.
//
//   SELECT a, count(*), max(b) FROM t WHERE c > 5 GROUP BY a HAVING count(*) > 3 ORDER BY 2
//
//   probe   SELECT 1 FROM t WHERE c > 5                  which keys: the read table's cursor asks their ranges for totals
//   merge   SELECT a, coalesce(sum("$0"), 0), max("$1") FROM "$totals1" AS t GROUP BY a HAVING ... ORDER BY 2
//
// Taken are only statements whose answer cannot depend on where it is computed: conditions that compare columns with
// constants, and totals that come out the same in any order. Sums are so as long as they are of INTEGERs and do not
// overflow: the ranges say so (codec/selection.hpp), and if they do not, the statement runs as if it had not been taken.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sql/head.hpp"
#include "sql/query.hpp"
#include "sql/row_selection.hpp"
#include "sql/schema.hpp"

namespace ddb::sql {

/// One step of a condition; its constants are places in the row of `Totals::constants`.
struct ConditionStep {
  codec::SelectOp op = codec::SelectOp::unknown;
  uint32_t column = 0;  // id
  std::vector<size_t> constants = {};
};

struct Totals {
  const Table* table = nullptr;
  std::string name;  // of the module that holds the ranges' answers
  std::vector<uint32_t> group_by;  // columns, by id
  std::vector<codec::SelectAggregate> totals;  // `column`: id
  std::vector<uint64_t> magnitudes_max;  // of each total, if it is a sum: what may be added up in any order
  std::vector<ConditionStep> condition;  // postfix
  std::string declaration;  // of the module's columns: those of group_by, then "$0", "$1"... in order of the answers' cells
  std::string probe;
  std::string constants;  // SELECT of all constants of the condition; empty: there are none
  std::string merge;

  /// With the values of `constants`. nullopt: it depends on what the column holds.
  std::optional<codec::Selection> selection(const Query& constants) const;
};

/// nullopt: it is no such statement, or may not be one. `merge` has yet to be prepared: SQLite may refuse it.
std::optional<Totals> take_apart(const ParsedStatement& s, const Schema& schema, const std::string& module);

}  // namespace ddb::sql
