// Result types that a statement's text alone tells.
#include <algorithm>
#include <array>
#include <charconv>

#include "pg/prepared.hpp"
#include "sql/head.hpp"

namespace ddb::pg {

namespace {

using sql::ParsedStatement;
using sql::TokenKind;
using sql::TokenSpan;

struct Returns {
  std::string_view function;
  uint32_t type;
};

/// Functions whose results have one type, or are NULL.
constexpr std::array returns{
    Returns{"count", oid::int8}, Returns{"length", oid::int8}, Returns{"instr", oid::int8}, Returns{"unicode", oid::int8},
    Returns{"changes", oid::int8}, Returns{"total_changes", oid::int8}, Returns{"last_insert_rowid", oid::int8},
    Returns{"row_number", oid::int8}, Returns{"rank", oid::int8}, Returns{"dense_rank", oid::int8}, Returns{"ntile", oid::int8},
    Returns{"random", oid::int8}, Returns{"pg_backend_pid", oid::int4}, Returns{"avg", oid::float8}, Returns{"total", oid::float8},
    Returns{"round", oid::float8}, Returns{"sqrt", oid::float8}, Returns{"percent_rank", oid::float8}, Returns{"cume_dist", oid::float8},
    Returns{"julianday", oid::float8}, Returns{"lower", oid::text}, Returns{"upper", oid::text}, Returns{"trim", oid::text},
    Returns{"ltrim", oid::text}, Returns{"rtrim", oid::text}, Returns{"substr", oid::text}, Returns{"substring", oid::text},
    Returns{"replace", oid::text}, Returns{"printf", oid::text}, Returns{"format", oid::text}, Returns{"hex", oid::text},
    Returns{"quote", oid::text}, Returns{"group_concat", oid::text}, Returns{"typeof", oid::text}, Returns{"char", oid::text},
    Returns{"date", oid::text}, Returns{"time", oid::text}, Returns{"datetime", oid::text}, Returns{"strftime", oid::text},
    Returns{"version", oid::text}, Returns{"current_database", oid::name}, Returns{"current_schema", oid::name},
    Returns{"current_user", oid::name}, Returns{"session_user", oid::name}, Returns{"current_setting", oid::text},
    Returns{"format_type", oid::text}, Returns{"now", oid::timestamptz}, Returns{"transaction_timestamp", oid::timestamptz},
    Returns{"statement_timestamp", oid::timestamptz}, Returns{"clock_timestamp", oid::timestamptz}, Returns{"pg_bool", oid::boolean},
    Returns{"pg_date", oid::date}, Returns{"pg_timestamp", oid::timestamp}, Returns{"pg_timestamptz", oid::timestamptz},
    Returns{"pg_bytea", oid::bytea}, Returns{"pg_table_is_visible", oid::boolean}, Returns{"pg_type_is_visible", oid::boolean},
    Returns{"pg_is_in_recovery", oid::boolean}, Returns{"array_agg", oid::text_array}, Returns{"pg_array", oid::text_array},
};

/// Operators whose results are true or false, outside parentheses and CASE.
bool is_predicate(const ParsedStatement& s, TokenSpan span) {
  static constexpr std::array<std::string_view, 8> symbols{"=", "==", "<", ">", "<=", ">=", "<>", "!="};
  static constexpr std::array<std::string_view, 11> words{"AND", "OR", "NOT", "IN", "IS", "LIKE", "GLOB", "REGEXP", "BETWEEN", "EXISTS", "ISNULL"};
  for (size_t i = span.first; i < span.last; ++i) {
    if (s.is(i, "CASE")) return false;
    if (s.symbol(i, "(")) {
      i = skip_parentheses(s, i, span.last) - 1;
      continue;
    }
    if (std::ranges::any_of(symbols, [&](auto symbol) { return s.symbol(i, symbol); })) return true;
    if (std::ranges::any_of(words, [&](auto word) { return s.is(i, word); })) return true;
  }
  return false;
}

/// Without AS alias, or an alias alone.
TokenSpan without_alias(const ParsedStatement& s, TokenSpan span) {
  if (span.last - span.first < 2) return span;
  const size_t last = span.last - 1;
  if (span.last - span.first > 2 && s.is(last - 1, "AS")) return {span.first, last - 1};
  const bool operand = s.tokens[last - 1].kind != TokenKind::symbol || s.symbol(last - 1, ")");
  return s.is_name(last) && operand && !s.is(last, "END") ? TokenSpan{span.first, last} : span;
}

uint32_t type_of_literal(const ParsedStatement& s, size_t token) {
  switch (s.tokens[token].kind) {
    case TokenKind::integer: {
      const std::string_view digits = s.at(token);
      int32_t value = 0;
      const auto [end, error] = std::from_chars(digits.begin(), digits.end(), value);
      return error == std::errc{} && end == digits.end() ? oid::int4 : oid::int8;
    }
    case TokenKind::real: return oid::float8;
    case TokenKind::string: return oid::text;
    case TokenKind::blob: return oid::bytea;
    case TokenKind::word: return s.is(token, "TRUE") || s.is(token, "FALSE") ? oid::boolean : oid::unknown;
    default: return oid::unknown;
  }
}

uint32_t type_of_expression(const ParsedStatement& s, TokenSpan span) {
  span = without_alias(s, span);
  if (span.empty()) return oid::unknown;
  if (span.last - span.first == 1) return type_of_literal(s, span.first);
  if (span.last - span.first == 2 && s.symbol(span.first, "-")) return type_of_literal(s, span.first + 1);
  if (is_predicate(s, span)) return oid::boolean;
  if (!s.symbol(span.first + 1, "(")) return oid::unknown;
  size_t end = skip_parentheses(s, span.first + 1, span.last);
  if (s.is(span.first, "CAST") && end == span.last) {
    const size_t as = find_word(s, {span.first + 2, span.last - 1}, "AS");
    if (as + 1 >= span.last) return oid::unknown;
    return s.is(as + 1, "REAL") ? oid::float8 : declared_type(s.cut({as + 1, span.last - 1})).oid;
  }
  if (end + 1 < span.last && s.is(end, "FILTER")) end = skip_parentheses(s, end + 1, span.last);
  if (end + 1 < span.last && s.is(end, "OVER")) end = s.symbol(end + 1, "(") ? skip_parentheses(s, end + 1, span.last) : end + 2;
  if (end != span.last) return oid::unknown;
  const std::string function = sql::to_lower(s.name(span.first));
  const auto found = std::ranges::find(returns, function, &Returns::function);
  return found == returns.end() ? oid::unknown : found->type;
}

/// As PostgreSQL names a column without AS: a column's own name, a function's, that of what is cast, CASE, else ?column?.
std::string name_of_expression(const ParsedStatement& s, TokenSpan span, const std::string& by_sqlite) {
  if (span.empty()) return by_sqlite;
  if (span.last - span.first == 1) return s.is_name(span.first) && s.tokens[span.first].kind != TokenKind::string ? by_sqlite : "?column?";
  if (s.is(span.first, "CASE")) return "case";
  if (span.last - span.first == 3 && s.symbol(span.first + 1, ".")) return by_sqlite;
  if (!s.symbol(span.first + 1, "(") || !s.is_name(span.first)) return "?column?";
  if (s.is(span.first, "CAST")) {
    const size_t close = skip_parentheses(s, span.first + 1, span.last);
    const size_t as = find_word(s, {span.first + 2, close - 1}, "AS");
    if (close != span.last || as >= span.last) return "?column?";
    if (as + 1 >= close) return "?column?";
    const std::string inner = name_of_expression(s, {span.first + 2, as}, s.name(as - 1));
    return inner == "?column?" ? std::string{type_of(declared_type(s.cut({as + 1, close - 1})).oid).name} : inner;
  }
  if (is_predicate(s, {span.first + 1, span.last})) return "?column?";
  const std::string function = sql::to_lower(s.name(span.first));
  return function.starts_with("pg_") && !function.starts_with("pg_get") && function != "pg_backend_pid" ? function.substr(3) : function;
}

/// The expressions of the first SELECT outside parentheses; none: it has a star, or is no SELECT.
std::vector<TokenSpan> result_expressions(const ParsedStatement& s) {
  if (s.head.kind != sql::StatementKind::select) return {};
  const TokenSpan all{0, s.tokens.size()};
  size_t begin = find_word(s, all, "SELECT") + 1;
  if (begin > all.last) return {};
  if (begin < all.last && (s.is(begin, "DISTINCT") || s.is(begin, "ALL"))) ++begin;
  std::vector<TokenSpan> out;
  for (size_t i = begin; i <= all.last; ++i) {
    const bool end = i == all.last || s.is(i, "FROM") || s.is(i, "WHERE") || s.is(i, "UNION") || s.is(i, "EXCEPT") || s.is(i, "INTERSECT") ||
                     s.is(i, "ORDER") || s.is(i, "LIMIT") || s.is(i, "GROUP") || s.is(i, "WINDOW");
    if (!end && s.symbol(i, "(")) {
      i = skip_parentheses(s, i, all.last) - 1;
      continue;
    }
    if (!end && !s.symbol(i, ",")) continue;
    const bool star = i > begin && s.symbol(i - 1, "*");
    if (star) return {};
    out.push_back({begin, i});
    begin = i + 1;
    if (end) return out;
  }
  return out;
}

}  // namespace

std::vector<StaticColumn> static_columns(std::string_view text, std::span<const sql::ColumnInfo> columns) {
  std::vector<StaticColumn> out;
  for (const auto& column : columns) out.push_back({declared_type(column.declared_type).oid, column.name});
  if (std::ranges::find(out, oid::unknown, &StaticColumn::type) == out.end()) return out;
  const ParsedStatement s = sql::parse_statement(text);
  const auto expressions = result_expressions(s);
  if (expressions.size() != columns.size()) return out;
  for (size_t i = 0; i < out.size(); ++i) {
    if (out[i].type != oid::unknown) continue;
    out[i].type = type_of_expression(s, expressions[i]);
    if (without_alias(s, expressions[i]).last == expressions[i].last) out[i].name = name_of_expression(s, expressions[i], out[i].name);
  }
  return out;
}

}  // namespace ddb::pg
