// PostgreSQL's tokens: SQLite's, and the forms that only PostgreSQL has.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sql/lexer.hpp"

namespace ddb::pg {

enum class Form : unsigned char {
  plain,      // as SQLite cuts it
  cast,       // ::
  bracket,    // [ or ] of an array; elsewhere [name] is SQLite's quoting
  escaped,    // E'a\nb'
  dollars,    // $$text$$, $tag$text$tag$
  numbered,   // $1
};

struct Token : sql::Token {
  Form form = Form::plain;
};

/// All tokens of a text and the closing `end`.
std::vector<Token> scan(std::string_view text);

/// What an escaped or dollar-quoted string stands for.
std::string content(std::string_view text, const Token& token);

/// The statements of a query string, without their semicolons; those that are nothing but space and comments are left out.
/// A trigger's body holds semicolons, as in SQLite.
std::vector<std::string_view> split(std::string_view script);

}  // namespace ddb::pg
