// Errors as SQL clients know them: five-character states and places in the text.
#pragma once

#include <string_view>

#include "sql/session.hpp"

namespace ddb::sql {

/// The SQLSTATE of an error that a statement met; `sqlite_code` is SQLite's extended result code, zero if it was not SQLite's.
std::string_view sqlstate(const Error& error, int sqlite_code);

/// Offset in the statement to line and column.
Position position_at(std::string_view sql, size_t offset);

inline SqlError to_sql_error(Error error, int sqlite_code = 0) {
  const std::string_view state = sqlstate(error, sqlite_code);
  return {std::move(error), std::string{state}, std::nullopt};
}

/// Of a change under AS OF SYSTEM TIME.
inline SqlError only_reads() {
  return {{Code::refused, "what runs AS OF SYSTEM TIME only reads", "leave AS OF SYSTEM TIME out to change something", {}}, "25006", std::nullopt};
}

}  // namespace ddb::sql
