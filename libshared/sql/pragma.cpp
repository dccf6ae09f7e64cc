#include "sql/pragma.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "sql/sql_error.hpp"

namespace ddb::sql {
namespace {

/// Answered by the shadow, whose tables are empty but otherwise the user's.
constexpr std::array<std::string_view, 8> of_schema{"table_info",  "table_xinfo", "table_list",       "index_list",
                                                    "index_info",  "index_xinfo", "foreign_key_list", "collation_list"};
/// Of the session's own connection.
constexpr std::array<std::string_view, 7> of_connection{"recursive_triggers", "case_sensitive_like", "compile_options",
                                                        "function_list", "module_list", "encoding", "database_list"};
/// Numbers that programs keep in a database file's header; of 32 bits there.
constexpr std::array<std::string_view, 2> of_database{"user_version", "application_id"};

bool is_true(std::string_view value) {
  return equal_nocase(value, "on") || equal_nocase(value, "yes") || equal_nocase(value, "true") ||
         std::ranges::any_of(value, [](char c) { return c >= '1' && c <= '9'; });
}

Outcome outcome_of(const ParsedStatement& s) {
  Outcome outcome;
  outcome.result.kind = s.head.kind;
  outcome.result.tag = s.head.tag;
  return outcome;
}

Result<void> collect(sqlite3* db, std::string_view sql, Outcome& outcome) {
  auto query = Query::prepare(db, sql);
  if (!query) return std::unexpected(query.error());
  for (int i = 0; i < query->columns(); ++i) outcome.columns.push_back({sqlite3_column_name(query->get(), i), ""});
  int rc = query->step();
  for (; rc == SQLITE_ROW; rc = query->step()) {
    auto& row = outcome.rows.emplace_back();
    for (int i = 0; i < query->columns(); ++i) row.push_back(codec::to_owned(query->column(i)));
  }
  outcome.result.rows = outcome.rows.size();
  return rc == SQLITE_DONE ? Result<void>{} : std::unexpected(sqlite_error(db));
}

Outcome one_value(const ParsedStatement& s, int64_t value) {
  Outcome outcome = outcome_of(s);
  outcome.columns.push_back({s.head.pragma.name, ""});
  outcome.rows.push_back({Value{value}});
  outcome.result.rows = 1;
  return outcome;
}

SqlResult<Outcome> switch_setting(const ParsedStatement& s, bool& setting, bool may_change) {
  if (!s.head.pragma.assigns) return one_value(s, int64_t{setting});
  if (may_change) setting = is_true(s.head.pragma.value);
  return outcome_of(s);
}

SqlResult<Outcome> database_number(const ParsedStatement& s, Catalog& catalog) {
  const PragmaHead& pragma = s.head.pragma;
  if (pragma.assigns) {
    const long value = std::strtol(pragma.value.c_str(), nullptr, 0);
    const int64_t kept = value == static_cast<int32_t>(value) ? value : 0;  // as SQLite
    if (auto set = catalog.set_number(pragma.name, kept); !set) return std::unexpected(to_sql_error(set.error()));
    return outcome_of(s);
  }
  const auto value = catalog.number(pragma.name);
  if (!value) return std::unexpected(to_sql_error(value.error()));
  return one_value(s, *value);
}

}  // namespace

SqlResult<Outcome> run_on_shadow(const ParsedStatement& s, Catalog& catalog) {
  Outcome outcome = outcome_of(s);
  const auto ran = catalog.with_shadow([&](sqlite3* db) { return collect(db, s.text, outcome); });
  if (!ran) return std::unexpected(to_sql_error(ran.error()));
  return outcome;
}

SqlResult<Outcome> run_pragma(const ParsedStatement& s, Executor& executor, Catalog& catalog, bool in_transaction) {
  const std::string& name = s.head.pragma.name;
  // As in SQLite, foreign_keys is a no-op inside a transaction.
  if (name == "foreign_keys") return switch_setting(s, executor.foreign_keys, !in_transaction);
  if (name == "defer_foreign_keys") return switch_setting(s, executor.defer_foreign_keys, true);
  if (name == "schema_version") return one_value(s, static_cast<int64_t>(catalog.schema()->version));
  if (std::ranges::count(of_database, name) > 0) return database_number(s, catalog);
  const bool temporary = s.head.pragma.assigns && executor.temporary().owns("", s.head.pragma.value);
  const bool about_schema = std::ranges::count(of_schema, name) > 0;
  if (about_schema && !temporary) return run_on_shadow(s, catalog);
  Outcome outcome = outcome_of(s);
  if (!about_schema && std::ranges::count(of_connection, name) == 0) return outcome;
  if (auto ran = collect(executor.connection(), s.text, outcome); !ran) {
    return std::unexpected(to_sql_error(ran.error()));
  }
  return outcome;
}

}  // namespace ddb::sql
