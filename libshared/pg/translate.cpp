#include "pg/translate.hpp"

#include <algorithm>
#include <array>
#include <ranges>

#include "pg/translator.hpp"
#include "pg/types.hpp"

namespace ddb::pg {

namespace {

using sql::TokenKind;

/// Words behind which an operand begins.
constexpr std::array<std::string_view, 26> prefixes{"SELECT", "WHERE", "AND",  "OR",    "NOT",  "WHEN",   "THEN", "ELSE",     "ON",
                                                    "HAVING", "BY",    "IN",   "LIKE",  "IS",   "BETWEEN", "CASE", "RETURNING", "SET",
                                                    "LIMIT",  "OFFSET", "FROM", "VALUES", "AS", "DISTINCT", "ALL", "JOIN"};

/// How a cast to a type is written: `open` operand `close`.
struct CastForm {
  std::string open;
  std::string close;
};

}  // namespace

Translator::Translator(std::string_view statement)
    : text_{statement}, tokens_{scan(statement)}, matches_(tokens_.size(), tokens_.size() - 1),
      owners_(tokens_.size(), free), opened_(tokens_.size()), edits_{statement} {
  std::vector<size_t> open;
  for (size_t i = 0; i < last(); ++i) {
    if (symbol(i, "(") || symbol(i, "[")) open.push_back(i);
    if ((symbol(i, ")") || symbol(i, "]")) && !open.empty()) {
      matches_[i] = open.back();
      matches_[open.back()] = i;
      open.pop_back();
    }
  }
}

bool Translator::is(size_t i, std::string_view word) const {
  return i < last() && tokens_[i].kind == TokenKind::word && sql::equal_nocase(at(i), word);
}
bool Translator::symbol(size_t i, std::string_view wanted) const {
  return i < last() && tokens_[i].kind == TokenKind::symbol && at(i) == wanted;
}
bool Translator::is_name(size_t i) const {
  return i < last() && (tokens_[i].kind == TokenKind::word || tokens_[i].kind == TokenKind::quoted);
}
bool Translator::named(size_t i, std::string_view name) const { return is_name(i) && sql::same_name(sql::unquote(at(i)), name); }

bool Translator::ends_operand(size_t i) const {
  if (i >= last()) return false;
  switch (tokens_[i].kind) {
    case TokenKind::word: return std::ranges::none_of(prefixes, [&](std::string_view word) { return is(i, word); });
    case TokenKind::symbol: return at(i) == ")" || at(i) == "]";
    case TokenKind::semicolon:
    case TokenKind::illegal:
    case TokenKind::end: return false;
    default: return true;
  }
}

/// The first token of the operand that ends at token i: a literal, a name, a call, parentheses, CASE, or a cast of these.
size_t Translator::operand_start(size_t i) const {
  if (const auto done = casts_.find(i); done != casts_.end()) return done->second;
  size_t start = i;
  if (symbol(i, ")") || symbol(i, "]")) {
    start = match(i) == last() ? i : match(i);
    if (start > 0 && is_name(start - 1) && ends_operand(start - 1)) --start;
  } else if (is(i, "END")) {
    for (size_t depth = 1; start > 0 && depth > 0;) {
      --start;
      if (is(start, "END")) ++depth;
      if (is(start, "CASE")) --depth;
    }
  }
  while (start > 1 && is_name(start) && symbol(start - 1, ".") && is_name(start - 2)) start -= 2;
  return start;
}

bool Translator::claim(size_t first, size_t end) {
  for (size_t i = first; i < end; ++i) tangled_ = tangled_ || owners_[i] != free || (i > first && opened_[i]);
  std::fill(owners_.begin() + static_cast<ptrdiff_t>(first), owners_.begin() + static_cast<ptrdiff_t>(end), first);
  return !tangled_;
}
void Translator::replace(size_t first, size_t end, std::string text) {
  if (claim(first, end)) edits_.replace(tokens_[first].offset, tokens_[end - 1].end(), std::move(text));
}
void Translator::remove(size_t first, size_t end) {
  if (claim(first, end)) edits_.replace(tokens_[first].offset, tokens_[end].offset, "");
}
void Translator::insert_before(size_t i, std::string text) {
  tangled_ = tangled_ || (owners_[i] != free && owners_[i] != i);
  opened_[i] = true;
  if (!tangled_) edits_.insert(tokens_[i].offset, std::move(text));
}
/// Token i stays, and so does what stands behind it.
void Translator::insert_behind(size_t i, std::string text) {
  tangled_ = tangled_ || !claim(i, i + 1);
  if (!tangled_) edits_.insert(tokens_[i].end(), std::move(text));
}

void Translator::lexeme(size_t i) {
  const Token& token = tokens_[i];
  if (token.form == Form::numbered) replace(i, i + 1, "?" + std::string{at(i).substr(1)});
  if (token.form == Form::escaped || token.form == Form::dollars) replace(i, i + 1, sql::quote_text(content(text_, token)));
}

/// pg_catalog.x, public.x and COLLATE of the database's own order mean what they mean without; information_schema.x is one name.
size_t Translator::qualifier(size_t i) {
  if (is(i, "COLLATE")) {
    const size_t name = named(i + 1, "pg_catalog") && symbol(i + 2, ".") ? i + 3 : i + 1;
    if (!named(name, "default") && !named(name, "C") && !named(name, "POSIX")) return 0;
    remove(i, name + 1);
    return name + 1 - i;
  }
  const bool qualifies = symbol(i + 1, ".") && is_name(i + 2) && !(i > 0 && symbol(i - 1, "."));
  if (!qualifies) return 0;
  if (named(i, "pg_catalog") || named(i, "public")) {
    remove(i, i + 2);
    return 2;
  }
  if (!named(i, "information_schema")) return 0;
  replace(i, i + 3, sql::quote_name("information_schema." + sql::to_lower(sql::unquote(at(i + 2)))));
  return 3;
}

/// OPERATOR(pg_catalog.~) is the operator.
size_t Translator::operator_call(size_t i) {
  if (!is(i, "OPERATOR") || !symbol(i + 1, "(") || match(i + 1) == last()) return 0;
  const size_t close = match(i + 1);
  size_t name = i + 2;
  while (name + 1 < close && is_name(name) && symbol(name + 1, ".")) name += 2;
  const std::string op{text_.substr(tokens_[name].offset, tokens_[close].offset - tokens_[name].offset)};
  const bool matches = op.starts_with('~') || op.starts_with("!~");
  replace(i, close + 1, !matches ? op : op.starts_with('!') ? "NOT REGEXP" : "REGEXP");
  return close + 1 - i;
}

/// a ~ b, a !~* b, a ~~ b and ILIKE.
size_t Translator::pattern_operator(size_t i) {
  if (is(i, "ILIKE")) return replace(i, i + 1, "LIKE"), 1;
  if (at(i) != "~" && at(i) != "!") return 0;
  if (i == 0 || !ends_operand(i - 1)) return 0;
  size_t end = i;
  while (end < last() && (at(end) == "~" || at(end) == "*" || (end == i && at(end) == "!")) &&
         (end == i || tokens_[end].offset == tokens_[end - 1].end())) {
    ++end;
  }
  std::string op{text_.substr(tokens_[i].offset, tokens_[end - 1].end() - tokens_[i].offset)};
  const bool negated = op.starts_with('!');
  if (negated) op.erase(0, 1);
  const bool like = op == "~~" || op == "~~*";
  if (!like && op != "~" && op != "~*") return 0;
  std::string out = negated ? "NOT " : "";
  out += like ? "LIKE" : op == "~*" ? "REGEXP '(?i)' ||" : "REGEXP";
  replace(i, end, out);
  return end - i;
}

/// Arrays are text, {a,b}: functions make them, look into them, and turn them into rows.
size_t Translator::array(size_t i) {
  const bool any = (symbol(i, "=") && (is(i + 1, "ANY") || is(i + 1, "SOME"))) || ((symbol(i, "<>") || symbol(i, "!=")) && is(i + 1, "ALL"));
  if (any && symbol(i + 2, "(") && match(i + 2) != last()) {
    const std::string in = symbol(i, "=") ? "IN" : "NOT IN";
    if (is(i + 3, "SELECT") || is(i + 3, "WITH")) return replace(i, i + 2, in), 2;
    replace(i, i + 3, in + " (SELECT value FROM json_each(pg_array_json(");
    replace(match(i + 2), match(i + 2) + 1, ")))");
    return 3;
  }
  if (is(i, "ARRAY") && symbol(i + 1, "[") && match(i + 1) != last()) {
    replace(i, i + 2, "pg_array(");
    replace(match(i + 1), match(i + 1) + 1, ")");
    return 2;
  }
  if (is(i, "ARRAY") && symbol(i + 1, "(") && match(i + 1) != last()) {
    replace(i, i + 2, "(WITH pg_array_rows(value) AS (");
    replace(match(i + 1), match(i + 1) + 1, ") SELECT array_agg(value) FROM pg_array_rows)");
    return 2;
  }
  if (symbol(i, "[") && i > 0 && ends_operand(i - 1) && match(i) > i + 1 && match(i) != last()) {
    openings_.emplace_back(operand_start(i - 1), "pg_element(");
    replace(i, i + 1, ", ");
    replace(match(i), match(i) + 1, ")");
    casts_[match(i)] = operand_start(i - 1);
    return 1;
  }
  return 0;
}

/// FROM generate_series(1, 5) AS n and FROM unnest(a) n: their one column has the alias for its name.
size_t Translator::table_function(size_t i) {
  const bool unnest = is(i, "UNNEST");
  if ((!unnest && !is(i, "GENERATE_SERIES")) || !symbol(i + 1, "(") || match(i + 1) == last()) return 0;
  const size_t before = i > 1 && symbol(i - 1, ".") ? i - 2 : i;  // pg_catalog. goes
  if (before == 0 || !(is(before - 1, "FROM") || is(before - 1, "JOIN") || symbol(before - 1, ","))) return 0;
  const size_t close = match(i + 1);
  const size_t alias = is(close + 1, "AS") ? close + 2 : close + 1;
  static constexpr std::array<std::string_view, 10> clauses{"CROSS", "INNER", "LEFT", "NATURAL", "GROUP", "ORDER", "UNION", "EXCEPT", "INTERSECT", "USING"};
  const bool has_alias = is_name(alias) && ends_operand(alias) && std::ranges::none_of(clauses, [&](std::string_view word) { return is(alias, word); });
  const std::string name = has_alias ? std::string{at(alias)} : sql::to_lower(at(i));
  insert_before(i, "(SELECT value AS " + name + " FROM ");
  if (unnest) replace(i, i + 2, "json_each(pg_array_json(");
  insert_behind(close, std::string{unnest ? "))" : ")"} + (has_alias ? "" : " AS " + name));
  return unnest ? 2 : 1;
}

/// Clauses and names that SQLite spells otherwise or does not need.
size_t Translator::clause(size_t i) {
  if (is(i, "FOR") && (is(i + 1, "UPDATE") || is(i + 1, "SHARE") || is(i + 1, "NO") || is(i + 1, "KEY"))) {
    size_t end = i + 1;  // locks: transactions are serializable without
    while (end < last() && !symbol(end, ")") && !is(end, "LIMIT") && !is(end, "OFFSET")) ++end;
    remove(i, end);
    return end - i;
  }
  if (is(i, "LIMIT") && is(i + 1, "ALL")) return replace(i + 1, i + 2, "-1"), 2;
  const bool amount = token(i + 1).kind == TokenKind::integer || token(i + 1).kind == TokenKind::parameter;
  if (is(i, "OFFSET") && amount && !(i > 1 && is(i - 2, "LIMIT"))) return insert_before(i, "LIMIT -1 "), 1;
  if (is(i, "STRING_AGG") && symbol(i + 1, "(")) return replace(i, i + 1, "group_concat"), 1;
  if (const size_t taken = table_function(i); taken > 0) return taken;
  const bool alone = !(i > 0 && (symbol(i - 1, ".") || is(i - 1, "AS"))) && !symbol(i + 1, "(") && !symbol(i + 1, ".");
  for (const std::string_view word : {"CURRENT_USER", "SESSION_USER", "CURRENT_ROLE", "CURRENT_CATALOG", "CURRENT_SCHEMA"}) {
    if (alone && is(i, word)) return replace(i, i + 1, sql::to_lower(word) + "()"), 1;
  }
  return 0;
}

Translator::TypeName Translator::type_name(size_t i) const {
  TypeName type;
  while ((named(i, "pg_catalog") || named(i, "public")) && symbol(i + 1, ".")) i += 2;
  if (!is_name(i)) return type;
  type.name = sql::to_lower(sql::unquote(at(i++)));
  if ((type.name == "double" && is(i, "PRECISION")) || (type.name == "character" && is(i, "VARYING"))) {
    type.name += " " + sql::to_lower(at(i++));
  }
  if (symbol(i, "(") && match(i) != last()) {
    type.numbers = text_.substr(tokens_[i].end(), tokens_[match(i)].offset - tokens_[i].end());
    i = match(i) + 1;
  }
  if ((type.name == "timestamp" || type.name == "time") && (is(i, "WITH") || is(i, "WITHOUT")) && is(i + 1, "TIME") && is(i + 2, "ZONE")) {
    if (is(i, "WITH")) type.name += "tz";
    i += 3;
  }
  while (symbol(i, "[") && match(i) != last()) {
    type.array = true;
    i = match(i) + 1;
  }
  type.end = i;
  return type;
}

namespace {

SqlResult<CastForm> cast_form(const std::string& name, const std::string& numbers, bool array) {
  if (name == "regclass" || name == "regtype") return CastForm{"pg_" + name + "(", ")"};
  if (array || name == "regproc" || name == "regnamespace" || name == "regrole" || name == "xml" || name == "inet" || name == "cidr") {
    return CastForm{"CAST(", " AS text)"};
  }
  const DeclaredType type = declared_type(name);
  const bool known = std::ranges::any_of(types(), [&](const Type& t) { return t.oid == type.oid && (t.name == name || t.words == name); });
  static constexpr std::array<std::string_view, 8> other{"integer", "int", "decimal", "dec", "float", "real", "char", "double precision"};
  if (!known && std::ranges::count(other, name) == 0) return refuse("42704", "type \"" + name + "\" does not exist");
  switch (type.oid) {
    case oid::boolean: return CastForm{"pg_bool(", ")"};
    case oid::date: return CastForm{"pg_date(", ")"};
    case oid::timestamp: return CastForm{"pg_timestamp(", ")"};
    case oid::timestamptz: return CastForm{"pg_timestamptz(", ")"};
    case oid::bytea: return CastForm{"pg_bytea(", ")"};
    case oid::float4:
    case oid::float8: return CastForm{"CAST(", " AS REAL)"};
    case oid::numeric: return CastForm{"CAST(", " AS NUMERIC)"};
    case oid::oid: return CastForm{"CAST(", " AS INTEGER)"};
    case oid::int2: return CastForm{"CAST(", " AS int2)"};
    case oid::int4:
      return CastForm{"CAST(", " AS int4)"};
    case oid::int8: return CastForm{"CAST(", name == "integer" ? " AS int4)" : " AS int8)"};
    case oid::varchar:
    case oid::bpchar:
      if (!numbers.empty()) return CastForm{"substr(CAST(", " AS text), 1, " + numbers + ")"};
      return CastForm{"CAST(", " AS text)"};
    default: return CastForm{"CAST(", " AS text)"};
  }
}

}  // namespace

SqlResult<size_t> Translator::cast(size_t i) {
  if (tokens_[i].form != Form::cast || i == 0 || !ends_operand(i - 1)) return 0;
  const TypeName type = type_name(i + 1);
  if (type.end == 0) return 0;
  auto form = cast_form(type.name, type.numbers, type.array);
  if (!form) {
    form.error().position = sql::Position{.offset = token(i + 1).offset};
    return std::unexpected(form.error());
  }
  const size_t start = operand_start(i - 1);
  openings_.emplace_back(start, form->open);
  replace(i, type.end, form->close);
  casts_[type.end - 1] = start;
  return type.end - i;
}

SqlResult<void> Translator::expressions(size_t first, size_t end) {
  for (size_t i = first; i < end;) {
    lexeme(i);
    auto taken = cast(i);
    if (!taken) return std::unexpected(taken.error());
    for (const auto step : {&Translator::qualifier, &Translator::operator_call, &Translator::pattern_operator, &Translator::array, &Translator::clause}) {
      if (*taken == 0) *taken = (this->*step)(i);
    }
    i += std::max<size_t>(*taken, 1);
  }
  return {};
}

SqlResult<sql::Edits> Translator::run() {
  const bool ddl = is(0, "CREATE");
  if (auto done = ddl ? create() : expressions(0, last()); !done) return std::unexpected(done.error());
  // At one place the outer one comes first.
  for (const auto& [start, text] : openings_ | std::views::reverse) insert_before(start, text);
  if (tangled_) return refuse("42601", "syntax error");
  return std::move(edits_);
}

SqlResult<Translation> Translation::of(std::string_view statement) {
  auto edits = Translator{statement}.run();
  if (!edits) return std::unexpected(edits.error());
  return Translation{*std::move(edits)};
}

}  // namespace ddb::pg
