// Where one statement of a script ends and the next begins.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ddb::sql {

struct Token;

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
  std::string_view rest() const { return std::string_view{text_}.substr(end_); }
  /// Line on which the text last returned by next() begins, or by rest() when next() returned false; from 1.
  size_t line() const { return line_; }

 private:
  /// How far the statement in hand has got towards a trigger, whose body holds semicolons.
  ///
  ///   start -CREATE-> create -TRIGGER-> body -;-> body_semi -END-> body_end -;-> (complete)
  ///   start, create -other word-> plain -;-> (complete)         body_semi, body_end -other-> body
  enum class State : uint8_t { start, create, plain, body, body_semi, body_end };
  bool ends_statement(const Token& token);

  std::string text_;
  size_t begin_ = 0;    // of the statement that next() returned last
  size_t end_ = 0;      // of that statement: the one in hand begins here
  size_t scanned_ = 0;  // tokens up to here have passed through state_
  size_t line_ = 1;     // of begin_
  State state_ = State::start;
};

/// Nothing but white space, comments and semicolons.
bool is_blank(std::string_view sql);

}  // namespace ddb::sql
