#include "sql/pushdown.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>

#include "sql/rewriter.hpp"
#include "sql/rows.hpp"
#include "sql/sqlite_values.hpp"

namespace ddb::sql {

namespace {

using codec::SelectOp;
using codec::SelectTotal;

/// What may stand before an opening parenthesis outside of a total: words, and functions of one row.
constexpr std::array plain_words = {"and",  "or",     "not",   "when",   "then",   "else",  "between", "cast",  "having", "by",
                                    "limit", "offset", "in",   "abs",  "round",  "coalesce", "ifnull", "nullif", "lower", "upper",
                                    "length", "substr", "typeof", "iif", "printf", "format"};

/// INTEGERs up to here are REALs without loss, and so are their sums.
constexpr uint64_t exact_real_max = uint64_t{1} << 53;

bool is_one_of(std::string_view word, const auto& words) {
  return std::ranges::any_of(words, [&](const char* one) { return equal_nocase(word, one); });
}

bool is_rowid_name(std::string_view name) {
  return same_name(name, "rowid") || same_name(name, "oid") || same_name(name, "_rowid_");
}

/// Which columns of the statement's only table a text speaks of.
struct Names {
  const ParsedStatement& s;
  const Table& table;
  const std::string& alias;  // that the table goes by

  /// [alias.]column at `at`, which moves behind it.
  std::optional<uint32_t> take_column(size_t& at, size_t last) const {
    size_t i = at;
    if (i + 2 < last && s.is_name(i) && s.symbol(i + 1, ".")) {
      if (!same_name(s.name(i), alias)) return std::nullopt;
      i += 2;
    }
    if (i >= last || !s.is_name(i)) return std::nullopt;
    const Column* column = table.find_column(s.name(i));
    if (column == nullptr || !is_stored(table, column->id)) return std::nullopt;
    at = i + 1;
    return column->id;
  }
};

/// Reads a condition: OR, AND, NOT, parentheses, and comparisons of a column with constants.
class ConditionParser {
 public:
  ConditionParser(const Names& names, TokenSpan span) : names_{names}, s_{names.s}, at_{span.first}, last_{span.last} {}

  bool run() { return either() && at_ == last_; }
  std::vector<ConditionStep> steps;
  std::vector<TokenSpan> constants;

 private:
  bool word(const char* word) {
    if (at_ >= last_ || !s_.is(at_, word)) return false;
    ++at_;
    return true;
  }
  bool symbol(const char* text) {
    if (at_ >= last_ || !s_.symbol(at_, text)) return false;
    ++at_;
    return true;
  }
  void add(SelectOp op) { steps.push_back({.op = op}); }

  bool either() {
    if (!both()) return false;
    while (word("OR")) {
      if (!both()) return false;
      add(SelectOp::either);
    }
    return true;
  }
  bool both() {
    if (!negation()) return false;
    while (word("AND")) {
      if (!negation()) return false;
      add(SelectOp::both);
    }
    return true;
  }
  bool negation() {
    if (!word("NOT")) return term();
    if (!negation()) return false;
    add(SelectOp::negate);
    return true;
  }
  bool term() {
    if (!symbol("(")) return comparison();
    return either() && symbol(")");
  }

  /// A literal or a parameter, with signs.
  std::optional<size_t> constant() {
    const size_t first = at_;
    while (at_ < last_ && (s_.symbol(at_, "-") || s_.symbol(at_, "+"))) ++at_;
    if (at_ >= last_) return std::nullopt;
    const TokenKind kind = s_.tokens[at_].kind;
    const bool literal = kind == TokenKind::string || kind == TokenKind::blob || kind == TokenKind::integer ||
                         kind == TokenKind::real || kind == TokenKind::parameter || s_.is(at_, "NULL");
    if (!literal) return std::nullopt;
    constants.push_back({first, ++at_});
    return constants.size() - 1;
  }

  std::optional<SelectOp> comparison_op() {
    if (symbol("=") || symbol("==")) return SelectOp::eq;
    if (symbol("<>") || symbol("!=")) return SelectOp::ne;
    if (symbol("<=")) return SelectOp::le;
    if (symbol("<")) return SelectOp::lt;
    if (symbol(">=")) return SelectOp::ge;
    if (symbol(">")) return SelectOp::gt;
    return std::nullopt;
  }
  static SelectOp mirrored(SelectOp op) {
    switch (op) {
      case SelectOp::lt: return SelectOp::gt;
      case SelectOp::le: return SelectOp::ge;
      case SelectOp::gt: return SelectOp::lt;
      case SelectOp::ge: return SelectOp::le;
      default: return op;
    }
  }

  bool comparison() {
    if (const auto column = names_.take_column(at_, last_)) return of_column(*column);
    const auto value = constant();
    const auto op = value ? comparison_op() : std::nullopt;
    const auto column = op ? names_.take_column(at_, last_) : std::nullopt;
    if (!column) return false;
    steps.push_back({.op = mirrored(*op), .column = *column, .constants = {*value}});
    return true;
  }
  bool of_column(uint32_t column) {
    if (const auto op = comparison_op()) return compare(column, *op);
    if (word("ISNULL")) return null(column, false);
    if (word("NOTNULL")) return null(column, true);
    if (word("IS")) {
      const bool negated = word("NOT");
      return word("NULL") && null(column, negated);
    }
    const bool negated = word("NOT");
    if (negated && word("NULL")) return null(column, true);
    const bool known = word("IN") ? list(column) : word("BETWEEN") && between(column);
    if (known && negated) add(SelectOp::negate);
    return known;
  }
  bool compare(uint32_t column, SelectOp op) {
    const auto value = constant();
    if (!value) return false;
    steps.push_back({.op = op, .column = column, .constants = {*value}});
    return true;
  }
  bool null(uint32_t column, bool negated) {
    steps.push_back({.op = SelectOp::is_null, .column = column});
    if (negated) add(SelectOp::negate);
    return true;
  }
  bool list(uint32_t column) {
    ConditionStep step{.op = SelectOp::in, .column = column};
    if (!symbol("(")) return false;
    while (!symbol(")")) {
      const auto value = !step.constants.empty() && !symbol(",") ? std::nullopt : constant();
      if (!value) return false;
      step.constants.push_back(*value);
    }
    steps.push_back(std::move(step));
    return true;
  }
  bool between(uint32_t column) {
    if (!compare(column, SelectOp::ge) || !word("AND") || !compare(column, SelectOp::le)) return false;
    add(SelectOp::both);
    return true;
  }

  const Names& names_;
  const ParsedStatement& s_;
  size_t at_;
  size_t last_;
};

/// The clauses of SELECT list FROM table [alias] WHERE .. GROUP BY .. HAVING .. ORDER BY .. LIMIT ..
struct Clauses {
  TokenSpan list;
  TokenSpan source;  // the table and its alias
  TokenSpan where;   // behind the word
  TokenSpan group_by;
  TokenSpan rest;    // HAVING and all behind it
  std::string alias;
};

class Taker {
 public:
  Taker(const ParsedStatement& s, const Schema& schema, const std::string& module)
      : s_{s}, schema_{schema}, edits_{s.text} {
    totals_.name = module;
  }

  std::optional<Totals> run() {
    if (!find_clauses()) return std::nullopt;
    const Names names{s_, *totals_.table, clauses_.alias};
    ConditionParser condition{names, clauses_.where};
    if (!clauses_.where.empty() && !condition.run()) return std::nullopt;
    if (!take_groups(names)) return std::nullopt;
    number_parameters(s_, edits_);
    if (!take_totals(names, clauses_.list) || !take_totals(names, clauses_.rest)) return std::nullopt;
    if (totals_.totals.empty() && clauses_.group_by.empty()) return std::nullopt;
    if (totals_.totals.empty()) (void)total(SelectTotal::rows, 0);
    totals_.condition = std::move(condition.steps);
    write(condition.constants);
    return std::move(totals_);
  }

 private:
  bool find_clauses() {
    const size_t last = s_.tokens.size();
    if (last < 4 || !s_.is(0, "SELECT")) return false;
    for (size_t i = 1; i < last; ++i)
      if (s_.is(i, "SELECT") || s_.is(i, "OVER") || s_.is(i, "FILTER") || s_.is(i, "COLLATE") || s_.is(i, "UNION") ||
          s_.is(i, "EXCEPT") || s_.is(i, "INTERSECT") || s_.is(i, "WINDOW"))
        return false;
    const size_t from = find_word(s_, {1, last}, "FROM");
    if (from + 1 >= last || !s_.is_name(from + 1)) return false;
    totals_.table = schema_.find_table(s_.name(from + 1));
    if (totals_.table == nullptr) return false;
    clauses_.list = {1, from};
    size_t at = from + 2;
    clauses_.alias = s_.name(from + 1);
    if (at < last && s_.is(at, "AS")) ++at;
    const auto begins_clause = [&](size_t i) {
      return s_.is(i, "WHERE") || s_.is(i, "GROUP") || s_.is(i, "HAVING") || s_.is(i, "ORDER") || s_.is(i, "LIMIT");
    };
    if (at < last && !begins_clause(at)) {
      if (!s_.is_name(at) || s_.is(at, "NOT") || s_.is(at, "INDEXED")) return false;
      clauses_.alias = s_.name(at++);
    }
    clauses_.source = {from + 1, at};
    if (at < last && !begins_clause(at)) return false;
    const auto next = [&](size_t i) {
      for (const char* word : {"GROUP", "HAVING", "ORDER", "LIMIT"}) {
        const size_t found = find_word(s_, {i, last}, word);
        if (found < last) return found;
      }
      return last;
    };
    if (at < last && s_.is(at, "WHERE")) {
      clauses_.where = {at + 1, next(at)};
      if (clauses_.where.empty()) return false;
      at = clauses_.where.last;
    }
    if (at < last && s_.is(at, "GROUP")) {
      const size_t end = std::min({find_word(s_, {at, last}, "HAVING"), find_word(s_, {at, last}, "ORDER"), find_word(s_, {at, last}, "LIMIT")});
      clauses_.group_by = {at + 2, end};
      if (clauses_.group_by.empty()) return false;
      at = end;
    }
    clauses_.rest = {at, last};
    return true;
  }

  /// Values that SQLite takes for equal must be identical, or it would matter which of them shows.
  bool groups_well(uint32_t id) const {
    const Column& column = *totals_.table->column(id);
    return column.collation == Collation::binary && column.affinity != Affinity::blob;
  }

  bool take_groups(const Names& names) {
    size_t at = clauses_.group_by.first;
    const size_t last = clauses_.group_by.last;
    if (clauses_.group_by.empty()) return true;
    for (;;) {
      const auto column = names.take_column(at, last);
      if (!column || !groups_well(*column)) return false;
      if (std::ranges::find(totals_.group_by, *column) == totals_.group_by.end()) totals_.group_by.push_back(*column);
      if (at == last) return true;
      if (!s_.symbol(at++, ",")) return false;
    }
  }

  /// Every total in the span gives way to one over the ranges' answers; what else there is must be of groups.
  bool take_totals(const Names& names, TokenSpan span) {
    for (size_t at = span.first; at < span.last;) {
      if (const auto taken = take_total(names, at, span.last)) {
        at = *taken;
        continue;
      }
      const bool calls = at + 1 < span.last && s_.symbol(at + 1, "(");
      if (s_.is_name(at) && calls && !is_one_of(s_.at(at), plain_words)) return false;
      if (s_.symbol(at, "*") && (at == span.first || !is_operand(at - 1))) return false;
      if (s_.is_name(at) && !is_of_group(at)) return false;
      ++at;
    }
    return true;
  }
  /// Behind it * multiplies.
  bool is_operand(size_t token) const {
    const TokenKind kind = s_.tokens[token].kind;
    return s_.symbol(token, ")") || (kind != TokenKind::symbol && !s_.symbol(token, ",") && !s_.is(token, "DISTINCT") && !s_.is(token, "ALL"));
  }
  bool is_of_group(size_t at) const {
    const std::string name = s_.name(at);
    if (is_rowid_name(name)) return false;
    const Column* column = totals_.table->find_column(name);
    return column == nullptr || std::ranges::find(totals_.group_by, column->id) != totals_.group_by.end();
  }

  std::optional<size_t> take_total(const Names& names, size_t at, size_t last) {
    const size_t first = at;
    if (at + 2 >= last || s_.tokens[at].kind != TokenKind::word || !s_.symbol(at + 1, "(")) return std::nullopt;
    const std::string function = to_lower(s_.at(at));
    at += 2;
    const bool counts = function == "count";
    if (counts && (s_.symbol(at, ")") || (s_.symbol(at, "*") && at + 1 < last && s_.symbol(at + 1, ")")))) {
      at += s_.symbol(at, "*") ? 2 : 1;
      return replace(first, at, "coalesce(sum(" + total(SelectTotal::rows, 0) + "), 0)");
    }
    const auto column = names.take_column(at, last);
    if (!column || at >= last || !s_.symbol(at, ")")) return std::nullopt;
    ++at;
    if (counts) return replace(first, at, "coalesce(sum(" + total(SelectTotal::count, *column) + "), 0)");
    if (function == "min") return replace(first, at, "min(" + total(SelectTotal::min, *column) + ")");
    if (function == "max") return replace(first, at, "max(" + total(SelectTotal::max, *column) + ")");
    if (function != "sum" && function != "total" && function != "avg") return std::nullopt;
    const std::string count = total(SelectTotal::sum, *column);
    const std::string sum = answer(answers_ - 2);
    totals_.magnitudes_max.back() = function == "sum" ? uint64_t{INT64_MAX} : exact_real_max;
    if (function == "sum") return replace(first, at, "sum(CASE WHEN " + count + " THEN " + sum + " END)");
    if (function == "total") return replace(first, at, "total(" + sum + ")");
    return replace(first, at, "(total(" + sum + ") / nullif(sum(" + count + "), 0))");
  }
  size_t replace(size_t first, size_t behind, std::string text) {
    edits_.replace(s_.tokens[first].offset, s_.tokens[behind - 1].end(), std::move(text));
    return behind;
  }

  static std::string answer(size_t number) { return "\"$" + std::to_string(number) + "\""; }
  /// The first cell of its answer.
  std::string total(SelectTotal total, uint32_t column) {
    const Column* declared = total == SelectTotal::rows ? nullptr : totals_.table->column(column);
    const Collation collation = declared != nullptr ? declared->collation : Collation::binary;
    const bool extreme = total == SelectTotal::min || total == SelectTotal::max;
    totals_.totals.push_back({.total = total, .column = column, .collation = extreme ? collation : Collation::binary});
    totals_.magnitudes_max.push_back(0);
    const std::string name = answer(answers_);
    for (size_t cells = total == SelectTotal::sum ? 3 : 1; cells > 0; --cells) {
      declared_ += ", " + answer(answers_++);
      if (extreme) declared_ += " COLLATE " + std::string{collation_name(collation)};
    }
    return name;
  }

  std::string text_of(TokenSpan span) {
    return span.empty() ? std::string{} : edits_.apply(s_.tokens[span.first].offset, s_.tokens[span.last - 1].end());
  }

  void write(const std::vector<TokenSpan>& constants) {
    const std::string where = clauses_.where.empty() ? "" : " WHERE " + text_of(clauses_.where);
    const std::string alias = " AS " + quote_name(clauses_.alias);
    totals_.probe = "SELECT 1 FROM " + quote_name(totals_.table->name) + alias + where;
    for (const TokenSpan& constant : constants)
      totals_.constants += (totals_.constants.empty() ? "SELECT " : ", ") + text_of(constant);
    totals_.merge = "SELECT " + text_of(clauses_.list) + " FROM " + quote_name(totals_.name) + alias;
    if (!clauses_.group_by.empty()) totals_.merge += " GROUP BY " + text_of(clauses_.group_by);
    totals_.merge += " " + text_of(clauses_.rest);
    for (const uint32_t id : totals_.group_by) {
      const Column& column = *totals_.table->column(id);
      totals_.declaration += (totals_.declaration.empty() ? "" : ", ") + quote_name(column.name) + " " + affinity_name(column.affinity);
    }
    totals_.declaration += totals_.group_by.empty() ? declared_.substr(2) : declared_;
  }
  static const char* affinity_name(Affinity affinity) {
    switch (affinity) {
      case Affinity::text: return "TEXT";
      case Affinity::numeric: return "NUMERIC";
      case Affinity::integer: return "INTEGER";
      case Affinity::real: return "REAL";
      case Affinity::blob: break;
    }
    return "";
  }

  const ParsedStatement& s_;
  const Schema& schema_;
  Edits edits_;
  Clauses clauses_;
  Totals totals_;
  std::string declared_;
  size_t answers_ = 0;
};

}  // namespace

std::optional<codec::Selection> Totals::selection(const Query& values) const {
  RowSelection rows{*table};
  const auto constant = [&](const ConditionStep& step, size_t number) {
    const Affinity affinity = affinity_of(*table, KeyColumn{.column = step.column, .collation = {}, .descending = {}, .expression = {}});
    return constant_for(sqlite3_column_value(values.get(), static_cast<int>(step.constants[number])), affinity, Origin::literal, false);
  };
  for (const ConditionStep& step : condition) {
    if (step.op == SelectOp::is_null) {
      rows.is_null(step.column);
      continue;
    }
    if (step.op >= SelectOp::unknown) {
      rows.add({.op = step.op});
      continue;
    }
    std::vector<codec::Value> listed;
    bool null = false;
    for (size_t i = 0; i < step.constants.size(); ++i) {
      auto value = constant(step, i);
      if (!value) return std::nullopt;
      null |= codec::is_null(*value);
      if (step.op != SelectOp::in || !codec::is_null(*value)) listed.push_back(*std::move(value));
    }
    const Collation collation = table->column(step.column)->collation;
    if (step.op == SelectOp::in) {
      rows.in(step.column, collation, listed, null);
    } else {
      rows.compare(step.column, step.op, collation, listed.front());
    }
  }
  for (const uint32_t id : group_by) rows.selection().group_by.push_back(rows.column(id));
  for (codec::SelectAggregate total : totals) {
    total.column = total.total == SelectTotal::rows ? 0 : rows.column(total.column);
    rows.selection().totals.push_back(total);
  }
  return std::move(rows.selection());
}

std::optional<Totals> take_apart(const ParsedStatement& s, const Schema& schema, const std::string& module) {
  return Taker{s, schema, module}.run();
}

}  // namespace ddb::sql
