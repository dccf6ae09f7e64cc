// AS OF SYSTEM TIME: a query, or a transaction that only reads, at a time that has passed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "sql/head.hpp"
#include "sql/session.hpp"

struct sqlite3;

namespace ddb::sql {

struct AsOfClause {
  size_t offset = 0;     // in the statement's text
  size_t size = 0;
  std::string when;      // the literal, unquoted; "?" when there is none
};

/// The clause of a SELECT, EXPLAIN or BEGIN, outside of parentheses; nullopt: it has none.
std::optional<AsOfClause> find_as_of(const ParsedStatement& s);

/// The statement as SQLite is to see it. Offsets stay what they are.
std::string without(const ParsedStatement& s, const AsOfClause& clause);

/// What `when` means: an age ("-10s"), a timestamp of the oracle's, or a date and time as SQLite's functions take it, in UTC.
/// `now` is fresh from the oracle. Errors: failed; refused when it has yet to come.
SqlResult<Timestamp> resolve_as_of(sqlite3* db, std::string_view when, Timestamp now);

/// "2026-11-22 10:00:00.250", UTC.
std::string utc(Timestamp ts);

}  // namespace ddb::sql
