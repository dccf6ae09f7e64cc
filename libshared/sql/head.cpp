#include "sql/head.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace ddb::sql {

std::string_view ParsedStatement::cut(TokenSpan span) const {
  if (span.empty()) return {};
  const size_t begin = tokens[span.first].offset;
  return text.substr(begin, tokens[span.last - 1].end() - begin);
}

bool ParsedStatement::is(size_t token, std::string_view keyword) const {
  return tokens[token].kind == TokenKind::word && equal_nocase(at(token), keyword);
}

bool ParsedStatement::symbol(size_t token, std::string_view wanted) const {
  return tokens[token].kind == TokenKind::symbol && at(token) == wanted;
}

bool ParsedStatement::is_name(size_t token) const {
  const TokenKind kind = tokens[token].kind;
  return kind == TokenKind::word || kind == TokenKind::quoted || kind == TokenKind::string;
}

size_t skip_parentheses(const ParsedStatement& statement, size_t open, size_t last) {
  size_t depth = 0;
  for (size_t i = open; i < last; ++i) {
    if (statement.symbol(i, "(")) ++depth;
    if (statement.symbol(i, ")") && --depth == 0) return i + 1;
  }
  return last;
}

size_t find_word(const ParsedStatement& statement, TokenSpan span, std::string_view keyword) {
  for (size_t i = span.first; i < span.last; ++i) {
    if (statement.is(i, keyword)) return i;
    if (statement.symbol(i, "(")) i = skip_parentheses(statement, i, span.last) - 1;
  }
  return span.last;
}

namespace {

/// Walks the tokens of one statement from the left.
class HeadParser {
 public:
  HeadParser(const ParsedStatement& statement, TokenSpan span) : s_{statement}, at_{span.first}, last_{span.last} {}

  Head parse() {
    if (at_ >= last_) return head_;
    head_.tag = upper(at_);
    if (accept("EXPLAIN")) {
      head_.kind = StatementKind::explain;
    } else if (word("SELECT") || word("VALUES")) {
      select();
    } else if (word("WITH")) {
      with();
    } else if (word("INSERT") || word("REPLACE") || word("UPDATE") || word("DELETE")) {
      dml();
    } else if (word("CREATE") || word("DROP") || word("ALTER")) {
      ddl();
    } else if (accept("PRAGMA")) {
      pragma();
    } else if (word("ANALYZE") || word("REINDEX")) {
      head_.kind = StatementKind::analyze;
    } else {
      transaction();
    }
    return std::move(head_);
  }

 private:
  bool word(std::string_view keyword) const { return at_ < last_ && s_.is(at_, keyword); }
  bool symbol(std::string_view text) const { return at_ < last_ && s_.symbol(at_, text); }
  bool accept(std::string_view keyword) {
    const bool found = word(keyword);
    at_ += found ? 1 : 0;
    return found;
  }
  bool accept_symbol(std::string_view text) {
    const bool found = symbol(text);
    at_ += found ? 1 : 0;
    return found;
  }
  bool at_name() const { return at_ < last_ && s_.is_name(at_); }
  std::string upper(size_t token) const {
    std::string out{s_.at(token)};
    for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c;
    return out;
  }

  void select() {
    head_.kind = StatementKind::select;
    head_.tag = "SELECT";
  }

  /// Common table expressions: the verb is the first of these words outside parentheses.
  void with() {
    head_.dml.with.first = at_++;
    for (; at_ < last_; ++at_) {
      if (symbol("(")) at_ = skip_parentheses(s_, at_, last_) - 1;
      if (word("SELECT") || word("VALUES")) return select();
      const bool replace = word("REPLACE") && at_ + 1 < last_ && s_.is(at_ + 1, "INTO");
      if (replace || word("INSERT") || word("UPDATE") || word("DELETE")) break;
    }
    if (at_ >= last_) return select();  // SQLite words the error
    head_.dml.with.last = at_;
    dml();
  }

  void dml() {
    DmlHead& d = head_.dml;
    d.verb = at_++;
    if (s_.is(d.verb, "REPLACE")) d.on_conflict = OnConflict::replace;
    if (word("OR") && at_ + 1 < last_) {
      ++at_;
      d.on_conflict = conflict_word();
    }
    if (s_.is(d.verb, "UPDATE")) return update();
    if (s_.is(d.verb, "DELETE")) return erase();
    insert();
  }

  OnConflict conflict_word() {
    static constexpr std::array<std::pair<std::string_view, OnConflict>, 5> words{{
        {"REPLACE", OnConflict::replace},
        {"IGNORE", OnConflict::ignore},
        {"FAIL", OnConflict::fail},
        {"ROLLBACK", OnConflict::rollback},
        {"ABORT", OnConflict::abort},
    }};
    for (const auto& [text, on_conflict] : words) {
      if (accept(text)) return on_conflict;
    }
    return OnConflict::none;
  }

  /// [schema.]name [AS alias] [INDEXED BY name | NOT INDEXED]
  void target() {
    DmlHead& d = head_.dml;
    d.target = qualified_name(d.schema, d.table);
    if (word("AS") && at_ + 1 < last_) {
      d.alias_clause = {at_, at_ + 2};
      d.alias = s_.name(at_ + 1);
      at_ += 2;
    }
    const size_t indexed = at_;
    if (word("INDEXED") && at_ + 2 < last_) at_ += 3;
    if (word("NOT") && at_ + 1 < last_ && s_.is(at_ + 1, "INDEXED")) at_ += 2;
    d.indexed_clause = {indexed, at_};
  }

  TokenSpan qualified_name(std::string& schema, std::string& name) {
    const size_t first = at_;
    if (!at_name()) return {};
    name = s_.name(at_++);
    if (symbol(".") && at_ + 1 < last_ && s_.is_name(at_ + 1)) {
      schema = std::exchange(name, s_.name(at_ + 1));
      at_ += 2;
    }
    return {first, at_};
  }

  void insert() {
    DmlHead& d = head_.dml;
    head_.kind = StatementKind::insert;
    head_.tag = "INSERT";
    if (!accept("INTO")) return;
    target();
    if (symbol("(")) {
      const size_t close = skip_parentheses(s_, at_, last_);
      d.has_columns = true;
      d.columns = {at_ + 1, close - 1};
      for (size_t i = d.columns.first; i < d.columns.last; i += 2) d.column_names.push_back(s_.name(i));
      at_ = close;
    }
    if (word("DEFAULT")) {
      d.default_values = true;
      d.source = {at_, std::min(at_ + 2, last_)};
      at_ = d.source.last;
    }
    clauses_of_insert();
  }

  /// The source up to ON CONFLICT, RETURNING or the end.
  void clauses_of_insert() {
    DmlHead& d = head_.dml;
    d.returning = behind("RETURNING");
    if (!d.default_values) d.source = {at_, d.returning.first == 0 ? last_ : d.returning.first - 1};
    for (size_t i = d.source.first; i + 1 < d.source.last; ++i) {
      if (s_.symbol(i, "(")) {
        i = skip_parentheses(s_, i, d.source.last) - 1;
      } else if (s_.is(i, "ON") && s_.is(i + 1, "CONFLICT") && starts_upsert(i + 2, d.source.last)) {
        d.upsert = {i, d.source.last};
        d.source.last = i;
      }
    }
    if (!d.source.empty() && s_.is(d.source.first, "VALUES")) rows();
  }
  bool starts_upsert(size_t i, size_t last) const { return i < last && (s_.symbol(i, "(") || s_.is(i, "DO")); }

  void rows() {
    DmlHead& d = head_.dml;
    for (size_t i = d.source.first + 1; i < d.source.last; ++i) {  // ( ... ) , ( ... )
      const size_t close = skip_parentheses(s_, i, d.source.last);
      const bool closed = s_.symbol(i, "(") && s_.symbol(close - 1, ")");
      const bool comma = close == d.source.last || s_.symbol(close, ",");
      if (!closed || !comma) return d.rows.clear();  // VALUES (...) UNION ...: a SELECT
      d.rows.push_back({i + 1, close - 1});
      i = close;
    }
  }

  void update() {
    DmlHead& d = head_.dml;
    head_.kind = StatementKind::update;
    head_.tag = "UPDATE";
    target();
    clauses({{"SET", &d.set}, {"FROM", &d.from}, {"WHERE", &d.where}});
  }

  void erase() {
    DmlHead& d = head_.dml;
    head_.kind = StatementKind::erase;
    head_.tag = "DELETE";
    if (!accept("FROM")) return;
    target();
    clauses({{"WHERE", &d.where}});
  }

  /// Cuts the rest at its clauses' keywords; each runs to the next one.
  void clauses(std::vector<std::pair<std::string_view, TokenSpan*>> wanted) {
    DmlHead& d = head_.dml;
    wanted.push_back({"RETURNING", &d.returning});
    wanted.push_back({"ORDER", &d.order_limit});
    wanted.push_back({"LIMIT", &d.order_limit});
    TokenSpan* open = nullptr;
    for (size_t i = at_; i < last_; ++i) {
      if (s_.symbol(i, "(")) {
        i = skip_parentheses(s_, i, last_) - 1;
        continue;
      }
      const auto clause = std::ranges::find_if(wanted, [&](const auto& w) { return s_.is(i, w.first); });
      const bool distinct_from = i > 0 && s_.is(i, "FROM") && s_.is(i - 1, "DISTINCT");
      if (clause == wanted.end() || distinct_from || open == &d.order_limit) continue;
      if (open != nullptr) open->last = i;
      open = clause->second;
      *open = {open == &d.order_limit ? i : i + 1, last_};
    }
  }

  TokenSpan behind(std::string_view keyword) {
    const size_t i = find_word(s_, {at_, last_}, keyword);
    return i == last_ ? TokenSpan{} : TokenSpan{i + 1, last_};
  }

  void ddl() {
    head_.kind = word("CREATE") ? StatementKind::create : word("DROP") ? StatementKind::drop : StatementKind::alter;
    const std::string verb = upper(at_++);
    if (accept("TEMP") || accept("TEMPORARY")) head_.temporary = true;
    if (accept("UNIQUE")) {}
    if (accept("VIRTUAL")) {}
    head_.tag = at_ < last_ ? verb + " " + upper(at_++) : verb;
    const bool if_exists = accept("IF");
    if (if_exists) {
      accept("NOT");
      accept("EXISTS");
    }
    std::string schema;
    std::string name;
    const TokenSpan span = qualified_name(schema, name);
    if (!schema.empty()) head_.object.push_back(schema);
    head_.object.push_back(name);
    if (head_.tag == "CREATE TABLE" && accept("AS")) {
      head_.create_as = {if_exists, name, span, {at_, last_}};
    }
  }

  void pragma() {
    head_.kind = StatementKind::pragma;
    std::string schema;
    qualified_name(schema, head_.pragma.name);
    head_.pragma.name = to_lower(head_.pragma.name);
    head_.pragma.assigns = accept_symbol("=") || accept_symbol("(");
    const bool negative = accept_symbol("-");
    if (head_.pragma.assigns && at_ < last_) head_.pragma.value = (negative ? "-" : "") + s_.name(at_);
  }

  void transaction() {
    if (accept("BEGIN")) {
      head_.kind = StatementKind::begin;
    } else if (accept("COMMIT") || accept("END")) {
      head_.kind = StatementKind::commit;
      head_.tag = "COMMIT";
    } else if (accept("SAVEPOINT")) {
      head_.kind = StatementKind::savepoint;
      savepoint_name();
    } else if (accept("RELEASE")) {
      head_.kind = StatementKind::release;
      accept("SAVEPOINT");
      savepoint_name();
    } else if (accept("ROLLBACK")) {
      head_.kind = StatementKind::rollback;
      const size_t to = find_word(s_, {at_, last_}, "TO");
      if (to == last_) return;
      head_.kind = StatementKind::rollback_to;
      at_ = to + 1;
      if (word("SAVEPOINT") && at_ + 1 < last_) ++at_;
      savepoint_name();
    } else {
      head_.kind = StatementKind::other;
    }
  }
  void savepoint_name() {
    if (at_name()) head_.transaction.savepoint = s_.name(at_);
  }

  const ParsedStatement& s_;
  size_t at_;
  size_t last_;
  Head head_;
};

}  // namespace

Head parse_head(const ParsedStatement& statement, TokenSpan span) { return HeadParser{statement, span}.parse(); }

ParsedStatement parse_statement(std::string_view text) {
  ParsedStatement statement{.text = text, .tokens = tokenize(text), .tail = text.size(), .head = {}};
  auto& tokens = statement.tokens;
  const bool trigger = [&] {  // its body holds semicolons: it ends where the text does
    if (!statement.is(0, "CREATE")) return false;
    const size_t word = statement.is(1, "TEMP") || statement.is(1, "TEMPORARY") ? 2 : 1;
    return word < tokens.size() && statement.is(word, "TRIGGER");
  }();
  size_t count = tokens.size() - 1;
  if (trigger) {
    while (count > 0 && tokens[count - 1].kind == TokenKind::semicolon) --count;
  } else {
    const auto end = std::ranges::find(tokens, TokenKind::semicolon, &Token::kind);
    if (end != tokens.end()) {
      count = static_cast<size_t>(end - tokens.begin());
      statement.tail = end->end();
    }
  }
  tokens.resize(count);
  statement.head = parse_head(statement, {0, count});
  return statement;
}

}  // namespace ddb::sql
