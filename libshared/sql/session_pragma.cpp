// PRAGMAs that look at rows, or at the session's own settings.
#include <algorithm>
#include <charconv>

#include "sql/as_of.hpp"
#include "sql/foreign_key.hpp"
#include "sql/integrity.hpp"
#include "sql/pragma.hpp"
#include "sql/session_impl.hpp"

namespace ddb::sql {

namespace {

constexpr size_t findings_max = 100;  // of integrity_check, as in SQLite

/// The table that PRAGMA x(table) names; nullptr: it names none.
SqlResult<const Table*> table_of(const PragmaHead& pragma, const Schema& schema) {
  if (!pragma.assigns) return nullptr;
  if (const Table* table = schema.find_table(pragma.value)) return table;
  return refuse("no such table: " + pragma.value);
}

}  // namespace

SqlResult<StatementResult> Session::Impl::pragma(const ParsedStatement& s, Delivery& delivery) {
  const std::string& name = s.head.pragma.name;
  if (name == "as_of_system_time") return pragma_as_of(s, delivery);
  if (name == "foreign_key_check") return foreign_key_check(s, delivery);
  if (name == "integrity_check" || name == "quick_check") return integrity_check(s, delivery);
  return deliver(run_pragma(s, executor, catalog, open), delivery);
}

SqlResult<StatementResult> Session::Impl::foreign_key_check(const ParsedStatement& s, Delivery& delivery) {
  const auto schema = catalog.schema();
  const auto table = table_of(s.head.pragma, *schema);
  if (!table) return std::unexpected(table.error());
  const auto query = foreign_key_check_query(*schema, *table);
  if (!query) return std::unexpected(to_sql_error(query.error()));
  auto ran = run({*query, {}, nullptr}, delivery);
  if (!ran) return ran;
  return result_of(s);
}

/// integrity_check, integrity_check(N) and integrity_check(table). What it reads is one snapshot.
SqlResult<StatementResult> Session::Impl::integrity_check(const ParsedStatement& s, Delivery& delivery) {
  const PragmaHead& pragma = s.head.pragma;
  size_t wanted = findings_max;
  const char* const end = pragma.value.data() + pragma.value.size();
  const bool counts = pragma.assigns && std::from_chars(pragma.value.data(), end, wanted).ptr == end;
  if (wanted == 0) wanted = findings_max;
  const auto at = time_of(open ? "" : as_of_setting);
  if (!at) return std::unexpected(at.error());
  if (auto begun = executor.begin(open ? as_of : *at); !begun) return std::unexpected(to_sql_error(begun.error()));
  Outcome outcome;
  outcome.result = result_of(s);
  const auto found = counts || !pragma.assigns ? findings({}, wanted) : findings(pragma.value, wanted);
  if (!open) executor.rollback();
  if (!found) return std::unexpected(found.error());
  outcome.columns.push_back({pragma.name, ""});
  for (const std::string& finding : *found) outcome.rows.push_back({Value{finding}});
  if (found->empty()) outcome.rows.push_back({Value{"ok"}});
  return deliver(std::move(outcome), delivery);
}

SqlResult<std::vector<std::string>> Session::Impl::findings(const std::string& name, size_t wanted) {
  std::vector<std::string> all;
  const Schema& schema = executor.schema();
  if (!name.empty() && schema.find_table(name) == nullptr) return refuse("no such table: " + name);
  for (const auto& [id, table] : schema.tables) {
    if (!name.empty() && !same_name(table.name, name)) continue;
    auto found = check_integrity(executor.transaction().reader(), table, wanted - all.size());
    if (!found) return std::unexpected(to_sql_error(found.error()));
    std::ranges::move(*found, std::back_inserter(all));
    if (all.size() >= wanted) break;
  }
  return all;
}

SqlResult<StatementResult> Session::Impl::pragma_as_of(const ParsedStatement& s, Delivery& delivery) {
  Outcome outcome;
  outcome.result = result_of(s);
  if (!s.head.pragma.assigns) {
    outcome.columns.push_back({s.head.pragma.name, ""});
    outcome.rows.push_back({Value{as_of_setting.empty() ? "off" : as_of_setting}});
    return deliver(std::move(outcome), delivery);
  }
  if (open) return refuse("a transaction reads at one time: set as_of_system_time before it begins", Code::refused);
  const std::string when = same_name(s.head.pragma.value, "off") ? "" : s.head.pragma.value;
  if (const auto at = time_of(when); !at) return std::unexpected(at.error());
  as_of_setting = when;
  return deliver(std::move(outcome), delivery);
}

}  // namespace ddb::sql
