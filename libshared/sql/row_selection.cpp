#include "sql/row_selection.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "codec/archive.hpp"
#include "sql/rows.hpp"
#include "sql/sqlite_values.hpp"

namespace ddb::sql {

namespace {

using codec::SelectOp;
using Op = FilterTerm::Op;

constexpr size_t listed_max = 1000;        // values of one IN: a longer list is left to SQLite
constexpr size_t constants_bytes_max = 16 << 10;

using OwnValue = std::unique_ptr<sqlite3_value, decltype(&sqlite3_value_free)>;

/// Every comparison of a term is with one of these; none: it is with no value.
std::optional<SelectOp> comparison(Op op) {
  switch (op) {
    case Op::eq:
    case Op::is: return SelectOp::eq;
    case Op::ne:
    case Op::is_not: return SelectOp::ne;
    case Op::lt: return SelectOp::lt;
    case Op::le: return SelectOp::le;
    case Op::gt: return SelectOp::gt;
    case Op::ge: return SelectOp::ge;
    default: return std::nullopt;
  }
}

/// Adds the terms of a plan; each leaves one result, or nothing when it cannot be told what SQLite makes of it.
class FilterMaker {
 public:
  FilterMaker(const Table& table, RowSelection& rows, sqlite3_value** arguments, Origin origin)
      : table_{table}, rows_{rows}, arguments_{arguments}, origin_{origin} {}

  void add(const FilterTerm& term) {
    const size_t before = steps();
    if (term.op == Op::is_null || term.op == Op::not_null) {
      null(term, term.op == Op::is_null);
    } else if (term.op == Op::in) {
      list(term);
    } else {
      compare(term);
    }
    if (steps() > before && before > 0) rows_.add({.op = SelectOp::both});
  }

 private:
  size_t steps() { return rows_.selection().condition.size(); }
  Affinity affinity(const FilterTerm& term) const { return affinity_of(table_, KeyColumn{.column = term.column, .collation = {}, .descending = {}, .expression = {}}); }

  void null(const FilterTerm& term, bool is) {
    rows_.is_null(term.column);
    if (!is) rows_.add({.op = SelectOp::negate});
  }
  void compare(const FilterTerm& term) {
    const bool equality = term.op == Op::eq || term.op == Op::is;
    const auto value = constant_for(arguments_[term.argument], affinity(term), origin_, equality);
    if (!value || is_long(*value)) return;
    const bool knows_null = term.op == Op::is || term.op == Op::is_not;
    if (knows_null && codec::is_null(*value)) return null(term, term.op == Op::is);
    rows_.compare(term.column, *comparison(term.op), term.collation, *value);
    if (term.op != Op::is_not) return;
    rows_.is_null(term.column);
    rows_.add({.op = SelectOp::either});
  }
  void list(const FilterTerm& term) {
    std::vector<codec::Value> values;
    sqlite3_value* item = nullptr;
    sqlite3_value* const list = arguments_[term.argument];
    size_t bytes = 0;
    for (int rc = sqlite3_vtab_in_first(list, &item); rc == SQLITE_OK && item != nullptr; rc = sqlite3_vtab_in_next(list, &item)) {
      auto value = constant_for(item, affinity(term), origin_, true);
      bytes += static_cast<size_t>(sqlite3_value_bytes(item));
      if (!value || values.size() == listed_max || bytes > constants_bytes_max) return;
      if (!codec::is_null(*value)) values.push_back(*std::move(value));
    }
    rows_.in(term.column, term.collation, values, false);
  }
  static bool is_long(const codec::Value& value) {
    const auto* text = std::get_if<std::string>(&value);
    const auto* blob = std::get_if<codec::Blob>(&value);
    return (text != nullptr && text->size() > constants_bytes_max) || (blob != nullptr && blob->bytes.size() > constants_bytes_max);
  }

  const Table& table_;
  RowSelection& rows_;
  sqlite3_value** arguments_;
  const Origin origin_;
};

}  // namespace

std::optional<codec::Value> constant_for(sqlite3_value* value, Affinity affinity, Origin origin, bool equality) {
  const int type = sqlite3_value_type(value);
  const bool number = type == SQLITE_INTEGER || type == SQLITE_FLOAT;
  const bool text = type == SQLITE_TEXT;
  if (!number && !text) return to_owned(view_of(value));  // neither side is turned into a BLOB
  const OwnValue copy{sqlite3_value_dup(value), sqlite3_value_free};
  if (copy == nullptr) return std::nullopt;
  if (affinity == Affinity::text || affinity == Affinity::blob) {
    if (number && origin != Origin::literal) return std::nullopt;         // it, or the column's TEXT, may be turned
    if (text && origin == Origin::tables && !equality) return std::nullopt;  // the column's TEXT may be: '5' into 5
    if (number && affinity == Affinity::text) return std::string{reinterpret_cast<const char*>(sqlite3_value_text(copy.get()))};
    return to_owned(view_of(copy.get()));
  }
  if (text && sqlite3_value_numeric_type(copy.get()) != SQLITE_TEXT && origin == Origin::tables) return std::nullopt;
  return to_owned(view_of(copy.get()));
}

bool is_stored(const Table& table, uint32_t id) {
  if (id == rowid_column) return table.has_rowid();
  const Column* column = table.column(id);
  return column != nullptr && column->generated == Generated::no;
}

RowSelection::RowSelection(const Table& table) : table_{table} {
  for (const KeyColumn& part : table.key_columns())
    selection_.key.push_back({.descending = part.descending, .real = affinity_of(table, part) == Affinity::real});
}

uint32_t RowSelection::column(uint32_t id) {
  const auto known = std::ranges::find(selection_.columns, id, &codec::SelectColumn::cell);
  if (known != selection_.columns.end()) return static_cast<uint32_t>(known - selection_.columns.begin());
  codec::SelectColumn column{.cell = id, .part = {}, .missing = {}};
  const auto part = std::ranges::find(table_.key_columns(), id, &KeyColumn::column);
  if (part != table_.key_columns().end()) column.part = static_cast<uint32_t>(part - table_.key_columns().begin());
  if (const Column* declared = table_.column(id)) column.missing = declared->missing;
  selection_.columns.push_back(std::move(column));
  return static_cast<uint32_t>(selection_.columns.size() - 1);
}

void RowSelection::compare(uint32_t id, SelectOp op, Collation collation, const codec::Value& value) {
  if (codec::is_null(value)) return add({.op = SelectOp::unknown});
  codec::SelectStep step{.op = op, .column = column(id), .collation = collation, .parts = {Bytes{}}};
  codec::append_key_part(step.parts.front(), to_view(value), {.collation = collation, .descending = false});
  add(std::move(step));
}

void RowSelection::in(uint32_t id, Collation collation, const std::vector<codec::Value>& values, bool null_listed) {
  codec::SelectStep step{.op = SelectOp::in, .column = column(id), .collation = collation, .parts = {}, .unknown = null_listed};
  for (const auto& value : values) codec::append_key_part(step.parts.emplace_back(), to_view(value), {.collation = collation, .descending = false});
  std::ranges::sort(step.parts);
  add(std::move(step));
}

void RowSelection::is_null(uint32_t id) { add({.op = SelectOp::is_null, .column = column(id)}); }

void RowSelection::keep(const std::vector<uint32_t>& columns) {
  std::vector<uint32_t> cells;
  if (table_.clustering == Clustering::primary_key) cells.push_back(rowid_column);
  for (const uint32_t id : columns) {
    if (id != table_.rowid_alias) cells.push_back(id);
  }
  std::ranges::sort(cells);
  selection_.cells = std::move(cells);
}

Bytes selection_of(const Table& table, const ReadPlan& plan, sqlite3_value** arguments, bool other_tables) {
  if (plan.filter.empty() && !plan.columns) return {};
  RowSelection rows{table};
  FilterMaker filter{table, rows, arguments, other_tables ? Origin::tables : Origin::statement};
  for (const FilterTerm& term : plan.filter) filter.add(term);
  if (plan.columns) rows.keep(*plan.columns);
  if (rows.selection().condition.empty() && !plan.columns) return {};
  return codec::encode(rows.selection());
}

}  // namespace ddb::sql
