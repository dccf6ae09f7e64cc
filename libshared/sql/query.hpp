// A prepared statement that is run again and again.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "codec/value.hpp"
#include "sql/sqlite_values.hpp"

namespace ddb::sql {

using codec::Value;
using codec::ValueView;

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
  /// True: a row is there. False: done. An error: what SQLite says.
  Result<bool> next() const;
  void reset() const;  // keeps bindings
  int columns() const;
  ValueView column(int position) const;  // from 0, until the next step() or reset()
  std::string text(int position) const;  // empty for NULL
  int64_t integer(int position) const;   // zero for NULL
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

}  // namespace ddb::sql
