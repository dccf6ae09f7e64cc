// Where one statement ends and the next begins, and what kind it is.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sql/session.hpp"

namespace ddb::sql {

/// Cuts a script into statements as it arrives, as the sqlite3 shell does: semicolons inside strings,
/// comments and trigger bodies do not count.
class StatementSplitter {
 public:
  /// Adds text. It is kept until the statements in it have been taken.
  void feed(std::string_view text);
  /// The next complete statement, semicolon included, valid until the next call of feed() or next().
  /// False: more text is needed. White space and comments before a statement come with it.
  bool next(std::string_view& statement);
  /// What is left when the input ends: an unfinished statement, or white space and comments.
  std::string_view rest() const;
  /// Line on which the statement last returned by next(), or the rest, begins; from 1.
  size_t line() const { return line_; }

 private:
  std::string text_;
  size_t start_ = 0;    // of the statement in hand
  size_t scanned_ = 0;  // no statement ends before this
  size_t line_ = 1;
  size_t returned_ = 0;  // bytes of text_ that next() has handed out and not yet dropped
  int state_ = 0;
};

/// Nothing but white space, comments and semicolons.
bool is_blank(std::string_view sql);

}  // namespace ddb::sql
