// One client's conversation in SQL: the public face of the SQL layer.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "codec/value.hpp"
#include "env/kv.hpp"

struct sqlite3;

namespace ddb::sql {

class Catalog;
struct Schema;
using codec::Value;
using codec::ValueView;

/// Where in the statement's text an error is. Offset in bytes from 0; line and column (bytes) from 1.
struct Position {
  size_t offset = 0;
  size_t line = 1;
  size_t column = 1;
};

/// What went wrong with a statement. The statement had no effect; see Session for the transaction.
struct SqlError {
  Error error;             // message as SQLite words it where SQLite found it
  std::string sqlstate;    // five characters: 23505, 40001 (restart the transaction), 42601, ...
  std::optional<Position> position;
};
template <class T>
using SqlResult = std::expected<T, SqlError>;

struct ColumnInfo {
  std::string name;
  std::string declared_type;  // as declared; empty for expressions
};

/// Receives what a statement returns: columns() once, then its rows. Views are valid during the call.
class RowSink {
 public:
  virtual ~RowSink() = default;
  /// Called before the first row, and for a query without rows too; never for a statement that returns none.
  virtual Result<void> columns(std::span<const ColumnInfo> columns) = 0;
  /// An error stops the statement and becomes its error.
  virtual Result<void> row(std::span<const ValueView> values) = 0;
};

enum class StatementKind : uint8_t {
  empty = 0,  // white space and comments
  select, insert, update, erase, begin, commit, rollback, savepoint, release, rollback_to,
  create, drop, alter, pragma, explain, analyze, other,
};

struct StatementResult {
  StatementKind kind = StatementKind::empty;
  std::string tag;                // "SELECT", "INSERT", "CREATE TABLE", ... in upper case
  uint64_t rows = 0;              // given to the sink
  int64_t changes = 0;            // rows this statement changed, as sqlite3_changes(); zero for others than DML
  int64_t last_insert_rowid = 0;  // as sqlite3_last_insert_rowid()

  bool operator==(const StatementResult&) const = default;
};

/// A bound value: `name` includes its prefix (":id"); empty for the next positional one.
struct Parameter {
  std::string name;
  Value value;
};

/// When a key that an INSERT believes absent turns out to exist.
enum class UniqueCheck : uint8_t {
  at_statement,  // the statement fails, as in SQLite: one request per INSERT inside an explicit transaction
  at_commit,     // COMMIT fails: no request before it; for loads that stop at the first error anyway
};

struct SessionOptions {
  bool foreign_keys = true;
  UniqueCheck unique_check = UniqueCheck::at_statement;  // autocommit statements need no extra request in either
  int attempts_max = 10;                      // of a transaction that meets conflicts, the first included
  size_t transaction_bytes_max = 64u << 20;   // buffered writes
  /// Called every millisecond or so of a statement's computing; may suspend the caller, so that others run, and signals
  /// and cancels are heard.
  std::function<void()> yield = {};
  /// Adds functions and read-only tables to the session's own connection; once.
  std::function<Result<void>(sqlite3*)> extend = {};
};

/// Not thread-safe, but for interrupt(). Outside BEGIN every statement is a transaction of its own.
///
/// A failed statement changes nothing, and an explicit transaction goes on after it, as in SQLite, save
/// for errors that end it: conflict (40001), unknown_outcome (40003), ON CONFLICT ROLLBACK, a failed COMMIT
/// (but deferred foreign keys: the transaction stays open). in_transaction() tells.
///
/// A conflict restarts what failed by itself, up to attempts_max times, as long as the client could not
/// tell: an autocommit statement before its first row; an explicit transaction that has returned no row,
/// if every statement reports the same counts again. Else the error is conflict, 40001.
class Session {
 public:
  static Result<std::unique_ptr<Session>> open(env::Kv& kv, Catalog& catalog, const SessionOptions& options = {});
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Runs exactly one statement, with or without its semicolon (split_statements cuts a script).
  SqlResult<StatementResult> execute(std::string_view sql, std::span<const Parameter> parameters, RowSink& sink);
  /// The same for statements whose rows nobody wants.
  SqlResult<StatementResult> execute(std::string_view sql);

  /// What a statement would return, and how many parameters it takes, without running it.
  struct Description {
    StatementKind kind = StatementKind::empty;
    std::vector<ColumnInfo> columns;
    std::vector<std::string> parameters;  // by position; empty for bare ones
  };
  SqlResult<Description> describe(std::string_view sql);

  /// The schema that the next statement will see: in an explicit transaction always the same. Errors: of env::Meta.
  Result<std::shared_ptr<const Schema>> schema();

  /// An explicit transaction is open.
  bool in_transaction() const;
  /// Rolls back whatever is open; for clients that went away.
  void rollback();
  /// Makes the running statement fail with "interrupted", soon. From any thread.
  void interrupt();

  int64_t changes() const;
  int64_t total_changes() const;
  int64_t last_insert_rowid() const;

 private:
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ddb::sql
