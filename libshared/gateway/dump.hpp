// A database as SQL that sqlite3 and ddb load, or told to whoever else wants it: one snapshot, row by row.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "sql/session.hpp"

namespace ddb::gateway {

/// Where a dump goes. An error ends it.
class DumpSink {
 public:
  virtual ~DumpSink() = default;
  /// One statement, without a semicolon, that makes or sets something.
  virtual Result<void> statement(std::string_view sql) = 0;
  /// `insert`: "INSERT INTO t(rowid,a)" or "INSERT INTO t", for the rows that follow.
  virtual Result<void> rows_of(std::string_view insert, size_t columns) = 0;
  virtual Result<void> row(std::span<const sql::ValueView> values) = 0;
};

struct DumpOptions {
  std::vector<std::string> tables;  // or views; with the indexes and triggers of tables. Empty: everything
  std::string as_of;                // for AS OF SYSTEM TIME, as a literal; empty: `now`
  Timestamp now{};                  // fresh from the oracle
  std::function<void(uint64_t rows)> progress = {};  // after each row; may be empty
};

/// Tables with their rows, then what AUTOINCREMENT has given, then indexes, triggers and views, so that triggers do not
/// run and views find their tables. Rowids come along where SQL can see them. Memory: a row, and the schema.
/// In an explicit transaction that is open it tells what that sees, and leaves it open.
/// Errors: not_found (no such table), those of the session and of the sink.
Result<void> dump(sql::Session& session, const DumpOptions& options, DumpSink& sink);

/// Turns values into SQL that every SQLite reads back bit by bit.
class Literals {
 public:
  Literals();
  ~Literals();
  void append(std::string& out, const sql::ValueView& value) const;

 private:
  bool reads_back(const std::string& text, double value) const;
  std::string real(double value) const;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// "PRAGMA foreign_keys=OFF; BEGIN TRANSACTION; ...; COMMIT;", a line per row, as sqlite3's .dump writes it.
class DumpText final : public DumpSink {
 public:
  /// `write` takes whole lines.
  explicit DumpText(std::function<Result<void>(std::string_view)> write) : write_{std::move(write)} {}
  Result<void> begin();
  Result<void> statement(std::string_view sql) override;
  Result<void> rows_of(std::string_view insert, size_t columns) override;
  Result<void> row(std::span<const sql::ValueView> values) override;
  Result<void> end();

 private:
  std::function<Result<void>(std::string_view)> write_;
  Literals literals_;
  std::string insert_;
  std::string line_;
};

}  // namespace ddb::gateway
