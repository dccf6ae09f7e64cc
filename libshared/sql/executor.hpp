// Runs queries and changes inside one transaction at a time, on one SQLite connection.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "env/kv.hpp"
#include "sql/catalog.hpp"
#include "sql/foreign_key.hpp"
#include "sql/list_table.hpp"
#include "sql/plan.hpp"
#include "sql/read_table.hpp"
#include "sql/route.hpp"
#include "sql/session.hpp"
#include "sql/sqlite_values.hpp"
#include "sql/stage.hpp"
#include "sql/temporary.hpp"
#include "sql/transaction.hpp"

namespace ddb::sql {

/// A statement as the client gave it.
struct Request {
  std::string_view sql;
  std::span<const Parameter> parameters;
  const ParsedStatement* parsed = nullptr;  // of `sql`, when that is done already
};

/// What a statement did. The rows of RETURNING wait here until it is certain that they are true.
struct Outcome {
  StatementResult result;
  std::vector<ColumnInfo> columns;
  std::vector<std::vector<Value>> rows;
};

/// Not thread-safe, but for interrupt(). Statements are atomic: a failed one leaves the transaction as it was, unless
/// transaction_lost() or kept_changes() say otherwise.
class Executor {
 public:
  Executor(env::Kv& kv, Catalog& catalog, const SessionOptions& options);
  ~Executor();
  Result<void> open();

  bool in_transaction() const { return txn_ != nullptr; }
  /// Pins the newest schema; nothing when a transaction is there. `as_of`: as Transaction's.
  Result<void> begin(Timestamp as_of = {});
  /// Over, either way, but for a deferred foreign key: then `still_open`.
  SqlResult<void> commit(bool& still_open);
  void rollback();
  Transaction& transaction() { return *txn_; }
  const Schema& schema() const { return *schema_; }  // of the transaction
  const std::shared_ptr<const Schema>& shared_schema() const { return schema_; }

  /// DDL that creates `object`, or drops one that the transaction has created: it goes on under the new version. A
  /// failure leaves it as it was, unless transaction_lost(). Without a transaction: just the DDL.
  Result<void> define(std::string_view ddl, std::string_view object);
  /// The rows that the transaction has written to the index's table, which is younger than its snapshot, get their entries.
  SqlResult<void> index_own_rows(std::string_view index);

  /// SAVEPOINT, RELEASE or ROLLBACK TO, which the transaction has done, for temporary objects.
  Result<void> change_savepoints(StatementKind kind, std::string_view name);
  /// What is or would be temporary; the DDL among it goes through run().
  const Temporary& temporary() const { return temporary_; }

  /// In the transaction that begin() began. Queries stream to `sink`; changes leave their rows in the outcome.
  /// `check_unique`: keys believed absent are looked up now, not at commit.
  SqlResult<Outcome> run(const Request& request, RowSink& sink, bool check_unique);
  /// From now on, reads are told to `log`; nullptr: no more. It must outlive that.
  void trace(RouteLog* log);
  /// In the transaction that begin() began, with a dry log: what the statement would read, as far as that is known without.
  SqlResult<void> route(const Request& request, RouteLog& log);
  Result<RouteRows> routed(const RouteLog& log) { return route_rows(kv_, *schema_, log); }
  Result<RouteRows> analyzed(const RouteLog& log, double ms) { return analyzed_rows(kv_, *schema_, log, ms); }

  /// What the statement is and returns.
  SqlResult<std::shared_ptr<Plan>> plan(std::string_view sql);
  /// The text has a plan: it is a query or a change.
  bool knows(std::string_view sql) { return planner_.find(sql) != nullptr; }

  /// The last statement has ended the whole transaction: ON CONFLICT ROLLBACK, or a schema that moved on.
  bool transaction_lost() const { return transaction_lost_; }
  /// ON CONFLICT FAIL has kept what the failed statement had done before.
  bool kept_changes() const { return kept_changes_; }
  /// The failed commit may succeed with other rowids.
  bool drew_rowids() const { return stages_.drew_rowids(); }

  Result<Timestamp> now() { return kv_.now(); }
  void interrupt();
  sqlite3* connection() { return db_.get(); }

  bool foreign_keys = true;        // PRAGMA foreign_keys
  bool defer_foreign_keys = false; // PRAGMA defer_foreign_keys, until the transaction ends
  /// What SQLite's functions of these names say.
  struct Counters {
    int64_t changes = 0;
    int64_t total_changes = 0;
    int64_t last_insert_rowid = 0;
  };
  Counters counters;

 private:
  struct Functions;  // changes(), total_changes(), last_insert_rowid()
  /// A plan with the values of its parameters, for as many runs as there are rows of them.
  struct Bound {
    std::shared_ptr<Plan> plan;
    std::vector<ValueView> values;
    size_t runs = 1;
    std::vector<Value> owned;  // what `values` refer to, when lifted from the text
  };

  Result<void> install(std::shared_ptr<const Schema> schema);
  Result<void> clear_main();
  void end(bool keep);
  SqlResult<Bound> bind(const Request& request);
  SqlResult<Bound> bind_parsed(const ParsedStatement& s, std::span<const Parameter> parameters);
  std::optional<Bound> bind_literals(const ParsedStatement& s);
  SqlResult<Bound> bind_plan(std::shared_ptr<Plan> plan, std::span<const Parameter> parameters) const;
  SqlResult<std::vector<ValueView>> bind_parameters(const Plan& plan, std::span<const Parameter> parameters) const;
  void bind_run(const Query& query, const Bound& bound, size_t run) const;

  SqlResult<Outcome> query(const Bound& bound, RowSink& sink);
  SqlResult<const Query*> by_totals(const Bound& bound);
  SqlResult<void> note_unread(std::string_view sql, RouteLog& log);
  SqlResult<Outcome> change(const Bound& bound, bool check_unique);
  SqlResult<Outcome> change_temporary(const Bound& bound);
  SqlResult<int64_t> on_stage(const Bound& bound, std::vector<std::vector<Value>>& rows);
  SqlResult<void> passes(const Bound& bound, std::vector<std::vector<Value>>& rows, int64_t& changed);
  SqlResult<void> finish_change(WriteBuffer::Mark mark, bool check_unique);
  SqlResult<void> step_to_end(const Query& query, std::vector<std::vector<Value>>* rows);
  Result<void> check_unique_now(WriteBuffer::Mark mark);
  Result<void> run_action(const std::string& sql, std::span<const ValueView> parameters);
  Result<ListRows> sequences();  // as sqlite_sequence shows them
  SqlError failure();
  SqlError in_words(Error error) const;
  void name_key(Error& error) const;

  env::Kv& kv_;
  Catalog& catalog_;
  const SessionOptions& options_;
  PrivateDb db_;
  ForeignKeyChecks checks_;
  Stages stages_;
  Temporary temporary_;
  std::optional<ReadTables> read_tables_;
  Planner planner_;
  Query real_;  // SELECT CAST(? AS REAL): SQLite's own reading of a number
  std::shared_ptr<const Schema> schema_;  // the installed one
  bool installed_ = false;  // everywhere
  std::unique_ptr<Transaction> txn_;
  RouteLog* log_ = nullptr;
  bool transaction_lost_ = false;
  bool kept_changes_ = false;
  int64_t kept_rows_ = 0;  // how many
};

}  // namespace ddb::sql
