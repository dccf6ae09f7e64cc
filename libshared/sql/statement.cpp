#include "sql/statement.hpp"

#include <algorithm>

#include "sql/lexer.hpp"

namespace ddb::sql {

void StatementSplitter::feed(std::string_view text) {
  text_.erase(0, begin_);
  end_ -= begin_;
  scanned_ -= begin_;
  begin_ = 0;
  text_ += text;
}

bool StatementSplitter::next(std::string_view& statement) {
  line_ += static_cast<size_t>(std::count(text_.begin() + static_cast<ptrdiff_t>(begin_),
                                          text_.begin() + static_cast<ptrdiff_t>(end_), '\n'));
  begin_ = end_;
  Lexer lexer{text_, scanned_};
  for (;;) {
    const Token token = lexer.next();
    // A token that touches the end of the text may go on in the next piece.
    const bool open = lexer.unfinished() || (token.end() == text_.size() && token.kind != TokenKind::semicolon);
    if (token.kind == TokenKind::end || open) return false;
    scanned_ = token.end();
    if (!ends_statement(token)) continue;
    state_ = State::start;
    end_ = scanned_;
    statement = std::string_view{text_}.substr(begin_, end_ - begin_);
    return true;
  }
}

bool StatementSplitter::ends_statement(const Token& token) {
  const bool semicolon = token.kind == TokenKind::semicolon;
  const std::string_view word =
      token.kind == TokenKind::word ? std::string_view{text_}.substr(token.offset, token.size) : std::string_view{};
  const auto is = [&](std::string_view keyword) { return equal_nocase(word, keyword); };
  switch (state_) {
    case State::start:
      if (is("EXPLAIN") || is("QUERY") || is("PLAN")) return false;
      state_ = is("CREATE") ? State::create : State::plain;
      return semicolon;
    case State::create:
      if (is("TEMP") || is("TEMPORARY")) return false;
      state_ = is("TRIGGER") ? State::body : State::plain;
      return semicolon;
    case State::plain: return semicolon;
    case State::body:
    case State::body_semi:
      if (semicolon) {
        state_ = State::body_semi;
      } else {
        state_ = state_ == State::body_semi && is("END") ? State::body_end : State::body;
      }
      return false;
    case State::body_end:
      if (!semicolon) state_ = State::body;
      return semicolon;
  }
  return semicolon;
}

bool is_blank(std::string_view sql) {
  Lexer lexer{sql};
  for (Token token = lexer.next();; token = lexer.next()) {
    if (token.kind == TokenKind::end) return true;
    if (token.kind != TokenKind::semicolon) return false;
  }
}

}  // namespace ddb::sql
