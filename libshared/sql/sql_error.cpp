#include "sql/sql_error.hpp"

#include <sqlite3.h>

#include <algorithm>

namespace ddb::sql {
namespace {

std::string_view state_of_code(Code code) {
  switch (code) {
    case Code::conflict:
    case Code::too_old: return "40001";
    case Code::unknown_outcome: return "40003";
    case Code::exists: return "23505";
    case Code::unavailable: return "08006";
    case Code::try_again: return "57014";
    case Code::store_full: return "53100";
    case Code::too_long: return "54000";
    case Code::refused: return "42501";
    case Code::bad_data: return "XX001";
    case Code::internal: return "XX000";
    default: return "HY000";
  }
}

std::string_view state_of_constraint(int sqlite_code) {
  switch (sqlite_code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID: return "23505";
    case SQLITE_CONSTRAINT_NOTNULL: return "23502";
    case SQLITE_CONSTRAINT_CHECK: return "23514";
    case SQLITE_CONSTRAINT_FOREIGNKEY: return "23503";
    case SQLITE_CONSTRAINT_DATATYPE: return "22018";
    default: return "23000";
  }
}

/// SQLite gives one code for whatever is wrong with a text; its message tells.
std::string_view state_of_message(std::string_view message) {
  struct Known {
    std::string_view part;
    std::string_view state;
  };
  static constexpr Known known[] = {
      {"UNIQUE constraint failed", "23505"},  {"FOREIGN KEY constraint failed", "23503"},
      {"NOT NULL constraint failed", "23502"}, {"no such table", "42P01"},
      {"no such column", "42703"},            {"has no column named", "42703"},
      {"no such function", "42883"},          {"no such index", "42704"},
      {"no such view", "42P01"},              {"no such trigger", "42704"},
      {"already exists", "42P07"},            {"there is already", "42P07"},
      {"syntax error", "42601"},              {"incomplete input", "42601"},
      {"unrecognized token", "42601"},        {"ambiguous column name", "42702"},
      {"no such savepoint", "3B001"},         {"cannot start a transaction", "25001"},
      {"no transaction is active", "25P01"},  {"values were supplied", "42601"},
      {"values for", "42601"},                {"integer overflow", "22003"},
  };
  for (const auto& [part, state] : known) {
    if (message.contains(part)) return state;
  }
  return "HY000";
}

}  // namespace

std::string_view sqlstate(const Error& error, int sqlite_code) {
  if (error.code != Code::failed) return state_of_code(error.code);
  switch (sqlite_code & 0xff) {
    case SQLITE_CONSTRAINT: return state_of_constraint(sqlite_code);
    case SQLITE_MISMATCH: return "22018";
    case SQLITE_TOOBIG: return "54000";
    case SQLITE_NOMEM: return "53200";
    case SQLITE_INTERRUPT: return "57014";
    case SQLITE_RANGE: return "07001";
    case SQLITE_AUTH: return "42501";
    default: return state_of_message(error.message);
  }
}

Position position_at(std::string_view sql, size_t offset) {
  const std::string_view before = sql.substr(0, std::min(offset, sql.size()));
  const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return {before.size(), 1 + static_cast<size_t>(std::ranges::count(before, '\n')), before.size() - line_start + 1};
}

}  // namespace ddb::sql
