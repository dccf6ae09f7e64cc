// Guards over SQLite's C interface: a connection and a prepared statement.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "codec/value.hpp"

struct sqlite3;
struct sqlite3_stmt;
struct sqlite3_value;
struct sqlite3_context;

namespace ddb::sql {

using codec::Value;
using codec::ValueView;

/// A private in-memory database, without mutex: one thread at a time.
class Connection {
 public:
  static Result<Connection> open();

  sqlite3* get() const { return db_.get(); }
  Result<void> execute(const std::string& sql) const;

 private:
  struct Close {
    void operator()(sqlite3* db) const;
  };
  explicit Connection(sqlite3* db) : db_{db} {}
  std::unique_ptr<sqlite3, Close> db_;
};

/// SQLite's last error on `db`: Code::failed with its message, Code::try_again when interrupted.
Error sqlite_error(sqlite3* db);

/// A prepared statement.
class Query {
 public:
  Query() = default;
  /// `keep`: it will be run often. The text behind the first statement is not looked at.
  static Result<Query> prepare(sqlite3* db, std::string_view sql, bool keep = false);

  explicit operator bool() const { return stmt_ != nullptr; }
  sqlite3_stmt* get() const { return stmt_.get(); }
  int parameters() const;
  /// Position from 1. Text and blobs are borrowed until the next reset().
  void bind(int position, const ValueView& value) const;
  /// SQLITE_ROW, SQLITE_DONE or an error.
  int step() const;
  void reset() const;  // keeps bindings
  int columns() const;
  ValueView column(int position) const;  // from 0, until the next step() or reset()
  /// Binds, steps to the end and resets.
  Result<void> run(std::span<const ValueView> values = {}) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* stmt) const;
  };
  explicit Query(sqlite3_stmt* stmt) : stmt_{stmt} {}
  std::unique_ptr<sqlite3_stmt, Finalize> stmt_;
};

/// Resets a statement at the end of a scope, so that no cursor stays open.
class ResetGuard {
 public:
  explicit ResetGuard(const Query& query) : query_{query} {}
  ~ResetGuard() { query_.reset(); }
  ResetGuard(const ResetGuard&) = delete;
  ResetGuard& operator=(const ResetGuard&) = delete;

 private:
  const Query& query_;
};

ValueView value_of(sqlite3_value* value);

}  // namespace ddb::sql
