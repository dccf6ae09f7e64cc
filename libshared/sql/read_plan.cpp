#include "sql/read_plan.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <span>
#include <utility>

#include "sql/row_selection.hpp"
#include "sql/rows.hpp"
#include "sql/sqlite_values.hpp"

namespace ddb::sql {

namespace {

using Op = KeyTerm::Op;

// Guesses without statistics, SQLite's own (where.c): a million rows, ten for an equal key, a quarter for one bound.
constexpr double rows_of_table = 1'000'000;
constexpr double rows_of_equal = 10;
constexpr double rows_of_in = 10;
constexpr double one_bound = 0.25;
constexpr double two_bounds = 1.0 / 64;
// Costs in rows that come along with a scan.
constexpr double cost_of_request = 10;
constexpr double cost_of_lookup = 3;    // of a row through an index
constexpr double cost_of_entry = 0.7;   // of a row that its index entry tells all about
constexpr double cost_of_sort = 2;      // per row, when ORDER BY is left to SQLite
constexpr double cost_of_sort_limited = 10;  // the same when a LIMIT would have stopped early

constexpr uint32_t no_column = UINT32_MAX - 1;

/// The column id behind a column number of the virtual table; the rowid and its alias are one.
uint32_t column_id(const Table& table, int number) {
  if (number < 0) return table.rowid_alias != 0 ? table.rowid_alias : rowid_column;
  const auto at = static_cast<size_t>(number);
  return at < table.columns.size() ? table.columns[at].id : no_column;
}

Collation declared_collation(const Table& table, uint32_t id) {
  const Column* column = table.column(id);
  return column == nullptr ? Collation::binary : column->collation;
}

/// Makes the plan for one path, and says what it would cost.
class PathPlanner {
 public:
  PathPlanner(const Table& table, const KeyPath& path, sqlite3_index_info* info) : table_{table}, info_{info} {
    plan_.path = path;
  }

  void run() {
    while (plan_.equal.size() < parts().size() && take_equal(parts()[plan_.equal.size()])) {}
    plan_.point = plan_.path.unique && plan_.equal.size() == parts().size();
    if (plan_.equal.size() < parts().size() && plan_.path.kind != KeyPath::Kind::column) take_range(parts()[plan_.equal.size()]);
    take_order();
    take_limit();
    estimate();
  }

  bool seeks() const { return !plan_.whole(); }
  double total_cost() const {
    if (ordered_ || info_->nOrderBy == 0) return cost_;
    return cost_ + rows_ * (plan_.limit >= 0 ? cost_of_sort_limited : cost_of_sort);
  }

  ReadPlan answer() && {
    if (plan_.path.kind != KeyPath::Kind::index && !plan_.point) take_filter();
    take_columns();
    for (size_t i = 0; i < used_.size(); ++i) {
      info_->aConstraintUsage[used_[i]].argvIndex = static_cast<int>(i) + 1;
      info_->aConstraintUsage[used_[i]].omit = 0;  // trap 1: SQLite checks again, with its own affinities
    }
    for (const int constraint : in_) sqlite3_vtab_in(info_, constraint, 1);
    if (ordered_) keep_order();
    info_->orderByConsumed = !plan_.order.empty();
    info_->estimatedCost = cost_;
    info_->estimatedRows = static_cast<sqlite3_int64>(std::max(rows_, 1.0));
    if (one_row_) info_->idxFlags |= SQLITE_INDEX_SCAN_UNIQUE;
    describe();
    return std::move(plan_);
  }

 private:
  const std::vector<KeyColumn>& parts() const { return plan_.path.parts; }

  bool usable(int i, uint32_t id) const {
    const auto& constraint = info_->aConstraint[i];
    return constraint.usable != 0 && constraint.op < SQLITE_INDEX_CONSTRAINT_LIMIT && column_id(table_, constraint.iColumn) == id;
  }
  /// Trap 4: a path serves a comparison under its own collation alone.
  bool collates(int i, const KeyColumn& part) const {
    return same_name(sqlite3_vtab_collation(info_, i), collation_name(part.collation));
  }

  /// A column may be in a path twice, as an index's and as the row key's.
  int use(int constraint) {
    const auto at = std::ranges::find(used_, constraint);
    const auto argument = static_cast<int>(at - used_.begin());
    if (at == used_.end()) used_.push_back(constraint);
    return argument;
  }

  /// The first usable constraint with one of these operators, `in` lists last.
  bool take_equal(const KeyColumn& part) {
    int list = -1;
    for (int i = 0; i < info_->nConstraint; ++i) {
      if (!usable(i, part.column)) continue;
      const int op = info_->aConstraint[i].op;
      if (op == SQLITE_INDEX_CONSTRAINT_ISNULL) {
        plan_.equal.push_back({Op::is_null, use(i)});
        return true;
      }
      if ((op != SQLITE_INDEX_CONSTRAINT_EQ && op != SQLITE_INDEX_CONSTRAINT_IS) || !collates(i, part)) continue;
      if (sqlite3_vtab_in(info_, i, -1) != 0) {
        list = i;
        continue;
      }
      plan_.equal.push_back({op == SQLITE_INDEX_CONSTRAINT_IS ? Op::is : Op::eq, use(i)});
      return true;
    }
    // A column that only a cache sorts is looked up value by value: SQLite runs through the list itself.
    if (list < 0 || plan_.path.kind == KeyPath::Kind::column) return false;
    in_.push_back(list);
    plan_.equal.push_back({Op::in, use(list)});
    return true;
  }

  void take_range(const KeyColumn& part) {
    for (int i = 0; i < info_->nConstraint; ++i) {
      if (!usable(i, part.column) || !collates(i, part)) continue;
      switch (info_->aConstraint[i].op) {
        case SQLITE_INDEX_CONSTRAINT_GT: take_bound(plan_.lower, Op::gt, i); break;
        case SQLITE_INDEX_CONSTRAINT_GE: take_bound(plan_.lower, Op::ge, i); break;
        case SQLITE_INDEX_CONSTRAINT_LT: take_bound(plan_.upper, Op::lt, i); break;
        case SQLITE_INDEX_CONSTRAINT_LE: take_bound(plan_.upper, Op::le, i); break;
        default: break;
      }
    }
  }
  void take_bound(std::optional<KeyTerm>& bound, Op op, int constraint) {
    if (!bound) bound = KeyTerm{op, use(constraint)};
  }

  bool fixed_column(uint32_t id) const {
    for (size_t i = 0; i < plan_.equal.size(); ++i)
      if (parts()[i].column == id && plan_.fixed(i) && parts()[i].collation == declared_collation(table_, id)) return true;
    return false;
  }

  /// ORDER BY a prefix of the path's order, columns with one value aside.
  void take_order() {
    if (plan_.path.kind == KeyPath::Kind::column) return;
    size_t part = 0;
    std::optional<bool> reverse;
    for (int i = 0; i < info_->nOrderBy; ++i) {
      const uint32_t id = column_id(table_, info_->aOrderBy[i].iColumn);
      if (fixed_column(id)) continue;
      while (plan_.fixed(part)) ++part;
      if (part == parts().size() && tells_one_row()) break;
      if (part == parts().size() || parts()[part].column != id) return;
      if (parts()[part].collation != declared_collation(table_, id)) return;
      const bool down = (info_->aOrderBy[i].desc != 0) != parts()[part].descending;
      if (reverse.value_or(down) != down) return;
      reverse = down;
      ++part;
    }
    ordered_ = true;
    plan_.reverse = reverse.value_or(false);
  }

  void keep_order() {
    for (int i = 0; i < info_->nOrderBy; ++i) {
      const uint32_t id = column_id(table_, info_->aOrderBy[i].iColumn);
      plan_.order.push_back({id, {declared_collation(table_, id), info_->aOrderBy[i].desc != 0}});
    }
  }

  /// The whole path orders rows totally: trap 4, NULLs are not unique.
  bool tells_one_row() const {
    if (!plan_.path.unique) return plan_.path.kind == KeyPath::Kind::index;  // the row's key ends it
    return std::ranges::all_of(parts(), [&](const KeyColumn& part) {
      const Column* column = table_.column(part.column);
      return column == nullptr || column->not_null || column->id == table_.rowid_alias ||
             (plan_.path.kind == KeyPath::Kind::rows && table_.clustering == Clustering::without_rowid);
    });
  }

  void take_limit() {
    for (int i = 0; i < info_->nConstraint; ++i) {
      if (info_->aConstraint[i].usable == 0) continue;
      if (info_->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_LIMIT) plan_.limit = use(i);
      if (info_->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_OFFSET) plan_.offset = use(i);
    }
  }

  static std::optional<FilterTerm::Op> filter_op(int op) {
    switch (op) {
      case SQLITE_INDEX_CONSTRAINT_EQ: return FilterTerm::Op::eq;
      case SQLITE_INDEX_CONSTRAINT_NE: return FilterTerm::Op::ne;
      case SQLITE_INDEX_CONSTRAINT_LT: return FilterTerm::Op::lt;
      case SQLITE_INDEX_CONSTRAINT_LE: return FilterTerm::Op::le;
      case SQLITE_INDEX_CONSTRAINT_GT: return FilterTerm::Op::gt;
      case SQLITE_INDEX_CONSTRAINT_GE: return FilterTerm::Op::ge;
      case SQLITE_INDEX_CONSTRAINT_IS: return FilterTerm::Op::is;
      case SQLITE_INDEX_CONSTRAINT_ISNOT: return FilterTerm::Op::is_not;
      case SQLITE_INDEX_CONSTRAINT_ISNULL: return FilterTerm::Op::is_null;
      case SQLITE_INDEX_CONSTRAINT_ISNOTNULL: return FilterTerm::Op::not_null;
      default: return std::nullopt;
    }
  }

  /// What the path's keys do not settle.
  void take_filter() {
    const bool scans = plan_.path.kind == KeyPath::Kind::column;  // the path is SQLite's: the ranges know nothing of it
    for (int i = 0; i < info_->nConstraint; ++i) {
      const auto op = filter_op(info_->aConstraint[i].op);
      const uint32_t id = column_id(table_, info_->aConstraint[i].iColumn);
      if (!op || !usable(i, id) || (!scans && std::ranges::find(used_, i) != used_.end()) || !is_stored(table_, id)) continue;
      FilterTerm term{.op = *op, .column = id, .collation = Collation::binary, .argument = -1};
      const bool value = *op != FilterTerm::Op::is_null && *op != FilterTerm::Op::not_null;
      const auto collation = collation_named(sqlite3_vtab_collation(info_, i));
      if (value && !collation) continue;
      term.collation = collation.value_or(Collation::binary);
      if (*op == FilterTerm::Op::eq && sqlite3_vtab_in(info_, i, -1) != 0) {
        if (scans && std::ranges::find(used_, i) != used_.end()) continue;
        term.op = FilterTerm::Op::in;
        in_.push_back(i);
      }
      term.argument = use(i);
      plan_.filter.push_back(term);
    }
  }

  /// "$key" is no column; "$row" is all of them.
  void take_columns() {
    std::vector<uint32_t> used;
    for (size_t i = 0; i < table_.columns.size() + 2; ++i) {
      if ((info_->colUsed >> std::min<size_t>(i, 63) & 1) == 0 || i == table_.columns.size()) continue;
      if (i > table_.columns.size()) return;
      used.push_back(table_.columns[i].id);
    }
    if (used.size() < table_.columns.size() && std::ranges::all_of(used, [&](uint32_t id) { return is_stored(table_, id); }))
      plan_.columns = std::move(used);
  }

  void estimate() {
    rows_ = rows_of_table;
    if (!plan_.equal.empty()) rows_ = rows_of_equal - std::min<double>(static_cast<double>(plan_.equal.size()), 6) + 1;
    if (plan_.point) rows_ = 1;
    one_row_ = plan_.point && equals_one_value();
    for (const auto& term : plan_.equal)
      if (term.op == Op::in) rows_ *= rows_of_in;
    if (plan_.lower && plan_.upper) {
      rows_ *= two_bounds;
    } else if (plan_.lower || plan_.upper) {
      rows_ *= one_bound;
    }
    rows_ = std::max(rows_, 1.0);
    if (plan_.path.kind == KeyPath::Kind::column) {
      cost_ = rows_of_table;  // until the statement comes back
      return;
    }
    double per_row = 1;
    if (plan_.path.kind == KeyPath::Kind::index) per_row = covers() ? cost_of_entry : 1 + cost_of_lookup;
    cost_ = cost_of_request + rows_ * per_row;
  }

  /// Trap 3: nothing but =, and on columns with numeric affinity: TEXT '5' and '5.0' may both equal 5.
  bool equals_one_value() const {
    for (size_t i = 0; i < parts().size(); ++i) {
      const Affinity affinity = affinity_of(table_, parts()[i]);
      if (plan_.equal[i].op != Op::eq || affinity == Affinity::text || affinity == Affinity::blob) return false;
    }
    return true;
  }

  /// Every column that the statement uses is in the index's entries.
  bool covers() const {
    for (size_t i = 0; i < table_.columns.size() + 2; ++i) {
      if ((info_->colUsed >> std::min<size_t>(i, 63) & 1) == 0) continue;
      if (i == table_.columns.size()) continue;  // "$key" is in the entry
      const uint32_t id = column_id(table_, static_cast<int>(i));
      const auto has = [&](const std::vector<KeyColumn>& columns) {
        return std::ranges::find(columns, id, &KeyColumn::column) != columns.end();
      };
      if (!has(table_.index(plan_.path.index)->columns) && !has(table_.key_columns())) return false;
    }
    return true;
  }

  std::string part_name(size_t part) const {
    const Column* column = table_.column(parts()[part].column);
    return column == nullptr ? "rowid" : column->name;
  }
  void describe() {
    std::string& text = plan_.text;
    switch (plan_.path.kind) {
      case KeyPath::Kind::rows: text = "primary key"; break;
      case KeyPath::Kind::index: text = table_.index(plan_.path.index)->name; break;
      case KeyPath::Kind::column: text = "automatic"; break;
    }
    text += '(';
    const char* separator = "";
    const auto add = [&](size_t part, const char* condition) {
      text += separator + part_name(part) + condition;
      separator = " AND ";
    };
    for (size_t i = 0; i < plan_.equal.size(); ++i) add(i, plan_.equal[i].op == Op::in ? " IN ?" : "=?");
    if (plan_.lower) add(plan_.equal.size(), ">?");
    if (plan_.upper) add(plan_.equal.size(), "<?");
    text += plan_.reverse ? ") down" : ")";
  }

  const Table& table_;
  sqlite3_index_info* info_;
  ReadPlan plan_;
  std::vector<int> used_;  // constraints, in order of their arguments
  std::vector<int> in_;
  bool ordered_ = false;
  bool one_row_ = false;
  double rows_ = 0;
  double cost_ = 0;
};

}  // namespace

std::vector<KeyPath> key_paths(const Table& table) {
  std::vector<KeyPath> paths{{.kind = KeyPath::Kind::rows, .parts = table.key_columns(), .unique = true}};
  for (const auto& index : table.indexes) {
    if (index.state != IndexState::public_ || index.has_expressions()) continue;
    KeyPath path{.kind = KeyPath::Kind::index, .index = index.id, .parts = index.columns, .unique = index.unique};
    // Every key of an index that is not unique goes on with the row's key.
    if (!index.unique) path.parts.insert(path.parts.end(), table.key_columns().begin(), table.key_columns().end());
    paths.push_back(std::move(path));
  }
  return paths;
}

KeyPath column_path(const Column& column) {
  return {.kind = KeyPath::Kind::column,
          .parts = {KeyColumn{.column = column.id, .collation = column.collation, .expression = {}}}};
}

ReadPlan plan_read(const Table& table, const std::vector<KeyPath>& paths, sqlite3_index_info* info) {
  std::optional<PathPlanner> best;
  const auto consider = [&](const KeyPath& path, bool only_if_seeks) {
    PathPlanner planner{table, path, info};
    planner.run();
    if (only_if_seeks && !planner.seeks()) return;
    if (!best || planner.total_cost() < best->total_cost()) best.emplace(std::move(planner));
  };
  for (const auto& path : paths) consider(path, false);
  if (!best->seeks()) {
    for (const auto& column : table.columns) {
      const auto constrained = [&](const auto& c) { return c.usable != 0 && column_id(table, c.iColumn) == column.id; };
      const std::span constraints{info->aConstraint, static_cast<size_t>(info->nConstraint)};
      if (best->seeks() || std::ranges::none_of(constraints, constrained)) continue;
      consider(column_path(column), true);
    }
  }
  return std::move(*best).answer();
}

}  // namespace ddb::sql
