// The inside of a session: what its files share.
#pragma once

#include <string>
#include <vector>

#include "sql/catalog.hpp"
#include "sql/executor.hpp"
#include "sql/route.hpp"
#include "sql/session.hpp"
#include "sql/sql_error.hpp"

namespace ddb::sql {

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
inline bool worth_restarting(const Error& error) {
  return error.code == Code::conflict || error.code == Code::too_old;
}

inline StatementResult result_of(const ParsedStatement& s) {
  StatementResult result;
  result.kind = s.head.kind;
  result.tag = s.head.tag;
  return result;
}

inline std::unexpected<SqlError> refuse(std::string message, Code code = Code::failed) {
  return std::unexpected(to_sql_error({code, std::move(message), {}, {}}));
}

/// Where SQLite's parser stops in a text, when it does; transaction control and DDL are only parsed by it.
std::optional<SqlError> parse_error(sqlite3* db, std::string_view sql);

/// A schema object that the open transaction has created.
struct Created {
  std::string kind;  // TABLE, INDEX, VIEW, TRIGGER
  std::string name;
};

struct Session::Impl {
  Impl(env::Kv& kv, Catalog& shared_catalog, const SessionOptions& session_options)
      : catalog{shared_catalog}, options{session_options}, executor{kv, shared_catalog, options} {}
  ~Impl() { (void)close(); }

  using StatementSqlResult = SqlResult<StatementResult>;

  StatementSqlResult execute(const Request& request, Delivery& delivery);
  StatementSqlResult execute_parsed(const ParsedStatement& s, const Request& request, Delivery& delivery);
  StatementSqlResult deliver(SqlResult<Outcome> outcome, Delivery& delivery);

  // Queries and changes.
  StatementSqlResult run(const Request& request, Delivery& delivery);
  StatementSqlResult autocommit(const Request& request, Delivery& delivery, const std::string& when);
  SqlResult<Outcome> attempt(const Request& request, Delivery& delivery, Timestamp at);

  // PRAGMAs.
  StatementSqlResult pragma(const ParsedStatement& s, Delivery& delivery);
  StatementSqlResult foreign_key_check(const ParsedStatement& s, Delivery& delivery);
  StatementSqlResult integrity_check(const ParsedStatement& s, Delivery& delivery);
  /// Of one table, or of all when `name` is empty.
  SqlResult<std::vector<std::string>> findings(const std::string& name, size_t wanted);
  StatementSqlResult pragma_as_of(const ParsedStatement& s, Delivery& delivery);

  // AS OF SYSTEM TIME.
  StatementSqlResult query_as_of(const ParsedStatement& s, const Request& request, Delivery& delivery);
  SqlResult<Timestamp> time_of(const std::string& when);  // empty: zero
  StatementSqlResult in_open(const Request& request, Delivery& delivery);

  // EXPLAIN ROUTE.
  StatementSqlResult explain_route(const ParsedStatement& s, const RouteStatement& route, const Request& request, Delivery& delivery);
  SqlResult<void> run_traced(const RouteStatement& route, const Request& request, RouteLog& told);
  SqlResult<void> run_dry(const RouteStatement& route, const Request& request, RouteLog& told);

  // Transaction control.
  StatementSqlResult control(const ParsedStatement& s);
  StatementSqlResult begin(const ParsedStatement& s);
  StatementSqlResult commit(const ParsedStatement& s);
  StatementSqlResult savepoint(const ParsedStatement& s);
  SqlResult<void> change_savepoints(StatementKind kind, const std::string& name);
  /// The transaction ends; unless it was committed, what it created goes. An error: something of that is left.
  Result<void> close();

  // Restarts.
  void remember(std::string_view sql, std::span<const Parameter> parameters, const StatementResult& result);
  SqlResult<void> restart(const SqlError& conflict);
  SqlResult<void> replay();

  // Schema.
  StatementSqlResult define(const ParsedStatement& s);
  SqlResult<void> commit_before_ddl();
  SqlResult<void> leave_children(const ParsedStatement& s);
  SqlResult<void> execute_ddl(std::string_view ddl, std::string_view object);
  bool can_take_in(const ParsedStatement& s) const;
  SqlResult<void> create_object(const Created& object, std::string_view ddl);
  Result<void> drop_created(size_t keep);
  StatementSqlResult create_as(const ParsedStatement& s);
  SqlResult<std::string> create_table_like(const ParsedStatement& s);
  StatementSqlResult sequences(const ParsedStatement& s);

  Catalog& catalog;
  SessionOptions options;
  Executor executor;

  std::string as_of_setting;  // PRAGMA as_of_system_time: every transaction reads then; empty: off

  // The explicit transaction.
  bool open = false;
  Timestamp as_of{};  // not zero: it only reads, at this
  bool opened_by_savepoint = false;  // whose RELEASE commits
  int attempts = 0;
  std::vector<Created> created;      // objects, oldest first: dropped when it is rolled back

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

}  // namespace ddb::sql
