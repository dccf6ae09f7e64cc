// A statement's kind and the clauses that rewriting needs: a parser for heads, leaving expressions to SQLite.
//
// It never refuses a statement: what it does not understand stays StatementKind::other or has empty spans, and SQLite's
// own parser, which sees the statement next, words the error.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sql/lexer.hpp"
#include "sql/session.hpp"

namespace ddb::sql {

/// Tokens [first, last) of a statement.
struct TokenSpan {
  size_t first = 0;
  size_t last = 0;
  bool empty() const { return first >= last; }
};

enum class OnConflict : uint8_t { none, abort, replace, ignore, fail, rollback };

/// INSERT, UPDATE or DELETE, on its own or in a trigger's body.
struct DmlHead {
  TokenSpan with;        // WITH [RECURSIVE] a AS (...), ...: before the verb
  size_t verb = 0;       // INSERT, REPLACE, UPDATE, DELETE
  OnConflict on_conflict = OnConflict::none;
  TokenSpan target;      // [schema.]name
  std::string schema;    // unquoted; empty: none given
  std::string table;
  std::string alias;     // AS alias; empty: none
  TokenSpan alias_clause;    // AS alias
  TokenSpan indexed_clause;  // INDEXED BY i, NOT INDEXED

  // INSERT
  TokenSpan columns;               // inside the parentheses
  bool has_columns = false;
  std::vector<std::string> column_names;
  bool default_values = false;
  TokenSpan source;                // VALUES ... or SELECT ...
  std::vector<TokenSpan> rows;     // of VALUES: inside each row's parentheses; empty for SELECT
  TokenSpan upsert;                // ON CONFLICT ... (all of them)

  // UPDATE, DELETE
  TokenSpan set;                   // behind SET
  TokenSpan from;                  // behind FROM, of UPDATE
  TokenSpan where;                 // behind WHERE
  TokenSpan order_limit;           // ORDER BY ... LIMIT ...

  TokenSpan returning;             // behind RETURNING
};

/// BEGIN, COMMIT, SAVEPOINT and so on.
struct TransactionHead {
  std::string savepoint;  // of SAVEPOINT, RELEASE, ROLLBACK TO
};

/// CREATE TABLE name AS SELECT.
struct CreateAsHead {
  bool if_not_exists = false;
  std::string table;
  TokenSpan name;    // [schema.]name
  TokenSpan select;
};

struct PragmaHead {
  std::string name;             // in lower case
  std::string value;            // unquoted; empty: none
  bool assigns = false;         // name = value or name(value)
};

struct Head {
  StatementKind kind = StatementKind::empty;
  std::string tag;
  bool temporary = false;         // CREATE TEMP ...
  DmlHead dml;
  TransactionHead transaction;
  PragmaHead pragma;
  CreateAsHead create_as;         // select empty: not this form
  std::vector<std::string> object;  // of CREATE and DROP: the name
};

/// A statement's text, its tokens (the closing semicolon and all behind it left out) and its head.
struct ParsedStatement {
  std::string_view text;  // borrowed
  std::vector<Token> tokens;
  size_t tail = 0;        // offset behind the closing semicolon; text.size() without one
  Head head;

  std::string_view at(size_t token) const { return text.substr(tokens[token].offset, tokens[token].size); }
  std::string_view cut(TokenSpan span) const;  // the text of a span, comments inside included
  bool is(size_t token, std::string_view keyword) const;   // a bare word, without case
  bool symbol(size_t token, std::string_view text) const;
  bool is_name(size_t token) const;                        // a word or quoted identifier
  std::string name(size_t token) const { return unquote(at(token)); }
};

ParsedStatement parse_statement(std::string_view text);

/// The DML statement that fills `span`, as in a trigger's body; kind tells SELECT and others.
Head parse_head(const ParsedStatement& statement, TokenSpan span);

/// The first token in `span` at parenthesis depth zero that is the bare word `keyword`; span.last: none.
size_t find_word(const ParsedStatement& statement, TokenSpan span, std::string_view keyword);

/// Behind the parenthesis that closes the one at `open`; `last` when it is never closed.
size_t skip_parentheses(const ParsedStatement& statement, size_t open, size_t last);

}  // namespace ddb::sql
