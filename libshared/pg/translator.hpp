// The inside of translation: what its files share.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pg/error.hpp"
#include "pg/scan.hpp"
#include "sql/rewriter.hpp"

namespace ddb::pg {

/// One statement's tokens, and what becomes of them. Every step looks at each token once.
class Translator {
 public:
  explicit Translator(std::string_view statement);
  SqlResult<sql::Edits> run();

 private:
  // Reading. Positions behind the last token are allowed: there is the `end`.
  std::string_view at(size_t i) const { return text_.substr(tokens_[i].offset, tokens_[i].size); }
  size_t last() const { return tokens_.size() - 1; }
  const Token& token(size_t i) const { return tokens_[i < last() ? i : last()]; }
  bool is(size_t i, std::string_view word) const;
  bool symbol(size_t i, std::string_view text) const;
  bool is_name(size_t i) const;
  bool named(size_t i, std::string_view name) const;  // quoted or not
  bool ends_operand(size_t i) const;
  /// The parenthesis or bracket that belongs to this one; last(): none.
  size_t match(size_t i) const { return matches_[i]; }
  size_t operand_start(size_t i) const;

  // Editing, by tokens.
  void replace(size_t first, size_t end, std::string text);  // tokens [first, end), and the space between them
  void remove(size_t first, size_t end);                     // the space before token `end`, too
  void insert_before(size_t i, std::string text);
  void insert_behind(size_t i, std::string text);
  /// Tokens give way once. What two steps want is no statement: tangled_.
  bool claim(size_t first, size_t end);

  // Steps; each says how many tokens it has taken at i, zero: it is not for this one.
  void lexeme(size_t i);
  size_t qualifier(size_t i);
  size_t operator_call(size_t i);
  size_t pattern_operator(size_t i);
  size_t array(size_t i);
  size_t table_function(size_t i);
  size_t clause(size_t i);
  SqlResult<size_t> cast(size_t i);
  SqlResult<void> expressions(size_t first, size_t end);

  /// A type's name from token i on.
  struct TypeName {
    std::string name;     // "character varying", in lower case
    std::string numbers;  // "20"; "10,2"
    bool array = false;
    size_t end = 0;       // behind its last token
  };
  TypeName type_name(size_t i) const;

  SqlResult<void> create();
  SqlResult<void> create_table(size_t name);
  SqlResult<void> column(size_t first, size_t end, std::string_view sole_key);
  void default_value(size_t i);
  void table_options(size_t i);
  void create_index();

  std::string_view text_;
  std::vector<Token> tokens_;   // the last is `end`
  std::vector<size_t> matches_;
  std::map<size_t, size_t> casts_;                        // a cast's last token: its operand's first
  std::vector<std::pair<size_t, std::string>> openings_;  // of casts, inner ones first
  static constexpr size_t free = SIZE_MAX;
  std::vector<size_t> owners_;  // by token: the first of those that give way together; free: it stays
  std::vector<bool> opened_;    // by token: something stands before it
  bool tangled_ = false;
  sql::Edits edits_;
};

}  // namespace ddb::pg
