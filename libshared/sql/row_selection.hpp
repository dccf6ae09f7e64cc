// What a statement wants of a table's rows, in terms that ranges understand (codec/selection.hpp).
#pragma once

#include <optional>
#include <string>

#include "codec/selection.hpp"
#include "sql/read_plan.hpp"
#include "sql/schema.hpp"

struct sqlite3_value;

namespace ddb::sql {

/// Where the other side of a comparison comes from decides what SQLite turns into what (SQL.md, trap 1).
enum class Origin : uint8_t {
  literal,     // or a parameter: no affinity of its own
  statement,   // of one table: perhaps a CAST
  tables,      // perhaps a column of another one
};

/// The constant as SQLite compares it with a column of this affinity, whatever the column holds; nullopt: that cannot be
/// told. `equality`: it is = or IN, for which some conversions make no difference. NULL stays NULL.
std::optional<codec::Value> constant_for(sqlite3_value* value, Affinity affinity, Origin origin, bool equality);

/// A column that ranges can find the values of: one that is not computed, or the rowid.
bool is_stored(const Table& table, uint32_t column);

/// Builds a Selection for one table.
class RowSelection {
 public:
  explicit RowSelection(const Table& table);

  /// Place of a stored column among the Selection's.
  uint32_t column(uint32_t id);
  codec::Selection& selection() { return selection_; }
  void add(codec::SelectStep step) { selection_.condition.push_back(std::move(step)); }
  /// column `op` value. NULL: unknown.
  void compare(uint32_t id, codec::SelectOp op, Collation collation, const codec::Value& value);
  /// column IN (values), as far as they are not NULL.
  void in(uint32_t id, Collation collation, const std::vector<codec::Value>& values, bool null_listed);
  void is_null(uint32_t id);
  /// These columns, and the rowid, are given out.
  void keep(const std::vector<uint32_t>& columns);

 private:
  const Table& table_;
  codec::Selection selection_;
};

/// What a plan's filter and columns come to, encoded; empty: nothing is left out. `arguments`: xFilter's.
Bytes selection_of(const Table& table, const ReadPlan& plan, sqlite3_value** arguments, bool other_tables);

}  // namespace ddb::sql
