// Values between SQLite's C interface and ours.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "codec/value.hpp"
#include "sql/schema.hpp"

struct sqlite3;
struct sqlite3_context;
struct sqlite3_stmt;
struct sqlite3_value;

namespace ddb::sql {

/// Borrowed: until SQLite converts or frees the value.
codec::ValueView view_of(sqlite3_value* value);
/// Column of the current row; borrowed until the statement moves.
codec::ValueView column_of(sqlite3_stmt* stmt, int column);
/// SQLite copies the bytes.
void set_result(sqlite3_context* context, const codec::ValueView& value);

/// What SQLite says went wrong last on this connection.
Error sqlite_error(sqlite3* db);

/// "a INTEGER, b TEXT COLLATE NOCASE": columns for sqlite3_declare_vtab, with the table's affinities and collations.
std::string declared_columns(const Table& table);
std::string_view collation_name(Collation collation);
/// nullopt: none of SQLite's own.
std::optional<Collation> collation_named(std::string_view name);

/// Owns a connection to a private in-memory database.
/// Limits let its statements fit a gateway's stacks (gateway/gateway.cpp).
class PrivateDb {
 public:
  static constexpr int expression_depth_max = 200;
  static constexpr int compound_select_max = 500;
  static constexpr int like_pattern_bytes_max = 1000;  // SQLite matches by recursion

  PrivateDb();
  ~PrivateDb();
  PrivateDb(const PrivateDb&) = delete;
  PrivateDb& operator=(const PrivateDb&) = delete;
  sqlite3* get() const { return db_; }
  /// Runs statements that return no rows.
  Result<void> run(std::string_view sql);

 private:
  sqlite3* db_ = nullptr;
};

}  // namespace ddb::sql
