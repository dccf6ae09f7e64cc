// SQLite's tokens, as sqlite3's tokenizer cuts them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ddb::sql {

enum class TokenKind : uint8_t {
  end,         // of the text
  word,        // bare identifier or keyword
  quoted,      // "identifier", [identifier] or `identifier`
  string,      // 'text'
  blob,        // x'00ff'
  integer,     // decimal or 0x hexadecimal
  real,
  parameter,   // ?  ?1  :a  @a  $a
  symbol,      // operator or punctuation
  semicolon,
  illegal,     // an unknown character or an unfinished literal
};

struct Token {
  TokenKind kind = TokenKind::end;
  size_t offset = 0;  // bytes from the start of the text
  size_t size = 0;

  size_t end() const { return offset + size; }
};

/// Cuts tokens one by one; white space and comments are skipped.
class Lexer {
 public:
  explicit Lexer(std::string_view text, size_t offset = 0) : text_{text}, at_{offset} {}
  Token next();
  size_t offset() const { return at_; }
  /// The text ended inside a comment or a quoted token.
  bool unfinished() const { return unfinished_; }

 private:
  void skip_space();
  Token quoted(char close, TokenKind kind);
  Token number();
  Token parameter();
  Token take(TokenKind kind, size_t size);

  std::string_view text_;
  size_t at_;
  bool unfinished_ = false;
};

/// All tokens of a text and the closing `end`.
std::vector<Token> tokenize(std::string_view text);

/// ASCII case only, as SQLite compares keywords and names.
bool equal_nocase(std::string_view a, std::string_view b);
std::string to_lower(std::string_view text);

/// The name a word, quoted or string token stands for.
std::string unquote(std::string_view token);
/// 'text', with inner quotes doubled.
std::string quote_text(std::string_view text);

}  // namespace ddb::sql
