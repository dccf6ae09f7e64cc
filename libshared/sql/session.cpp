#include "sql/session.hpp"

#include <sqlite3.h>

#include "sql/catalog.hpp"
#include "sql/executor.hpp"
#include "sql/pragma.hpp"
#include "sql/sql_error.hpp"
#include "sql/statement.hpp"

namespace ddb::sql {
namespace {

class DiscardRows final : public RowSink {
 public:
  Result<void> columns(std::span<const ColumnInfo>) override { return {}; }
  Result<void> row(std::span<const ValueView>) override { return {}; }
};

/// Hands rows on, and knows whether the client has seen any. Columns wait for the first row, so that a restart
/// before it stays unseen.
class Delivery final : public RowSink {
 public:
  explicit Delivery(RowSink& to) : to_{to} {}

  Result<void> columns(std::span<const ColumnInfo> columns) override {
    columns_.assign(columns.begin(), columns.end());
    return {};
  }
  Result<void> row(std::span<const ValueView> values) override {
    if (auto started = start(); !started) return started;
    ++rows_;
    return to_.row(values);
  }
  /// The statement has succeeded.
  Result<void> finish() { return columns_.empty() ? Result<void>{} : start(); }
  void restart() { columns_.clear(); }
  bool started() const { return started_; }
  uint64_t rows() const { return rows_; }

 private:
  Result<void> start() {
    if (std::exchange(started_, true)) return {};
    return to_.columns(columns_);
  }

  RowSink& to_;
  std::vector<ColumnInfo> columns_;
  bool started_ = false;
  uint64_t rows_ = 0;
};

/// Restarting gives the transaction a newer snapshot, which may help.
bool worth_restarting(const Error& error) { return error.code == Code::conflict || error.code == Code::too_old; }

}  // namespace

struct Session::Impl {
  Impl(env::Kv& kv, Catalog& shared_catalog, const SessionOptions& session_options)
      : catalog{shared_catalog}, options{session_options}, executor{kv, shared_catalog, options} {}

  using StatementSqlResult = SqlResult<StatementResult>;

  StatementSqlResult execute(const Request& request, Delivery& delivery);
  StatementSqlResult execute_parsed(const ParsedStatement& s, const Request& request, Delivery& delivery);
  StatementSqlResult deliver(SqlResult<Outcome> outcome, Delivery& delivery);

  // Queries and changes.
  StatementSqlResult run(const Request& request, Delivery& delivery);
  StatementSqlResult autocommit(const Request& request, Delivery& delivery);
  SqlResult<Outcome> attempt(const Request& request, Delivery& delivery);
  StatementSqlResult in_open(const Request& request, Delivery& delivery);

  // Transaction control.
  StatementSqlResult control(const ParsedStatement& s);
  StatementSqlResult begin(const ParsedStatement& s);
  StatementSqlResult commit(const ParsedStatement& s);
  StatementSqlResult savepoint(const ParsedStatement& s);
  SqlResult<void> change_savepoints(StatementKind kind, const std::string& name);
  void close();

  // Restarts.
  void remember(std::string_view sql, std::span<const Parameter> parameters, const StatementResult& result);
  SqlResult<void> restart(const SqlError& conflict);
  SqlResult<void> replay();

  // Schema.
  StatementSqlResult define(const ParsedStatement& s);
  SqlResult<void> commit_before_ddl();
  SqlResult<void> execute_ddl(std::string_view ddl);
  StatementSqlResult create_as(const ParsedStatement& s);
  SqlResult<std::string> create_table_like(const ParsedStatement& s);
  StatementSqlResult sequences(const ParsedStatement& s);

  Catalog& catalog;
  SessionOptions options;
  Executor executor;

  // The explicit transaction.
  bool open = false;
  bool opened_by_savepoint = false;  // whose RELEASE commits
  size_t savepoints = 0;
  int attempts = 0;

  /// What it has done, to do it again. The client has seen the counts, so they must come out the same.
  struct Done {
    std::string sql;
    std::vector<Parameter> parameters;
    StatementResult result;
  };
  std::vector<Done> log;
  size_t log_bytes = 0;
  bool replayable = false;  // nothing but counts has been returned, and the log is whole
  static constexpr size_t log_bytes_max = 1 << 20;
};

namespace {

StatementResult result_of(const ParsedStatement& s) {
  StatementResult result;
  result.kind = s.head.kind;
  result.tag = s.head.tag;
  return result;
}

std::unexpected<SqlError> refuse(std::string message, Code code = Code::failed) {
  return std::unexpected(to_sql_error({code, std::move(message), {}, {}}));
}

/// Where SQLite's parser stops in a text, when it does; transaction control and DDL are only parsed by it.
std::optional<SqlError> parse_error(sqlite3* db, std::string_view sql) {
  const auto query = Query::prepare(db, sql);
  const int offset = query ? -1 : sqlite3_error_offset(db);
  if (offset < 0) return std::nullopt;
  SqlError error = to_sql_error(query.error(), sqlite3_extended_errcode(db));
  error.position = position_at(sql, static_cast<size_t>(offset));
  return error;
}

}  // namespace

SqlResult<StatementResult> Session::Impl::execute(const Request& request, Delivery& delivery) {
  if (executor.knows(request.sql)) return run(request, delivery);
  const ParsedStatement s = parse_statement(request.sql);
  switch (s.head.kind) {
    case StatementKind::select:
    case StatementKind::explain: return run(request, delivery);
    case StatementKind::insert:
    case StatementKind::update:
    case StatementKind::erase:
      return same_name(s.head.dml.table, "sqlite_sequence") ? sequences(s) : run(request, delivery);
    default: return execute_parsed(s, request, delivery);
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
    case StatementKind::pragma: return deliver(run_pragma(s, executor, catalog, open), delivery);
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
  return open ? in_open(request, delivery) : autocommit(request, delivery);
}

/// A transaction of its own, tried again as long as nobody has seen anything of it.
SqlResult<StatementResult> Session::Impl::autocommit(const Request& request, Delivery& delivery) {
  for (int tries = 1;; ++tries) {
    delivery.restart();
    auto outcome = attempt(request, delivery);
    if (outcome) return deliver(std::move(outcome), delivery);
    // Another gateway's row may have brought the very rowid that was drawn here.
    const bool unlucky = outcome.error().error.code == Code::exists && executor.drew_rowids();
    const bool again = worth_restarting(outcome.error().error) || unlucky;
    if (!again || delivery.started() || tries >= options.attempts_max) return std::unexpected(outcome.error());
  }
}

SqlResult<Outcome> Session::Impl::attempt(const Request& request, Delivery& delivery) {
  if (auto begun = executor.begin(); !begun) return std::unexpected(to_sql_error(begun.error()));
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
    if (auto begun = executor.begin(); !begun) return std::unexpected(to_sql_error(begun.error()));
    delivery.restart();
    auto outcome = executor.run(request, delivery, options.unique_check == UniqueCheck::at_statement);
    if (outcome) {
      auto delivered = deliver(std::move(outcome), delivery);
      if (delivered) remember(request.sql, request.parameters, *delivered);
      if (delivery.started()) replayable = false;
      return delivered;
    }
    if (executor.transaction_lost()) close();
    if (delivery.started()) replayable = false;
    if (!worth_restarting(outcome.error().error)) {
      replayable = false;  // the client learns about the failure
      return std::unexpected(outcome.error());
    }
    if (auto restarted = restart(outcome.error()); !restarted) return std::unexpected(restarted.error());
  }
}

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
  close();
  SqlError error = conflict;
  error.error.hint = "restart the transaction";
  return std::unexpected(std::move(error));
}

SqlResult<void> Session::Impl::replay() {
  const int64_t total_changes = executor.counters.total_changes;
  DiscardRows discard;
  if (auto begun = executor.begin(); !begun) return std::unexpected(to_sql_error(begun.error()));
  for (const Done& done : log) {
    if (done.result.kind >= StatementKind::savepoint && done.result.kind <= StatementKind::rollback_to) {
      if (auto changed = change_savepoints(done.result.kind, done.sql); !changed) return changed;
      continue;
    }
    const bool now = options.unique_check == UniqueCheck::at_statement;
    const auto outcome = executor.run({done.sql, done.parameters}, discard, now);
    if (!outcome) return std::unexpected(outcome.error());
    if (outcome->result != done.result) return refuse("the transaction would not come out the same");
  }
  executor.counters.total_changes = total_changes;
  return {};
}

void Session::Impl::close() {
  executor.rollback();
  open = false;
  opened_by_savepoint = false;
  savepoints = 0;
  log.clear();
  replayable = false;
}

SqlResult<StatementResult> Session::Impl::control(const ParsedStatement& s) {
  if (auto error = parse_error(executor.connection(), s.text)) return std::unexpected(*std::move(error));
  switch (s.head.kind) {
    case StatementKind::begin: return begin(s);
    case StatementKind::commit: return commit(s);
    case StatementKind::rollback:
      if (!open) return refuse("cannot rollback - no transaction is active");
      close();
      return result_of(s);
    default: return savepoint(s);
  }
}

SqlResult<StatementResult> Session::Impl::begin(const ParsedStatement& s) {
  if (open) return refuse("cannot start a transaction within a transaction");
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
    if (committed) {
      close();
      return result_of(s);
    }
    if (still_open) return std::unexpected(committed.error());
    if (!worth_restarting(committed.error().error)) {
      close();
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
  if (auto begun = executor.begin(); !begun) return std::unexpected(to_sql_error(begun.error()));
  if (auto changed = change_savepoints(s.head.kind, name); !changed) return std::unexpected(changed.error());
  if (s.head.kind == StatementKind::release && opened_by_savepoint && !executor.transaction().has_savepoints()) {
    return commit(s);
  }
  remember(name, {}, result_of(s));
  return result_of(s);
}

SqlResult<void> Session::Impl::change_savepoints(StatementKind kind, const std::string& name) {
  Transaction& transaction = executor.transaction();
  if (kind == StatementKind::savepoint) {
    transaction.add_savepoint(name);
    return {};
  }
  const bool found = kind == StatementKind::release ? transaction.release(name) : transaction.roll_back_to(name);
  if (!found) return refuse("no such savepoint: " + name);
  return {};
}

/// DDL cannot be rolled back: what the open transaction did before it is committed, what comes after it is a
/// transaction of its own.
SqlResult<void> Session::Impl::commit_before_ddl() {
  bool still_open = false;
  if (auto committed = executor.commit(still_open); !committed) {
    close();
    return committed;
  }
  log.clear();
  log_bytes = 0;
  replayable = open;
  return {};
}

SqlResult<void> Session::Impl::execute_ddl(std::string_view ddl) {
  const auto done = catalog.execute(ddl);
  if (done) return {};
  return std::unexpected(to_sql_error(done.error()));
}

SqlResult<StatementResult> Session::Impl::define(const ParsedStatement& s) {
  if (s.head.temporary) return refuse("temporary objects are not supported", Code::refused);
  if (const auto name = internal_name(s, *catalog.schema())) {
    return refuse("the name " + std::string{s.text.substr(name->offset, name->size)} + " is reserved", Code::refused);
  }
  if (auto committed = commit_before_ddl(); !committed) return std::unexpected(committed.error());
  if (!s.head.create_as.select.empty()) return create_as(s);
  auto done = execute_ddl(s.cut({0, s.tokens.size()}));
  if (done) return result_of(s);
  const auto parsed = parse_error(executor.connection(), s.text);
  if (parsed && parsed->error.message == done.error().error.message) done.error().position = parsed->position;
  return std::unexpected(done.error());
}

/// The table is made with the columns SQLite would give it, then filled; a failed fill takes it away again.
SqlResult<StatementResult> Session::Impl::create_as(const ParsedStatement& s) {
  const CreateAsHead& head = s.head.create_as;
  if (head.if_not_exists && catalog.schema()->find_table(head.table) != nullptr) return result_of(s);
  const auto create = create_table_like(s);
  executor.rollback();
  if (!create) return std::unexpected(create.error());
  if (auto done = execute_ddl(*create); !done) return std::unexpected(done.error());
  const Executor::Counters counters = executor.counters;  // filling the table counts for nothing, as in SQLite
  DiscardRows discard;
  Delivery delivery{discard};
  const std::string fill = "INSERT INTO main." + quote_name(head.table) + " " + std::string{s.cut(head.select)};
  if (auto filled = run({fill, {}}, delivery); !filled) {
    if (open) executor.rollback();
    if (auto dropped = execute_ddl("DROP TABLE main." + quote_name(head.table)); !dropped) {
      filled.error().error.hint = "the table " + head.table + " was made and is empty";
    }
    return std::unexpected(filled.error());
  }
  executor.counters = counters;
  return result_of(s);
}

/// CREATE TABLE as SQLite words it for the columns of the SELECT.
SqlResult<std::string> Session::Impl::create_table_like(const ParsedStatement& s) {
  if (auto begun = executor.begin(); !begun) return std::unexpected(to_sql_error(begun.error()));
  const std::string name = quote_name(s.head.create_as.table);
  Edits edits{s.text};
  replace_names(s, *catalog.schema(), edits);
  const TokenSpan select = s.head.create_as.select;
  const std::string text = edits.apply(s.tokens[select.first].offset, s.tokens[select.last - 1].end());
  sqlite3* db = executor.connection();
  const auto run_text = [&](const std::string& sql) -> Result<std::string> {
    auto query = Query::prepare(db, sql);
    if (!query) return std::unexpected(query.error());
    const int rc = query->step();
    if (rc == SQLITE_ROW) return std::get<std::string>(codec::to_owned(query->column(0)));
    return rc == SQLITE_DONE ? Result<std::string>{} : std::unexpected(sqlite_error(db));
  };
  // A real name, for SQLite writes it into the text; a temporary table, for it must not stay.
  auto made = run_text("CREATE TEMP TABLE " + name + " AS SELECT * FROM (" + text + ") LIMIT 0");
  if (!made) {
    SqlError error = to_sql_error(made.error(), sqlite3_extended_errcode(db));
    return std::unexpected(std::move(error));
  }
  auto sql = run_text("SELECT sql FROM sqlite_temp_master WHERE name = " + quote_text(s.head.create_as.table));
  if (auto dropped = run_text("DROP TABLE temp." + name); !dropped) sql = dropped;
  if (!sql) return std::unexpected(to_sql_error(sql.error()));
  return *std::move(sql);
}

/// sqlite_sequence as dumps write it: rows there move the sequences on; taking them away moves nothing back.
SqlResult<StatementResult> Session::Impl::sequences(const ParsedStatement& s) {
  if (s.head.kind == StatementKind::erase) return result_of(s);
  if (s.head.kind != StatementKind::insert) return refuse("sqlite_sequence takes INSERT and DELETE only", Code::refused);
  class Rows final : public RowSink {
   public:
    Result<void> columns(std::span<const ColumnInfo>) override { return {}; }
    Result<void> row(std::span<const ValueView> values) override {
      const auto* name = std::get_if<std::string_view>(values.data());
      const auto* last = values.size() > 1 ? std::get_if<int64_t>(&values[1]) : nullptr;
      if (name == nullptr || last == nullptr) return fail(Code::failed, "sqlite_sequence takes a name and an integer");
      found.emplace_back(*name, *last);
      return {};
    }
    std::vector<std::pair<std::string, int64_t>> found;
  } rows;
  Delivery delivery{rows};
  const std::string source = "SELECT * FROM (" + std::string{s.cut(s.head.dml.source)} + ")";
  if (auto read = run({source, {}}, delivery); !read) return read;
  for (const auto& [name, last] : rows.found) {
    const Table* table = catalog.schema()->find_table(name);
    if (table == nullptr) continue;
    if (auto told = catalog.row_ids().observe(table->id, last); !told) {
      return std::unexpected(to_sql_error(told.error()));
    }
  }
  StatementResult result = result_of(s);
  result.changes = static_cast<int64_t>(rows.found.size());
  return result;
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
  auto result = impl_->execute({sql, parameters}, delivery);
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
  const bool planned = s.head.kind >= StatementKind::select && s.head.kind <= StatementKind::erase;
  if (!planned && s.head.kind != StatementKind::explain) return description;
  Executor& executor = impl_->executor;
  if (auto begun = executor.begin(); !begun) return std::unexpected(to_sql_error(begun.error()));
  const auto plan = executor.plan(sql);
  if (!impl_->open) executor.rollback();
  if (!plan) return std::unexpected(plan.error());
  description.columns = (*plan)->columns;
  return description;
}

bool Session::in_transaction() const { return impl_->open; }
void Session::rollback() { impl_->close(); }
void Session::interrupt() { impl_->executor.interrupt(); }
int64_t Session::changes() const { return impl_->executor.counters.changes; }
int64_t Session::total_changes() const { return impl_->executor.counters.total_changes; }
int64_t Session::last_insert_rowid() const { return impl_->executor.counters.last_insert_rowid; }

}  // namespace ddb::sql
