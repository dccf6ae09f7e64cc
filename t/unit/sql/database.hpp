// A whole database in memory for tests: store, metadata, catalog, sessions, and results as text.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "memory_kv.hpp"
#include "memory_meta.hpp"
#include "sql/catalog.hpp"
#include "sql/session.hpp"

namespace ddb::test {

/// A value as sqlite3's shell in list mode shows it; NULL as given.
std::string to_text(const codec::ValueView& value, std::string_view null = "");

/// Collects what a statement returns.
class Rows final : public sql::RowSink {
 public:
  Result<void> columns(std::span<const sql::ColumnInfo> columns) override;
  Result<void> row(std::span<const codec::ValueView> values) override;

  std::vector<sql::ColumnInfo> names;
  std::vector<std::vector<codec::Value>> rows;
  int headers = 0;       // how often columns() came
  size_t fail_after = SIZE_MAX;  // rows taken before row() fails
};

class Database {
 public:
  Database();
  std::unique_ptr<sql::Session> session(const sql::SessionOptions& options = {});

  MemoryMeta meta;
  MemoryKv kv;
  std::unique_ptr<sql::Catalog> catalog;
};

/// Runs one statement: rows as "a|b\n" lines, an error as "Error: message", nothing for success without rows.
std::string run(sql::Session& session, std::string_view sql, std::span<const sql::Parameter> parameters = {});
/// Runs a script; everything its statements gave.
std::string script(sql::Session& session, std::string_view text);

/// The same by stock SQLite: what the answers are compared with.
class Stock {
 public:
  Stock();
  ~Stock();
  std::string run(std::string_view sql);
  std::string script(std::string_view text);
  int64_t changes() const;
  int64_t total_changes() const;
  int64_t last_insert_rowid() const;
  struct sqlite3* get() const { return db_; }

 private:
  struct sqlite3* db_ = nullptr;
};

/// ${DDB_SHARED:-../shared}, from the repository's root.
std::string shared_path(std::string_view name);
std::string read_file(const std::string& path);  // empty: it is not there

}  // namespace ddb::test
