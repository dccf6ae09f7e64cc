// EXPLAIN ROUTE in an executor: cursors that tell what they would read.
#include <algorithm>

#include "base/assert.hpp"
#include "sql/executor.hpp"
#include "sql/index_entries.hpp"
#include "sql/sql_error.hpp"
#include "sql/table_cache.hpp"

namespace ddb::sql {

namespace {

/// Of EXPLAIN QUERY PLAN's "SEARCH t VIRTUAL TABLE INDEX 3:primary key(id=?)": t, and primary key(id=?).
struct Detail {
  std::string name;
  std::string path;
};

std::optional<Detail> read_detail(std::string_view text) {
  constexpr std::string_view mark = " VIRTUAL TABLE INDEX ";
  const size_t at = text.find(mark);
  const size_t colon = at == text.npos ? at : text.find(':', at);
  if (colon == text.npos) return std::nullopt;
  std::string_view name = text.substr(0, at);
  name.remove_prefix(std::min(name.size(), name.find(' ') + 1));
  std::string_view path = text.substr(colon + 1);
  if (path.ends_with(" LEFT-JOIN")) path.remove_suffix(std::string_view{" LEFT-JOIN"}.size());
  return Detail{std::string{name}, std::string{path}};
}

/// The table that goes by a name in the statement.
const Table* table_named(const ParsedStatement& s, const Schema& schema, const std::string& name) {
  for (size_t i = 0; i + 1 < s.tokens.size(); ++i) {
    const Table* table = s.is_name(i) ? schema.find_table(s.name(i)) : nullptr;
    const size_t alias = s.is(i + 1, "AS") ? i + 2 : i + 1;
    if (table != nullptr && alias < s.tokens.size() && s.is_name(alias) && same_name(s.name(alias), name)) return table;
  }
  return schema.find_table(name);
}

}  // namespace

void Executor::trace(RouteLog* log) {
  log_ = log;
  read_tables_->tell(log);
  if (txn_) txn_->trace(log == nullptr ? nullptr : &log->reads);
}

SqlResult<void> Executor::route(const Request& request, RouteLog& log) {
  DDB_ASSERT(txn_ != nullptr);
  read_tables_->take_error();
  auto bound = bind(request);
  if (!bound) return std::unexpected(bound.error());
  Plan& plan = *bound->plan;
  if (plan.totals) {
    auto totals = by_totals(*bound);
    if (!totals) return std::unexpected(totals.error());
    if (*totals != nullptr) return {};
  }
  const Query* reads = plan.load ? &plan.load : plan.changes() ? nullptr : &plan.main;
  if (reads == nullptr) return {};  // what an INSERT would look up hangs on what its SELECT finds
  bind_run(*reads, *bound, 0);
  if (auto done = step_to_end(*reads, nullptr); !done) return done;
  return note_unread(request.sql, log);
}

/// Inner tables of joins, which no cursor has come to: any of their ranges may be asked.
SqlResult<void> Executor::note_unread(std::string_view sql, RouteLog& log) {
  auto plan = this->plan("EXPLAIN QUERY PLAN " + std::string{sql});
  if (!plan) return std::unexpected(plan.error());
  std::vector<std::vector<Value>> rows;
  if (auto done = step_to_end((*plan)->main, &rows); !done) return done;
  const ParsedStatement s = parse_statement(sql);
  for (const auto& row : rows) {
    const auto* text = row.size() > 3 ? std::get_if<std::string>(&row[3]) : nullptr;
    const auto detail = text == nullptr ? std::nullopt : read_detail(*text);
    const Table* table = detail ? table_named(s, *schema_, detail->name) : nullptr;
    if (table == nullptr) continue;
    const auto read = [&](const RouteAccess& access) { return access.table == table->id && access.path == detail->path; };
    if (std::ranges::any_of(log.accesses, read)) continue;
    RouteAccess access{.table = table->id, .index = 0, .path = detail->path, .pushed = "keys of several outer rows at once", .spans = {}};
    for (const Index& index : table->indexes)
      if (detail->path.starts_with(index.name + "(")) access.index = index.id;
    const Bytes prefix = access.index == 0 ? row_prefix(*table) : index_prefix(*table, *table->index(access.index));
    access.spans.push_back({prefix, prefix_end(prefix)});
    log.accesses.push_back(std::move(access));
  }
  return {};
}

}  // namespace ddb::sql
