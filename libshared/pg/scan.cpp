#include "pg/scan.hpp"

namespace ddb::pg {

namespace {

using sql::TokenKind;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || (c & 0x80) != 0; }

/// Length of "$tag$" at the start of `text`; zero: there is none.
size_t dollar_tag(std::string_view text) {
  size_t n = 1;
  while (n < text.size() && (is_letter(text[n]) || (n > 1 && is_digit(text[n])))) ++n;
  return n < text.size() && text[n] == '$' ? n + 1 : 0;
}

size_t digits(std::string_view text, size_t from) {
  size_t n = from;
  while (n < text.size() && is_digit(text[n])) ++n;
  return n - from;
}

/// Behind the quote that closes the escaped string at the start of `text` (E'...'); npos: there is none.
size_t escaped_end(std::string_view text) {
  for (size_t i = 2; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '\'') {
      if (i + 1 == text.size() || text[i + 1] != '\'') return i + 1;
      ++i;
    }
  }
  return text.npos;
}

/// A bracket that opens here belongs to an array: ARRAY[1, 2], a[1], f(x)[1], int[].
bool opens_array(std::string_view text, const std::vector<Token>& tokens, size_t at) {
  if (tokens.empty()) return false;
  const Token& before = tokens.back();
  const std::string_view word = text.substr(before.offset, before.size);
  if (before.kind == TokenKind::word && sql::equal_nocase(word, "ARRAY")) return true;
  const bool operand = before.kind == TokenKind::word || before.kind == TokenKind::quoted || word == ")" || word == "]";
  return operand && before.end() == at;
}

/// The token at `at`, where space has been skipped, if it is one that only PostgreSQL has; size zero: it is not.
Token own(std::string_view text, const sql::Token& plain, const std::vector<Token>& before, size_t open_brackets) {
  const size_t at = plain.offset;
  const std::string_view rest = text.substr(at);
  const auto token = [&](TokenKind kind, size_t size, Form form) { return Token{{kind, at, size}, form}; };
  if (rest.starts_with("::")) return token(TokenKind::symbol, 2, Form::cast);
  if (rest.starts_with('[') && opens_array(text, before, at)) return token(TokenKind::symbol, 1, Form::bracket);
  if (rest.starts_with(']') && open_brackets > 0) return token(TokenKind::symbol, 1, Form::bracket);
  if (plain.kind == TokenKind::word && plain.size == 1 && (rest[0] | 32) == 'e' && rest.size() > 1 && rest[1] == '\'') {
    const size_t end = escaped_end(rest);
    return end == rest.npos ? token(TokenKind::illegal, rest.size(), Form::plain) : token(TokenKind::string, end, Form::escaped);
  }
  if (rest.starts_with('$')) {
    if (const size_t count = digits(rest, 1); count > 0) return token(TokenKind::parameter, count + 1, Form::numbered);
    const size_t tag = dollar_tag(rest);
    const size_t close = tag == 0 ? rest.npos : rest.find(rest.substr(0, tag), tag);
    if (close != rest.npos) return token(TokenKind::string, close + tag, Form::dollars);
    if (tag != 0) return token(TokenKind::illegal, rest.size(), Form::plain);
  }
  return token(TokenKind::end, 0, Form::plain);
}

void append_utf8(std::string& out, uint32_t code) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | (code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | (code >> 12));
    tail(6), tail(0);
  } else {
    out += static_cast<char>(0xf0 | (code >> 18));
    tail(12), tail(6), tail(0);
  }
}

/// A number of at most `count` digits of that base at the start of `text`, which loses them.
uint32_t take_number(std::string_view& text, size_t count, uint32_t base) {
  uint32_t value = 0;
  for (; count > 0 && !text.empty(); --count) {
    const char c = text.front();
    const uint32_t digit = is_digit(c) ? static_cast<uint32_t>(c - '0') : (c | 32) >= 'a' && (c | 32) <= 'f' ? static_cast<uint32_t>((c | 32) - 'a' + 10) : base;
    if (digit >= base) break;
    value = value * base + digit;
    text.remove_prefix(1);
  }
  return value;
}

std::string unescape(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '\'' && text.starts_with('\'')) text.remove_prefix(1);
    if (c != '\\' || text.empty()) {
      out += c;
      continue;
    }
    const char escape = text.front();
    if (escape >= '0' && escape <= '7') {
      out += static_cast<char>(take_number(text, 3, 8));
      continue;
    }
    text.remove_prefix(1);
    switch (escape) {
      case 'b': out += '\b'; break;
      case 'f': out += '\f'; break;
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 't': out += '\t'; break;
      case 'x': out += static_cast<char>(take_number(text, 2, 16)); break;
      case 'u': append_utf8(out, take_number(text, 4, 16)); break;
      case 'U': append_utf8(out, take_number(text, 8, 16)); break;
      default: out += escape;
    }
  }
  return out;
}

}  // namespace

std::vector<Token> scan(std::string_view text) {
  std::vector<Token> tokens;
  tokens.reserve(text.size() / 4 + 1);
  size_t open_brackets = 0;
  for (sql::Lexer lexer{text};;) {
    const sql::Token plain = lexer.next();
    const Token token = plain.kind == TokenKind::end ? Token{plain} : own(text, plain, tokens, open_brackets);
    if (token.size == 0) {
      tokens.push_back({plain});
      if (plain.kind == TokenKind::end) return tokens;
      continue;
    }
    if (token.form == Form::bracket) text[token.offset] == '[' ? ++open_brackets : --open_brackets;
    tokens.push_back(token);
    lexer = sql::Lexer{text, token.end()};
  }
}

std::string content(std::string_view text, const Token& token) {
  const std::string_view whole = text.substr(token.offset, token.size);
  if (token.form == Form::escaped) return unescape(whole.substr(2, whole.size() - 3));
  const size_t tag = dollar_tag(whole);
  return std::string{whole.substr(tag, whole.size() - 2 * tag)};
}

std::vector<std::string_view> split(std::string_view script) {
  const std::vector<Token> tokens = scan(script);
  const auto is = [&](size_t i, std::string_view word) {
    return i < tokens.size() && tokens[i].kind == TokenKind::word && sql::equal_nocase(script.substr(tokens[i].offset, tokens[i].size), word);
  };
  std::vector<std::string_view> out;
  size_t begin = 0;  // of the statement in hand: its first token
  for (size_t i = 0; i < tokens.size(); ++i) {
    const bool end = tokens[i].kind == TokenKind::end;
    if (!end && tokens[i].kind != TokenKind::semicolon) continue;
    const size_t word = begin + (is(begin + 1, "TEMP") || is(begin + 1, "TEMPORARY") ? 2 : 1);
    const bool trigger = is(begin, "CREATE") && is(word, "TRIGGER");
    const bool inside = trigger && !(i > begin + 1 && is(i - 1, "END") && tokens[i - 2].kind == TokenKind::semicolon);
    if (inside && !end) continue;
    if (i > begin) out.push_back(script.substr(tokens[begin].offset, tokens[i - 1].end() - tokens[begin].offset));
    begin = i + 1;
  }
  return out;
}

}  // namespace ddb::pg
