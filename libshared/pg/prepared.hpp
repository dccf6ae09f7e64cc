// A statement that a client has given: its text, its translation, and what it takes and returns.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pg/command.hpp"
#include "pg/translate.hpp"
#include "pg/types.hpp"
#include "sql/session.hpp"

namespace ddb::pg {

struct Statement {
  /// 22021: the text is no UTF-8; errors of Translation and command_of, with their place in `text`.
  static SqlResult<std::shared_ptr<Statement>> make(std::string_view text);
  /// Of a text that has been translated.
  static std::shared_ptr<Statement> of_sql(std::string_view sql);
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  const std::string text;  // empty: no statement
  const Translation translation;
  const Command command;
  const sql::StatementKind kind;  // of sql()
  std::vector<uint32_t> parameter_types;
  std::optional<std::vector<sql::ColumnInfo>> columns;  // as SQLite plans it; empty: it returns none
  std::vector<uint32_t> types;      // of the columns, as the client was told: they stay so; empty: not told yet

  const std::string& sql() const { return translation.sql(); }
  bool is_sql() const { return std::holds_alternative<SqlCommand>(command); }

 private:
  Statement(std::string text, Translation translation, Command command);
};

/// What a statement's text alone tells of a result column.
struct StaticColumn {
  uint32_t type = oid::unknown;  // as declared, or of a literal, a cast, or a function that always returns the same
  std::string name;              // as PostgreSQL names it: count for count(*), ?column? for 1 + 1
};
std::vector<StaticColumn> static_columns(std::string_view sql, std::span<const sql::ColumnInfo> columns);

}  // namespace ddb::pg
