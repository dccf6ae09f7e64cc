#include "sql/lexer.hpp"

namespace ddb::sql {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r' && c != '\v'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
bool is_hex(char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f'); }
/// Letters, digits, _, $ and every byte of a multi-byte character.
bool is_word(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || is_digit(c) || c == '_' || c == '$' || (c & 0x80) != 0;
}

/// Length of the operator at the start of `text`; zero: none starts so.
size_t symbol_size(std::string_view text) {
  static constexpr std::string_view longest_first[] = {"->>", "->", "<=", "<>", "<<", ">=", ">>", "==", "!=", "||"};
  for (const auto& op : longest_first) {
    if (text.starts_with(op)) return op.size();
  }
  return std::string_view{"-(),+*/%=<>|~&."}.contains(text.front()) ? 1 : 0;
}

}  // namespace

Token Lexer::take(TokenKind kind, size_t size) {
  const Token token{kind, at_, size};
  at_ += size;
  return token;
}

void Lexer::skip_space() {
  while (at_ < text_.size()) {
    const std::string_view rest = text_.substr(at_);
    if (is_space(rest.front())) {
      ++at_;
    } else if (rest.starts_with("--")) {
      const size_t eol = text_.find('\n', at_);
      at_ = eol == text_.npos ? text_.size() : eol + 1;
    } else if (rest.starts_with("/*")) {
      const size_t close = text_.find("*/", at_ + 2);
      unfinished_ = close == text_.npos;
      at_ = unfinished_ ? text_.size() : close + 2;
    } else {
      return;
    }
  }
}

/// The quote at at_ runs to `close`; a doubled `close` stands for itself, but for brackets.
Token Lexer::quoted(char close, TokenKind kind) {
  for (size_t i = at_ + 1; i < text_.size(); ++i) {
    if (text_[i] != close) continue;
    if (close == ']' || i + 1 == text_.size() || text_[i + 1] != close) return take(kind, i + 1 - at_);
    ++i;
  }
  unfinished_ = true;
  return take(TokenKind::illegal, text_.size() - at_);
}

Token Lexer::number() {
  const auto at = [&](size_t i) { return at_ + i < text_.size() ? text_[at_ + i] : '\0'; };
  size_t n = 0;
  TokenKind kind = TokenKind::integer;
  if (at(0) == '0' && lower(at(1)) == 'x' && is_hex(at(2))) {
    for (n = 3; is_hex(at(n));) ++n;
  } else {
    while (is_digit(at(n))) ++n;
    if (at(n) == '.') {
      kind = TokenKind::real;
      for (++n; is_digit(at(n));) ++n;
    }
    const size_t sign = at(n + 1) == '+' || at(n + 1) == '-' ? 1 : 0;
    if (lower(at(n)) == 'e' && is_digit(at(n + 1 + sign))) {
      kind = TokenKind::real;
      for (n += 2 + sign; is_digit(at(n));) ++n;
    }
  }
  while (is_word(at(n))) {  // 12ab is no token
    kind = TokenKind::illegal;
    ++n;
  }
  return take(kind, n);
}

Token Lexer::parameter() {
  const std::string_view rest = text_.substr(at_);
  size_t n = 1;
  if (rest.front() == '?') {
    while (n < rest.size() && is_digit(rest[n])) ++n;
    return take(TokenKind::parameter, n);
  }
  while (n < rest.size() && (is_word(rest[n]) || rest.substr(n).starts_with("::"))) n += rest[n] == ':' ? 2 : 1;
  if (n > 1 && n < rest.size() && rest[n] == '(') {  // $name(suffix), as Tcl writes arrays
    const size_t close = rest.find(')', n);
    if (close != rest.npos) n = close + 1;
  }
  return take(n > 1 ? TokenKind::parameter : TokenKind::illegal, n);
}

Token Lexer::next() {
  skip_space();
  if (at_ >= text_.size()) return {TokenKind::end, text_.size(), 0};
  const std::string_view rest = text_.substr(at_);
  const char c = rest.front();
  const char second = rest.size() > 1 ? rest[1] : '\0';
  switch (c) {
    case ';': return take(TokenKind::semicolon, 1);
    case '\'': return quoted('\'', TokenKind::string);
    case '"': return quoted('"', TokenKind::quoted);
    case '`': return quoted('`', TokenKind::quoted);
    case '[': return quoted(']', TokenKind::quoted);
    case '?':
    case ':':
    case '@':
    case '$':
    case '#': return parameter();
    default: break;
  }
  if (is_digit(c) || (c == '.' && is_digit(second))) return number();
  if (lower(c) == 'x' && second == '\'') {
    ++at_;
    Token token = quoted('\'', TokenKind::blob);
    --token.offset;
    ++token.size;
    return token;
  }
  if (is_word(c)) {
    size_t n = 1;
    while (n < rest.size() && is_word(rest[n])) ++n;
    return take(TokenKind::word, n);
  }
  const size_t n = symbol_size(rest);
  return n > 0 ? take(TokenKind::symbol, n) : take(TokenKind::illegal, 1);
}

std::vector<Token> tokenize(std::string_view text) {
  std::vector<Token> tokens;
  tokens.reserve(text.size() / 4 + 1);
  Lexer lexer{text};
  do tokens.push_back(lexer.next());
  while (tokens.back().kind != TokenKind::end);
  return tokens;
}

bool equal_nocase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

std::string to_lower(std::string_view text) {
  std::string out{text};
  for (char& c : out) c = lower(c);
  return out;
}

std::string unquote(std::string_view token) {
  if (token.size() < 2) return std::string{token};
  const char open = token.front();
  if (open == '[') return std::string{token.substr(1, token.size() - 2)};
  if (open != '"' && open != '`' && open != '\'') return std::string{token};
  std::string out;
  for (size_t i = 1; i + 1 < token.size(); ++i) {
    out += token[i];
    if (token[i] == open) ++i;
  }
  return out;
}

std::string quote_text(std::string_view text) {
  std::string out(1, '\'');
  for (const char c : text) {
    if (c == '\'') out += c;
    out += c;
  }
  return out += '\'';
}

}  // namespace ddb::sql
