// What a scan wants of the rows that it meets: which of them, which of their cells, or what they come to together.
//
// A gateway writes a Selection, the range that is scanned goes by it; nobody between them looks inside. Values are
// compared as parts of keys (key.hpp), which sort as SQLite sorts: so there is one notion of order, and constants come
// with affinity and collation applied by whoever knows the statement.
//
// Selections and what totals answer are on the wire: append fields and numbers only, never reuse.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "base/result.hpp"
#include "codec/key.hpp"
#include "codec/row.hpp"
#include "codec/value.hpp"
#include "env/kv.hpp"

namespace ddb::codec {

/// One part of the rows' keys, behind their prefix.
struct SelectKeyPart {
  bool descending = false;
  bool real = false;  // numbers in it are REAL

  bool operator==(const SelectKeyPart&) const = default;
  static constexpr auto fields() { return std::tuple{&SelectKeyPart::descending, &SelectKeyPart::real}; }
};

/// Where a column's value is: in its cell; in the key, when that is NULL; `missing`, when the row has no such cell.
struct SelectColumn {
  uint32_t cell = 0;
  std::optional<uint32_t> part;  // of the key
  Bytes missing;                 // a row of one cell; empty: NULL

  bool operator==(const SelectColumn&) const = default;
  static constexpr auto fields() { return std::tuple{&SelectColumn::cell, &SelectColumn::part, &SelectColumn::missing}; }
};

/// A step of a condition in postfix order. Comparisons push true, false or unknown; the last three take theirs from there.
enum class SelectOp : uint8_t {
  eq = 1, ne, lt, le, gt, ge,  // column and parts[0]; unknown when the column is NULL
  in,                          // any of the parts, which ascend; `unknown`: NULL is among what was listed
  is_null,
  unknown,                     // always
  both, either, negate,
};

struct SelectStep {
  SelectOp op = SelectOp::unknown;
  uint32_t column = 0;  // place in Selection::columns
  Collation collation = Collation::binary;
  std::vector<Bytes> parts = {};  // ascending parts of keys, folded by the collation; none is NULL
  bool unknown = false;

  bool operator==(const SelectStep&) const = default;
  static constexpr auto fields() {
    return std::tuple{&SelectStep::op, &SelectStep::column, &SelectStep::collation, &SelectStep::parts, &SelectStep::unknown};
  }
};

/// What rows come to. NULLs count for `rows` alone.
enum class SelectTotal : uint8_t {
  rows = 1,  // one cell: how many
  count,     // one cell: how many
  sum,       // three: how many, their sum, the sum of their magnitudes; the last is NULL, and the second of no use, where
             // a value is no INTEGER, or the magnitudes exceed INTEGER: adding up in another order may give something else
  min, max,  // one: the first such value in the order of the scan; NULL: none
};

struct SelectAggregate {
  SelectTotal total = SelectTotal::rows;
  uint32_t column = 0;
  Collation collation = Collation::binary;  // of min and max

  bool operator==(const SelectAggregate&) const = default;
  static constexpr auto fields() { return std::tuple{&SelectAggregate::total, &SelectAggregate::column, &SelectAggregate::collation}; }
};

struct Selection {
  static constexpr size_t columns_max = 256;
  static constexpr size_t steps_max = 1024;

  std::vector<SelectKeyPart> key;
  std::vector<SelectColumn> columns;   // that the rest speaks of
  std::vector<SelectStep> condition;   // empty: every row will do; else its result must be true
  std::optional<std::vector<uint32_t>> cells;  // ascending: only these are given out, others as NULL or not at all
  /// Not empty: no rows are given out, but the totals of each group of them, in order of first appearance. A group has
  /// identical values in `group_by` columns, and is a row itself: its key those values, its value the totals' cells, either
  /// by encode_row(0, ...). No row, no group.
  std::vector<SelectAggregate> totals;
  std::vector<uint32_t> group_by;

  bool operator==(const Selection&) const = default;
  static constexpr auto fields() {
    return std::tuple{&Selection::key,    &Selection::columns,  &Selection::condition, &Selection::cells,
                      &Selection::totals, &Selection::group_by};
  }
};

/// Goes by a Selection over the rows of one page.
class Selector {
 public:
  /// bad_data: not a Selection, or one that refers to what it does not have.
  static Result<Selector> open(BytesView selection);
  static Result<Selector> open(Selection selection);

  /// What of a row is given out: nullopt: nothing. Until the next call. bad_data: the row is damaged.
  Result<std::optional<BytesView>> take(BytesView key, BytesView row);

  bool has_totals() const { return !selection_.totals.empty(); }
  size_t groups() const { return groups_.size(); }
  size_t group_bytes() const { return group_bytes_; }  // about what take_groups() gives out
  /// What the rows so far come to; it starts anew then.
  std::vector<env::KeyValue> take_groups();

 private:
  enum class Truth : uint8_t { no, yes, unknown };
  struct Tally {
    int64_t count = 0;
    uint64_t magnitude = 0;
    int64_t sum = 0;
    bool inexact = false;
    Bytes part;   // of `value`
    Value value;  // of min and max
  };
  struct Group {
    Bytes key;
    std::vector<Tally> tallies;
  };

  explicit Selector(Selection selection) : selection_{std::move(selection)} {}
  Result<void> prepare();
  Result<void> check_condition() const;
  Result<void> open_row(BytesView key, BytesView row);
  Result<ValueView> value(uint32_t column);
  Result<const Value*> key_value(uint32_t part);
  Result<Truth> condition();
  Result<Truth> compare(const SelectStep& step);
  Result<BytesView> project();
  Result<void> add();
  Result<void> add(const SelectAggregate& total, Tally& tally);
  Result<Group*> group();

  Selection selection_;
  std::vector<Value> missing_;  // by column

  // The row at hand.
  BytesView key_;
  RowReader row_;
  std::vector<Value> key_values_;  // as far as they were wanted
  std::vector<Truth> stack_;
  Bytes part_;
  Bytes scratch_;

  std::vector<Group> groups_;            // in order of first appearance
  std::map<Bytes, size_t> by_key_;
  size_t latest_ = 0;
  size_t group_bytes_ = 0;
};

}  // namespace ddb::codec
