#include "sql/session.hpp"

#include <sqlite3.h>

#include "sql/as_of.hpp"
#include "sql/pragma.hpp"
#include "sql/session_impl.hpp"
#include "sql/statement.hpp"

namespace ddb::sql {

std::optional<SqlError> parse_error(sqlite3* db, std::string_view sql) {
  const auto query = Query::prepare(db, sql);
  const int offset = query ? -1 : sqlite3_error_offset(db);
  if (offset < 0) return std::nullopt;
  SqlError error = to_sql_error(query.error(), sqlite3_extended_errcode(db));
  error.position = position_at(sql, static_cast<size_t>(offset));
  return error;
}

SqlResult<StatementResult> Session::Impl::execute(const Request& request, Delivery& delivery) {
  if (executor.knows(request.sql)) return run(request, delivery);
  const ParsedStatement s = parse_statement(request.sql);
  const Request parsed{request.sql, request.parameters, &s};
  if (const auto route = find_route(s)) return explain_route(s, *route, parsed, delivery);
  switch (s.head.kind) {
    case StatementKind::select:
    case StatementKind::explain: return query_as_of(s, parsed, delivery);
    case StatementKind::insert:
    case StatementKind::update:
    case StatementKind::erase:
      return same_name(s.head.dml.table, "sqlite_sequence") ? sequences(s) : run(parsed, delivery);
    default: return execute_parsed(s, parsed, delivery);
  }
}

SqlResult<StatementResult> Session::Impl::execute_parsed(const ParsedStatement& s, const Request& request,
                                                         Delivery& delivery) {
  if (!is_blank(s.text.substr(s.tail))) return refuse("more than one statement", Code::usage);
  switch (s.head.kind) {
    case StatementKind::empty: return result_of(s);
    case StatementKind::create:
    case StatementKind::drop:
    case StatementKind::alter: return define(s);
    case StatementKind::analyze: return deliver(run_on_shadow(s, catalog), delivery);
    case StatementKind::pragma: return pragma(s, delivery);
    case StatementKind::other: break;
    default: return control(s);
  }
  for (const char* word : {"ATTACH", "DETACH", "VACUUM"}) {
    if (s.is(0, word)) return refuse(std::string{word} + " is not supported", Code::refused);
  }
  return run(request, delivery);  // a syntax error, in SQLite's words
}

SqlResult<StatementResult> Session::Impl::deliver(SqlResult<Outcome> outcome, Delivery& delivery) {
  if (!outcome) return std::unexpected(outcome.error());
  auto taken = outcome->columns.empty() ? Result<void>{} : delivery.columns(outcome->columns);
  std::vector<ValueView> views;
  for (const auto& row : outcome->rows) {
    views.clear();
    for (const Value& value : row) views.push_back(codec::to_view(value));
    if (taken) taken = delivery.row(views);
  }
  if (taken) taken = delivery.finish();
  if (!taken) return std::unexpected(to_sql_error(taken.error()));
  return std::move(outcome->result);
}

SqlResult<StatementResult> Session::Impl::run(const Request& request, Delivery& delivery) {
  return open ? in_open(request, delivery) : autocommit(request, delivery, as_of_setting);
}

/// A transaction of its own, tried again as long as nobody has seen anything of it.
SqlResult<StatementResult> Session::Impl::autocommit(const Request& request, Delivery& delivery, const std::string& when) {
  const auto at = time_of(when);
  if (!at) return std::unexpected(at.error());
  for (int tries = 1;; ++tries) {
    delivery.restart();
    auto outcome = attempt(request, delivery, *at);
    if (outcome) return deliver(std::move(outcome), delivery);
    // Another gateway's row may have brought the very rowid that was drawn here.
    const bool unlucky = outcome.error().error.code == Code::exists && executor.drew_rowids();
    const bool again = (worth_restarting(outcome.error().error) && !*at) || unlucky;
    if (!again || delivery.started() || tries >= options.attempts_max) return std::unexpected(outcome.error());
  }
}

SqlResult<Outcome> Session::Impl::attempt(const Request& request, Delivery& delivery, Timestamp at) {
  if (auto begun = executor.begin(at); !begun) return std::unexpected(to_sql_error(begun.error()));
  const int64_t total_changes = executor.counters.total_changes;
  auto outcome = executor.run(request, delivery, false);
  if (outcome || executor.kept_changes()) {
    bool still_open = false;
    if (auto committed = executor.commit(still_open); !committed) {
      outcome = std::unexpected(committed.error());
      executor.counters.changes = 0;
      executor.counters.total_changes = total_changes;
    }
  }
  executor.rollback();
  return outcome;
}

SqlResult<StatementResult> Session::Impl::in_open(const Request& request, Delivery& delivery) {
  for (;;) {
    if (auto begun = executor.begin(as_of); !begun) return std::unexpected(to_sql_error(begun.error()));
    delivery.restart();
    auto outcome = executor.run(request, delivery, options.unique_check == UniqueCheck::at_statement);
    if (outcome) {
      auto delivered = deliver(std::move(outcome), delivery);
      if (delivered) remember(request.sql, request.parameters, *delivered);
      if (delivery.started()) replayable = false;
      return delivered;
    }
    if (executor.transaction_lost()) (void)close();
    if (delivery.started()) replayable = false;
    if (!worth_restarting(outcome.error().error) || as_of) {
      replayable = false;  // the client learns about the failure
      return std::unexpected(outcome.error());
    }
    if (auto restarted = restart(outcome.error()); !restarted) return std::unexpected(restarted.error());
  }
}

Session::Session(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::open(env::Kv& kv, Catalog& catalog, const SessionOptions& options) {
  auto impl = std::make_unique<Impl>(kv, catalog, options);
  if (auto opened = impl->executor.open(); !opened) return std::unexpected(opened.error());
  return std::unique_ptr<Session>{new Session{std::move(impl)}};
}

SqlResult<StatementResult> Session::execute(std::string_view sql, std::span<const Parameter> parameters,
                                            RowSink& sink) {
  Delivery delivery{sink};
  auto result = impl_->execute({sql, parameters, nullptr}, delivery);
  if (!result) return result;
  if (auto finished = delivery.finish(); !finished) return std::unexpected(to_sql_error(finished.error()));
  result->rows = delivery.rows();
  return result;
}

SqlResult<StatementResult> Session::execute(std::string_view sql) {
  DiscardRows discard;
  return execute(sql, {}, discard);
}

SqlResult<Session::Description> Session::describe(std::string_view sql) {
  const ParsedStatement s = parse_statement(sql);
  Description description{.kind = s.head.kind, .columns = {}, .parameters = parameter_names(s)};
  if (const auto route = find_route(s)) {
    description.columns = route_columns(route->analyze);
    return description;
  }
  const bool planned = s.head.kind >= StatementKind::select && s.head.kind <= StatementKind::erase;
  if (!planned && s.head.kind != StatementKind::explain) return description;
  Executor& executor = impl_->executor;
  if (auto begun = executor.begin(impl_->as_of); !begun) return std::unexpected(to_sql_error(begun.error()));
  const auto clause = find_as_of(s);
  const auto plan = clause ? executor.plan(without(s, *clause)) : executor.plan(sql);
  if (!impl_->open) executor.rollback();
  if (!plan) return std::unexpected(plan.error());
  description.columns = (*plan)->columns;
  return description;
}

Result<std::shared_ptr<const Schema>> Session::schema() {
  if (!impl_->open) return impl_->catalog.schema();
  if (auto begun = impl_->executor.begin(impl_->as_of); !begun) return std::unexpected(begun.error());
  return impl_->executor.shared_schema();
}

bool Session::in_transaction() const { return impl_->open; }
void Session::rollback() { (void)impl_->close(); }
void Session::interrupt() { impl_->executor.interrupt(); }
int64_t Session::changes() const { return impl_->executor.counters.changes; }
int64_t Session::total_changes() const { return impl_->executor.counters.total_changes; }
int64_t Session::last_insert_rowid() const { return impl_->executor.counters.last_insert_rowid; }

}  // namespace ddb::sql
