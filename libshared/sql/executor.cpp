#include "sql/executor.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <mutex>

#include "base/assert.hpp"
#include "sql/index_entries.hpp"
#include "sql/key_literal.hpp"
#include "sql/sql_error.hpp"

namespace ddb::sql {
namespace {

constexpr int yield_steps = 10'000;  // of SQLite's machine: a millisecond or so

/// Statistics of memory use cost every allocation a global lock. Before SQLite is first used, or never.
void configure_once() {
  static std::once_flag once;
  std::call_once(once, [] { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); });
}

PrivateDb& configured(PrivateDb& db) {
  configure_once();
  sqlite3_extended_result_codes(db.get(), 1);
  return db;
}

/// Names as parameters() has them: ":id", "@id", "$id", "?5".
size_t position_of(const Plan& plan, const std::string& name) {
  return static_cast<size_t>(std::ranges::find(plan.parameters, name) - plan.parameters.begin());
}

std::vector<Value> owned_row(const Query& query) {
  std::vector<Value> row;
  for (int i = 0; i < query.columns(); ++i) row.push_back(codec::to_owned(query.column(i)));
  return row;
}

}  // namespace

struct Executor::Functions {
  static Executor& self(sqlite3_context* context) { return *static_cast<Executor*>(sqlite3_user_data(context)); }
  static void changes(sqlite3_context* context, int, sqlite3_value**) {
    sqlite3_result_int64(context, self(context).counters.changes);
  }
  static void total_changes(sqlite3_context* context, int, sqlite3_value**) {
    sqlite3_result_int64(context, self(context).counters.total_changes);
  }
  static void last_insert_rowid(sqlite3_context* context, int, sqlite3_value**) {
    const Executor& executor = self(context);
    sqlite3_result_int64(context, executor.stages_.running_insert().value_or(executor.counters.last_insert_rowid));
  }
};

Executor::Executor(env::Kv& kv, Catalog& catalog, const SessionOptions& options)
    : foreign_keys{options.foreign_keys},
      kv_{kv},
      catalog_{catalog},
      options_{options},
      checks_{configured(db_).get()},
      stages_{db_.get(), catalog.row_ids(), checks_},
      temporary_{db_.get()},
      planner_{db_.get(), stages_, temporary_} {}

Result<ListRows> Executor::sequences() {
  ListRows rows;
  for (const auto& [id, table] : schema_->tables) {
    if (!table.autoincrement) continue;
    const auto last = catalog_.row_ids().last(id);
    if (!last) return std::unexpected(last.error());
    if (*last) rows.push_back({table.name, **last});
  }
  return rows;
}

Executor::~Executor() { rollback(); }

Result<void> Executor::open() {
  // Deleted rows of a stage need no overwriting: the database is in memory.
  if (auto set = db_.run("PRAGMA secure_delete = OFF"); !set) return set;
  const auto add = [&](const char* name, void (*function)(sqlite3_context*, int, sqlite3_value**)) {
    sqlite3_create_function_v2(db_.get(), name, 0, SQLITE_UTF8, this, function, nullptr, nullptr, nullptr);
  };
  add("changes", Functions::changes);
  add("total_changes", Functions::total_changes);
  add("last_insert_rowid", Functions::last_insert_rowid);
  auto real = Query::prepare(db_.get(), "SELECT CAST(? AS REAL)", true);
  if (!real) return std::unexpected(real.error());
  real_ = *std::move(real);
  read_tables_.emplace(db_.get());
  DDB_ASSERT(register_list_table(db_.get(), "$sequence", "CREATE TABLE x(name, seq)", [this] { return sequences(); }) == SQLITE_OK);
  if (options_.extend) {
    if (auto extended = options_.extend(db_.get()); !extended) return extended;
  }
  if (options_.yield) {
    sqlite3_progress_handler(
        db_.get(), yield_steps,
        [](void* options) {
          static_cast<const SessionOptions*>(options)->yield();
          return 0;
        },
        const_cast<SessionOptions*>(&options_));
  }
  return {};
}

Result<void> Executor::begin(Timestamp as_of) {
  transaction_lost_ = false;
  if (txn_) return {};
  auto pin = catalog_.pin();
  if (!pin) return std::unexpected(pin.error());
  if (auto installed = install(pin->schema()); !installed) return installed;
  txn_ = std::make_unique<Transaction>(kv_, *std::move(pin), as_of);
  if (log_ != nullptr) txn_->trace(&log_->reads);
  read_tables_->use_reader(&txn_->reader(), as_of);
  stages_.use_transaction(&txn_->reader(), &txn_->buffer(), options_.transaction_bytes_max);
  if (auto begun = temporary_.begin(); !begun) {
    rollback();
    return begun;
  }
  return {};
}

Result<void> Executor::install(std::shared_ptr<const Schema> schema) {
  if (schema == schema_ && installed_) return {};
  if (!std::exchange(installed_, false) && schema_ != nullptr) {
    if (auto cleared = clear_main(); !cleared) return cleared;
  }
  const auto before = std::exchange(schema_, std::move(schema));  // what follows refers to the new one, even when it fails
  planner_.use_schema(*schema_);
  if (auto used = stages_.use_schema(*schema_); !used) return used;
  if (auto used = read_tables_->use_schema(schema_); !used) return used;
  checks_.use_schema(*schema_);
  installed_ = true;
  return {};
}

Result<void> Executor::define(std::string_view ddl, std::string_view object) {
  transaction_lost_ = false;
  if (!txn_) return catalog_.execute(ddl);
  const auto before = schema_;
  txn_->unpin();
  auto done = catalog_.execute(ddl);
  auto pin = catalog_.pin();
  auto kept = pin ? Result<void>{} : std::unexpected(pin.error());
  const auto schema = pin ? pin->schema() : nullptr;
  if (kept) kept = txn_->repin(*before, *std::move(pin), object);
  if (kept) kept = install(schema);
  if (kept) return done;
  transaction_lost_ = true;
  rollback();
  return kept;
}

SqlResult<void> Executor::index_own_rows(std::string_view name) {
  const Table* table = schema_->find_table_of_index(name);
  DDB_ASSERT(table != nullptr);
  auto writer = RowWriter::open(*table);
  if (!writer) return std::unexpected(to_sql_error(writer.error()));
  WriteBuffer& buffer = txn_->buffer();
  std::vector<std::pair<Bytes, Bytes>> rows;
  const Bytes prefix = row_prefix(*table);
  for (auto at = buffer.lower_bound(prefix); at != buffer.entries().end() && at->first.starts_with(prefix); ++at) {
    if (at->second.kind != env::WriteKind::erase) rows.emplace_back(at->first, at->second.value);
  }
  for (const auto& [key, value] : rows) {
    const auto row = decode_row(*table, key, value);
    if (!row) return std::unexpected(to_sql_error(row.error()));
    const auto values = views(*row);
    auto entries = writer->entries({row->rowid, values});
    if (!entries) return std::unexpected(to_sql_error(entries.error()));
    for (IndexEntry& entry : *entries) {
      if (!same_name(entry.index->name, name)) continue;
      if (entry.unique) {
        buffer.insert(entry.key, std::move(entry.value));
      } else {
        buffer.put(entry.key, std::move(entry.value));
      }
    }
  }
  if (auto clash = buffer.take_clash()) {
    return std::unexpected(in_words({Code::exists, "the key exists", {}, *std::move(clash)}));
  }
  return {};
}

void Executor::rollback() { end(false); }

/// `keep`: what it did to temporary objects.
void Executor::end(bool keep) {
  if (!txn_) return;
  read_tables_->use_reader(nullptr);
  stages_.use_transaction(nullptr, nullptr, 0);
  checks_.end_transaction();
  defer_foreign_keys = false;
  txn_.reset();
  if (temporary_.end(keep)) installed_ = false;
}

/// Takes away what install() and the planner made in the connection's main schema, be it known to them or brought back by a
/// rollback.
Result<void> Executor::clear_main() {
  planner_.use_schema(*schema_);
  stages_.forget();
  read_tables_->forget_views();
  std::string drops;
  const auto objects = Query::prepare(db_.get(), "SELECT type, name FROM main.sqlite_schema WHERE type <> 'index'");
  if (!objects) return std::unexpected(objects.error());
  while (objects->step() == SQLITE_ROW) {
    drops += "DROP " + objects->text(0) + " IF EXISTS main." + quote_name(objects->text(1)) + ";";
  }
  objects->reset();
  return db_.run(drops);
}

Result<void> Executor::change_savepoints(StatementKind kind, std::string_view name) {
  if (kind == StatementKind::savepoint) return temporary_.savepoint(name);
  if (kind == StatementKind::release) return temporary_.release(name);
  const auto undone = temporary_.roll_back_to(name);
  if (!undone) return std::unexpected(undone.error());
  if (!*undone) return {};
  installed_ = false;
  return install(schema_);
}

SqlResult<void> Executor::commit(bool& still_open) {
  still_open = false;
  if (!txn_) return {};
  if (auto checked = checks_.check_deferred(); !checked) {
    const auto read_error = read_tables_->take_error();
    still_open = !read_error;
    if (read_error) rollback();
    return std::unexpected(in_words(read_error.value_or(checked.error())));
  }
  const auto committed = txn_->commit();
  end(committed.has_value());
  if (committed) return {};
  return std::unexpected(in_words(committed.error()));
}

/// Errors of the store name keys; clients know tables and columns.
SqlError Executor::in_words(Error error) const {
  if (error.code == Code::exists) {
    if (auto named = unique_violation(*schema_, error.detail)) error = *std::move(named);
  }
  if (error.code == Code::conflict) name_key(error);
  return to_sql_error(std::move(error));
}

/// K2: "key 0102... was written by ..." becomes "account (1) was written by ...".
void Executor::name_key(Error& error) const {
  const std::string raw = "key " + to_hex(error.detail);
  const size_t at = error.message.find(raw);
  const KeyName name = name_of_key(*schema_, error.detail);
  if (error.detail.empty() || at == std::string::npos || name.table.empty()) return;
  error.message.replace(at, raw.size(), "table " + name.table + ", key " + name.literals + ",");
}

void Executor::interrupt() { sqlite3_interrupt(db_.get()); }

SqlResult<std::shared_ptr<Plan>> Executor::plan(std::string_view sql) {
  if (auto found = planner_.find(sql)) return found;
  return planner_.make(parse_statement(sql));
}

SqlResult<Executor::Bound> Executor::bind(const Request& request) {
  if (auto found = planner_.find(request.sql)) return bind_plan(std::move(found), request.parameters);
  if (request.parsed != nullptr) return bind_parsed(*request.parsed, request.parameters);
  return bind_parsed(parse_statement(request.sql), request.parameters);
}

SqlResult<Executor::Bound> Executor::bind_parsed(const ParsedStatement& s, std::span<const Parameter> parameters) {
  if (parameters.empty()) {
    if (auto literals = bind_literals(s)) return *std::move(literals);
  }
  auto made = planner_.make(s);
  if (!made) return std::unexpected(made.error());
  return bind_plan(*std::move(made), parameters);
}

/// An INSERT of literals shares its plan with all others of its form.
std::optional<Executor::Bound> Executor::bind_literals(const ParsedStatement& s) {
  auto lifted = lift_literals(s, [&](std::string_view text) {
    const ResetGuard guard{real_};
    real_.bind(1, text);
    real_.step();
    return std::get<double>(real_.column(0));
  });
  if (!lifted) return std::nullopt;
  auto shared = plan(lifted->text);
  if (!shared || !(*shared)->can_lift) return std::nullopt;  // the error, if it is one, names places in the user's text
  Bound bound{.plan = *std::move(shared), .values = {}, .runs = lifted->values.size() / lifted->columns, .owned = {}};
  bound.owned = std::move(lifted->values);
  bound.values.reserve(bound.owned.size());
  for (const Value& value : bound.owned) bound.values.push_back(codec::to_view(value));
  return bound;
}

SqlResult<Executor::Bound> Executor::bind_plan(std::shared_ptr<Plan> plan, std::span<const Parameter> parameters) const {
  auto values = bind_parameters(*plan, parameters);
  if (!values) return std::unexpected(values.error());
  return Bound{.plan = std::move(plan), .values = *std::move(values), .runs = 1, .owned = {}};
}

SqlResult<std::vector<ValueView>> Executor::bind_parameters(const Plan& plan,
                                                            std::span<const Parameter> parameters) const {
  const auto refuse = [](std::string message) {
    return std::unexpected(SqlError{{Code::usage, std::move(message), {}, {}}, "07001", std::nullopt});
  };
  const size_t count = plan.parameters.size();
  std::vector<ValueView> values(count);
  std::vector<bool> given(count);
  size_t next = 0;
  for (const Parameter& parameter : parameters) {
    const size_t position = parameter.name.empty() ? next++ : position_of(plan, parameter.name);
    if (position >= count && parameter.name.empty()) {
      return refuse("the statement takes " + std::to_string(count) + " parameters, " +
                    std::to_string(parameters.size()) + " were given");
    }
    if (position >= count) return refuse("the statement has no parameter " + parameter.name);
    values[position] = codec::to_view(parameter.value);
    given[position] = true;
  }
  const auto missing = std::ranges::find(given, false);
  if (missing != given.end()) {
    const auto position = static_cast<size_t>(missing - given.begin());
    const std::string& name = plan.parameters[position];
    return refuse("no value for parameter " + (name.empty() ? "?" + std::to_string(position + 1) : name));
  }
  return values;
}

void Executor::bind_run(const Query& query, const Bound& bound, size_t run) const {
  const size_t width = bound.values.size() / bound.runs;
  const auto count = std::min(width, static_cast<size_t>(query.parameters()));
  for (size_t i = 0; i < count; ++i) query.bind(static_cast<int>(i) + 1, bound.values[run * width + i]);
}

SqlResult<Outcome> Executor::run(const Request& request, RowSink& sink, bool check_unique) {
  DDB_ASSERT(txn_ != nullptr);
  kept_changes_ = false;
  read_tables_->take_error();
  auto bound = bind(request);
  if (!bound) return std::unexpected(bound.error());
  if (bound->plan->temporary) return change_temporary(*bound);
  return bound->plan->changes() ? change(*bound, check_unique) : query(*bound, sink);
}

/// SQLite does all of it; the functions of the session count it as any other change.
SqlResult<Outcome> Executor::change_temporary(const Bound& bound) {
  const Plan& plan = *bound.plan;
  if (auto begun = temporary_.use(txn_->savepoint_names()); !begun) return std::unexpected(to_sql_error(begun.error()));
  const int64_t total_before = sqlite3_total_changes64(db_.get());
  bind_run(plan.main, bound, 0);
  Outcome outcome;
  const auto ran = step_to_end(plan.main, plan.columns.empty() ? nullptr : &outcome.rows);
  transaction_lost_ = sqlite3_get_autocommit(db_.get()) != 0;
  if (transaction_lost_) rollback();
  if (!ran) return std::unexpected(ran.error());
  if (plan.kind >= StatementKind::create) {
    planner_.use_schema(*schema_);  // names may mean something else now
  } else {
    counters.changes = sqlite3_changes64(db_.get());
    counters.total_changes += sqlite3_total_changes64(db_.get()) - total_before;
    if (plan.kind == StatementKind::insert) counters.last_insert_rowid = sqlite3_last_insert_rowid(db_.get());
  }
  const int64_t changes = plan.kind >= StatementKind::create ? 0 : counters.changes;
  outcome.result = {plan.kind, plan.tag, outcome.rows.size(), changes, counters.last_insert_rowid};
  outcome.columns = plan.columns;
  return outcome;
}

/// What stopped a statement: whoever knows most about it says so.
SqlError Executor::failure() {
  const int code = sqlite3_extended_errcode(db_.get());
  Error error = sqlite_error(db_.get());
  const auto of_stage = stages_.take_error();
  const auto of_read = read_tables_->take_error();
  if (of_stage) return in_words(*of_stage);
  if (of_read) return in_words(*of_read);
  error.message = strip_stage_names(error.message);
  return to_sql_error(std::move(error), code);
}

SqlResult<Outcome> Executor::query(const Bound& bound, RowSink& sink) {
  const Plan& plan = *bound.plan;
  auto totals = by_totals(bound);
  if (!totals) return std::unexpected(totals.error());
  const Query& rows = *totals != nullptr ? **totals : plan.main;
  const ResetGuard guard{rows};
  bind_run(rows, bound, 0);
  Outcome outcome;
  outcome.result.kind = plan.kind;
  outcome.result.tag = plan.tag;
  outcome.result.last_insert_rowid = counters.last_insert_rowid;
  if (!plan.columns.empty()) {
    if (auto taken = sink.columns(plan.columns); !taken) return std::unexpected(to_sql_error(taken.error()));
  }
  std::vector<ValueView> row(plan.columns.size());
  for (;;) {
    const int rc = rows.step();
    if (rc == SQLITE_DONE && plan.totals) plan.totals->forget();
    if (rc == SQLITE_DONE) return outcome;
    if (rc != SQLITE_ROW) return std::unexpected(failure());
    for (size_t i = 0; i < row.size(); ++i) row[i] = rows.column(static_cast<int>(i));
    if (auto taken = sink.row(row); !taken) return std::unexpected(to_sql_error(taken.error()));
    ++outcome.result.rows;
  }
}

/// Has the ranges add up what a statement asks for; nullptr: it needs the rows themselves.
SqlResult<const Query*> Executor::by_totals(const Bound& bound) {
  TotalsQuery* const totals = bound.plan->totals.get();
  auto read = totals == nullptr ? std::nullopt : totals->start([&](const Query& query) { bind_run(query, bound, 0); });
  if (!read) return nullptr;
  bind_run(totals->probe(), bound, 0);
  read_tables_->read_totals(&*read);
  const auto probed = step_to_end(totals->probe(), nullptr);
  read_tables_->read_totals(nullptr);
  if (!probed) return std::unexpected(probed.error());
  const auto taken = totals->take(*std::move(read));
  if (!taken) return std::unexpected(to_sql_error(taken.error()));
  return *taken ? &totals->merge() : nullptr;
}

SqlResult<Outcome> Executor::change(const Bound& bound, bool check_unique) {
  if (txn_->only_reads()) return std::unexpected(only_reads());
  WriteBuffer& buffer = txn_->buffer();
  const WriteBuffer::Mark mark = buffer.mark();
  const int64_t total_before = sqlite3_total_changes64(db_.get());
  Outcome outcome;
  stages_.begin_statement();
  const auto changed = on_stage(bound, outcome.rows);
  const bool keeps = changed || kept_changes_;
  const auto finished = keeps ? finish_change(mark, check_unique) : SqlResult<void>{};
  if (!changed && !kept_changes_) checks_.abandon_statement();
  if (!changed && !finished) kept_changes_ = false;
  if (!keeps || !finished) buffer.undo_to(mark);
  if (!txn_->has_savepoints()) buffer.forget_marks();
  if (transaction_lost_) rollback();

  const auto inserted = stages_.take_last_insert();
  if (keeps && finished && inserted) counters.last_insert_rowid = *inserted;
  counters.changes = keeps && finished ? changed.value_or(kept_rows_) : 0;
  if (keeps && finished) {
    // Rows paged in are SQLite's changes, but not the user's.
    counters.total_changes += sqlite3_total_changes64(db_.get()) - total_before - stages_.paged_rows();
  }
  if (!changed) return std::unexpected(changed.error());
  if (!finished) return std::unexpected(finished.error());
  const Plan& plan = *bound.plan;
  outcome.result = {plan.kind, plan.tag, outcome.rows.size(), counters.changes, counters.last_insert_rowid};
  outcome.columns = plan.columns;
  return outcome;
}

/// Foreign keys, rowids and unique keys of a change that has run.
SqlResult<void> Executor::finish_change(WriteBuffer::Mark mark, bool check_unique) {
  const bool defer = defer_foreign_keys || options_.unique_check == UniqueCheck::at_commit;
  const auto run = [&](const std::string& sql, std::span<const ValueView> parameters) {
    return run_action(sql, parameters);
  };
  auto done = foreign_keys ? checks_.end_statement(run, defer) : Result<void>{};
  if (!done) {
    const auto of_read = read_tables_->take_error();
    checks_.abandon_statement();
    return std::unexpected(in_words(of_read.value_or(done.error())));
  }
  done = stages_.end_statement();
  if (!done) return std::unexpected(to_sql_error(done.error()));
  if (auto clash = txn_->buffer().take_clash()) {
    return std::unexpected(in_words({Code::exists, "the key exists", {}, *std::move(clash)}));
  }
  if (check_unique) done = check_unique_now(mark);
  if (!done) return std::unexpected(in_words(done.error()));
  return {};
}

Result<void> Executor::check_unique_now(WriteBuffer::Mark mark) {
  std::vector<Bytes> keys;
  for (Bytes& key : txn_->buffer().unchecked_since(mark)) {
    if (stages_.known_absent(key)) {
      txn_->buffer().set_checked(key);
    } else {
      keys.push_back(std::move(key));
    }
  }
  return txn_->check_absent(keys);
}

Result<void> Executor::run_action(const std::string& sql, std::span<const ValueView> parameters) {
  auto made = plan(sql);
  if (!made) return std::unexpected(made.error().error);
  const Bound bound{.plan = *made, .values = {parameters.begin(), parameters.end()}, .runs = 1, .owned = {}};
  std::vector<std::vector<Value>> rows;
  const auto changed = on_stage(bound, rows);
  return changed ? Result<void>{} : std::unexpected(changed.error().error);
}

/// One run on the stages; how many rows it changed.
SqlResult<int64_t> Executor::on_stage(const Bound& bound, std::vector<std::vector<Value>>& rows) {
  if (auto begun = stages_.begin_run(bound.plan->claims, foreign_keys); !begun) {
    return std::unexpected(to_sql_error(begun.error()));
  }
  int64_t changed = 0;
  const auto passed = passes(bound, rows, changed);
  transaction_lost_ = stages_.end_run();
  if (passed) return changed;
  kept_changes_ = kept_changes_ && !transaction_lost_;
  kept_rows_ = changed;
  return std::unexpected(passed.error());
}

SqlResult<void> Executor::passes(const Bound& bound, std::vector<std::vector<Value>>& rows, int64_t& changed) {
  const Plan& plan = *bound.plan;
  if (plan.load) {
    stages_.set_pass(Stages::Pass::paging);
    bind_run(plan.load, bound, 0);
    read_tables_->reads_for_update(plan.table);
    const auto loaded = step_to_end(plan.load, nullptr);
    read_tables_->reads_for_update(0);
    if (!loaded) return loaded;
  }
  if (plan.claims && plan.kind == StatementKind::insert) {
    stages_.set_pass(Stages::Pass::dry);
    for (size_t run = 0; run < bound.runs; ++run) {
      bind_run(plan.main, bound, run);
      if (auto collected = step_to_end(plan.main, nullptr); !collected) return collected;
    }
    if (auto resolved = stages_.resolve_claims(); !resolved) {
      return std::unexpected(to_sql_error(resolved.error()));
    }
  }
  stages_.set_pass(Stages::Pass::real);
  for (size_t run = 0; run < bound.runs; ++run) {
    bind_run(plan.main, bound, run);
    const auto ran = step_to_end(plan.main, plan.columns.empty() ? nullptr : &rows);
    const bool constraint = (sqlite3_extended_errcode(db_.get()) & 0xff) == SQLITE_CONSTRAINT;
    changed += sqlite3_changes64(db_.get());
    // Only ON CONFLICT FAIL leaves changes behind: all else takes the failed run's back, and their count with them.
    if (!ran) kept_changes_ = constraint && (plan.on_conflict == OnConflict::fail || bound.runs == 1) && changed > 0;
    if (!ran) return ran;
  }
  return {};
}

SqlResult<void> Executor::step_to_end(const Query& query, std::vector<std::vector<Value>>* rows) {
  const ResetGuard guard{query};
  int rc = query.step();
  for (; rc == SQLITE_ROW; rc = query.step()) {
    if (rows != nullptr) rows->push_back(owned_row(query));
  }
  auto of_stage = stages_.take_error();
  if (of_stage) return std::unexpected(in_words(*of_stage));
  if (rc != SQLITE_DONE) return std::unexpected(failure());
  return {};
}

}  // namespace ddb::sql
