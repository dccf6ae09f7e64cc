// BEGIN, COMMIT, savepoints, and doing a transaction again after a conflict.
#include "sql/as_of.hpp"
#include "sql/session_impl.hpp"

namespace ddb::sql {

void Session::Impl::remember(std::string_view sql, std::span<const Parameter> parameters,
                             const StatementResult& result) {
  if (!replayable) return;
  log_bytes += sql.size() + sizeof(Done) + parameters.size() * sizeof(Parameter);
  replayable = log_bytes <= log_bytes_max;
  if (replayable) {
    log.push_back({std::string{sql}, {parameters.begin(), parameters.end()}, result});
  } else {
    log.clear();
  }
}

/// After a conflict: the transaction begins anew and does again what it did, unless the client could tell.
SqlResult<void> Session::Impl::restart(const SqlError& conflict) {
  executor.rollback();
  while (replayable && ++attempts < options.attempts_max) {
    const auto replayed = replay();
    if (replayed) return {};
    executor.rollback();
    if (!worth_restarting(replayed.error().error)) break;
  }
  (void)close();
  SqlError error = conflict;
  error.error.hint = "restart the transaction";
  return std::unexpected(std::move(error));
}

SqlResult<void> Session::Impl::replay() {
  const int64_t total_changes = executor.counters.total_changes;
  DiscardRows discard;
  if (auto begun = executor.begin(as_of); !begun) return std::unexpected(to_sql_error(begun.error()));
  for (const Done& done : log) {
    if (done.result.kind >= StatementKind::savepoint && done.result.kind <= StatementKind::rollback_to) {
      if (auto changed = change_savepoints(done.result.kind, done.sql); !changed) return changed;
      continue;
    }
    const bool now = options.unique_check == UniqueCheck::at_statement;
    const auto outcome = executor.run({done.sql, done.parameters, nullptr}, discard, now);
    if (!outcome) return std::unexpected(outcome.error());
    if (outcome->result != done.result) return refuse("the transaction would not come out the same");
  }
  executor.counters.total_changes = total_changes;
  return {};
}

Result<void> Session::Impl::close() {
  executor.rollback();
  open = false;
  as_of = {};
  opened_by_savepoint = false;
  log.clear();
  replayable = false;
  return drop_created(0);
}

SqlResult<StatementResult> Session::Impl::control(const ParsedStatement& s) {
  const auto clause = s.head.kind == StatementKind::begin ? find_as_of(s) : std::nullopt;
  if (auto error = parse_error(executor.connection(), clause ? without(s, *clause) : std::string{s.text})) return std::unexpected(*std::move(error));
  switch (s.head.kind) {
    case StatementKind::begin: return begin(s);
    case StatementKind::commit: return commit(s);
    case StatementKind::rollback:
      if (!open) return refuse("cannot rollback - no transaction is active");
      if (auto closed = close(); !closed) return std::unexpected(to_sql_error(closed.error()));
      return result_of(s);
    default: return savepoint(s);
  }
}

SqlResult<StatementResult> Session::Impl::begin(const ParsedStatement& s) {
  if (open) return refuse("cannot start a transaction within a transaction");
  const auto clause = find_as_of(s);
  const auto at = time_of(clause ? clause->when : as_of_setting);
  if (!at) return std::unexpected(at.error());
  as_of = *at;
  open = true;
  attempts = 0;
  log_bytes = 0;
  replayable = true;
  return result_of(s);
}

SqlResult<StatementResult> Session::Impl::commit(const ParsedStatement& s) {
  if (!open) return refuse("cannot commit - no transaction is active");
  for (;;) {
    bool still_open = false;
    const auto committed = executor.commit(still_open);
    if (committed || committed.error().error.code == Code::unknown_outcome) created.clear();
    if (committed) {
      (void)close();
      return result_of(s);
    }
    if (still_open) return std::unexpected(committed.error());
    if (!worth_restarting(committed.error().error)) {
      (void)close();
      return std::unexpected(committed.error());
    }
    if (auto restarted = restart(committed.error()); !restarted) return std::unexpected(restarted.error());
  }
}

SqlResult<StatementResult> Session::Impl::savepoint(const ParsedStatement& s) {
  const std::string& name = s.head.transaction.savepoint;
  if (s.head.kind == StatementKind::savepoint && !open) {
    if (auto begun = begin(s); !begun) return begun;
    opened_by_savepoint = true;
  }
  if (!open) return refuse("no such savepoint: " + name);
  if (auto begun = executor.begin(as_of); !begun) return std::unexpected(to_sql_error(begun.error()));
  if (auto changed = change_savepoints(s.head.kind, name); !changed) return std::unexpected(changed.error());
  if (s.head.kind == StatementKind::release && opened_by_savepoint && !executor.transaction().has_savepoints()) {
    return commit(s);
  }
  remember(name, {}, result_of(s));
  return result_of(s);
}

SqlResult<void> Session::Impl::change_savepoints(StatementKind kind, const std::string& name) {
  Transaction& transaction = executor.transaction();
  const auto of_temporary = [&]() -> SqlResult<void> {
    const auto changed = executor.change_savepoints(kind, name);
    return changed ? SqlResult<void>{} : std::unexpected(to_sql_error(changed.error()));
  };
  if (kind == StatementKind::savepoint) {
    transaction.add_savepoint(name, created.size());
    return of_temporary();
  }
  if (kind == StatementKind::release) {
    if (!transaction.release(name)) return refuse("no such savepoint: " + name);
    return of_temporary();
  }
  const auto objects = transaction.roll_back_to(name);
  if (!objects) return refuse("no such savepoint: " + name);
  if (auto undone = of_temporary(); !undone) return undone;
  const auto dropped = drop_created(*objects);
  if (executor.transaction_lost()) (void)close();
  if (!dropped) return std::unexpected(to_sql_error(dropped.error()));
  return {};
}

// AS OF SYSTEM TIME.

SqlResult<Timestamp> Session::Impl::time_of(const std::string& when) {
  if (when.empty()) return Timestamp{};
  const auto now = executor.now();
  if (!now) return std::unexpected(to_sql_error(now.error()));
  return resolve_as_of(executor.connection(), when, *now);
}

SqlResult<StatementResult> Session::Impl::query_as_of(const ParsedStatement& s, const Request& request, Delivery& delivery) {
  const auto clause = find_as_of(s);
  if (!clause) return run(request, delivery);
  if (open) return refuse("a transaction reads at one time: say AS OF SYSTEM TIME where it begins", Code::refused);
  const std::string text = without(s, *clause);
  return autocommit({text, request.parameters, nullptr}, delivery, clause->when);
}

}  // namespace ddb::sql
