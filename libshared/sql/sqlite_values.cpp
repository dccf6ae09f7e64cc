#include "sql/sqlite_values.hpp"

#include <sqlite3.h>

#include "base/assert.hpp"

namespace ddb::sql {

namespace {

using codec::BlobView;
using codec::ValueView;

BytesView bytes(const void* data, int size) {
  return size == 0 ? BytesView{} : BytesView{static_cast<const char*>(data), static_cast<size_t>(size)};
}

struct SetResult {
  sqlite3_context* context;
  void operator()(std::monostate) const { sqlite3_result_null(context); }
  void operator()(int64_t integer) const { sqlite3_result_int64(context, integer); }
  void operator()(double real) const { sqlite3_result_double(context, real); }
  void operator()(std::string_view text) const {
    sqlite3_result_text64(context, text.empty() ? "" : text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  }
  void operator()(BlobView blob) const {
    sqlite3_result_blob64(context, blob.bytes.empty() ? "" : blob.bytes.data(), blob.bytes.size(), SQLITE_TRANSIENT);
  }
};

/// A type that holds the word HIDDEN would hide the column; its affinity by another name does not.
std::string vtab_type(const Column& column) {
  std::string lower = column.type;
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  const bool any = lower == "any" && column.affinity == Affinity::blob;  // of a STRICT table
  if (lower.find("hidden") == std::string::npos && !any) return column.type;
  switch (column.affinity) {
    case Affinity::blob: return "";
    case Affinity::text: return "TEXT";
    case Affinity::numeric: return "NUMERIC";
    case Affinity::integer: return "INTEGER";
    case Affinity::real: return "REAL";
  }
  return "";
}

}  // namespace

ValueView view_of(sqlite3_value* value) {
  switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER: return int64_t{sqlite3_value_int64(value)};
    case SQLITE_FLOAT: return sqlite3_value_double(value);
    case SQLITE_TEXT: {
      const auto* text = sqlite3_value_text(value);
      return std::string_view{bytes(text, sqlite3_value_bytes(value))};
    }
    case SQLITE_BLOB: {
      const auto* blob = sqlite3_value_blob(value);
      return BlobView{bytes(blob, sqlite3_value_bytes(value))};
    }
    default: return {};
  }
}

ValueView column_of(sqlite3_stmt* stmt, int column) { return view_of(sqlite3_column_value(stmt, column)); }
void set_result(sqlite3_context* context, const ValueView& value) { std::visit(SetResult{context}, value); }

Error sqlite_error(sqlite3* db) { return Error{Code::failed, sqlite3_errmsg(db), {}, {}}; }

std::string_view collation_name(Collation collation) {
  switch (collation) {
    case Collation::binary: return "BINARY";
    case Collation::nocase: return "NOCASE";
    case Collation::rtrim: return "RTRIM";
  }
  return "BINARY";
}

std::optional<Collation> collation_named(std::string_view name) {
  for (const auto collation : {Collation::binary, Collation::nocase, Collation::rtrim})
    if (same_name(name, collation_name(collation))) return collation;
  return std::nullopt;
}

std::string declared_columns(const Table& table) {
  std::string list;
  for (const auto& column : table.columns) {
    if (!list.empty()) list += ", ";
    list += quote_name(column.name);
    if (const auto type = vtab_type(column); !type.empty()) list += " " + type;
    if (column.collation != Collation::binary) list += " COLLATE " + std::string{collation_name(column.collation)};
  }
  return list;
}

PrivateDb::PrivateDb() {
  const int rc = sqlite3_open_v2(":memory:", &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  DDB_ASSERT(rc == SQLITE_OK);
  sqlite3_limit(db_, SQLITE_LIMIT_EXPR_DEPTH, expression_depth_max);
  sqlite3_limit(db_, SQLITE_LIMIT_COMPOUND_SELECT, compound_select_max);
  sqlite3_limit(db_, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, like_pattern_bytes_max);
}

PrivateDb::~PrivateDb() { sqlite3_close_v2(db_); }

Result<void> PrivateDb::run(std::string_view sql) {
  if (sqlite3_exec(db_, std::string{sql}.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    return std::unexpected(sqlite_error(db_));
  return {};
}

}  // namespace ddb::sql
