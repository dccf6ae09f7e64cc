#include "sql/sqlite.hpp"

#include <sqlite3.h>

#include <mutex>

#include "base/assert.hpp"

namespace ddb::sql {
namespace {

/// Statistics of memory use cost every allocation a global lock.
void configure_once() {
  static std::once_flag once;
  std::call_once(once, [] { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); });
}

}  // namespace

void Connection::Close::operator()(sqlite3* db) const { sqlite3_close_v2(db); }

Result<Connection> Connection::open() {
  configure_once();
  sqlite3* db = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
  const int rc = sqlite3_open_v2(":memory:", &db, flags, nullptr);
  Connection connection{db};
  if (rc != SQLITE_OK) return fail(Code::internal, "SQLite cannot open a database in memory");
  sqlite3_extended_result_codes(db, 1);
  return connection;
}

Result<void> Connection::execute(const std::string& sql) const {
  if (sqlite3_exec(get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return std::unexpected(sqlite_error(get()));
}

Error sqlite_error(sqlite3* db) {
  const int rc = sqlite3_errcode(db);
  const Code code = rc == SQLITE_INTERRUPT ? Code::try_again : Code::failed;
  return {code, sqlite3_errmsg(db), {}, {}};
}

void Query::Finalize::operator()(sqlite3_stmt* stmt) const { sqlite3_finalize(stmt); }

Result<Query> Query::prepare(sqlite3* db, std::string_view sql, bool keep) {
  sqlite3_stmt* stmt = nullptr;
  const int rc = sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()), keep ? SQLITE_PREPARE_PERSISTENT : 0,
                                    &stmt, nullptr);
  if (rc != SQLITE_OK) return std::unexpected(sqlite_error(db));
  return Query{stmt};
}

int Query::parameters() const { return sqlite3_bind_parameter_count(get()); }

void Query::bind(int position, const ValueView& value) const {
  const auto bytes = [](BytesView view) { return view.empty() ? "" : view.data(); };
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    sqlite3_bind_int64(get(), position, *integer);
  } else if (const auto* real = std::get_if<double>(&value)) {
    sqlite3_bind_double(get(), position, *real);
  } else if (const auto* text = std::get_if<std::string_view>(&value)) {
    sqlite3_bind_text64(get(), position, bytes(*text), text->size(), SQLITE_STATIC, SQLITE_UTF8);
  } else if (const auto* blob = std::get_if<codec::BlobView>(&value)) {
    sqlite3_bind_blob64(get(), position, bytes(blob->bytes), blob->bytes.size(), SQLITE_STATIC);
  } else {
    sqlite3_bind_null(get(), position);
  }
}

int Query::step() const { return sqlite3_step(get()); }
void Query::reset() const { sqlite3_reset(get()); }
int Query::columns() const { return sqlite3_column_count(get()); }
ValueView Query::column(int position) const { return value_of(sqlite3_column_value(get(), position)); }

Result<void> Query::run(std::span<const ValueView> values) const {
  const ResetGuard guard{*this};
  for (size_t i = 0; i < values.size(); ++i) bind(static_cast<int>(i) + 1, values[i]);
  int rc = step();
  while (rc == SQLITE_ROW) rc = step();
  if (rc != SQLITE_DONE) return std::unexpected(sqlite_error(sqlite3_db_handle(get())));
  return {};
}

ValueView value_of(sqlite3_value* value) {
  const auto size = [&] { return static_cast<size_t>(sqlite3_value_bytes(value)); };
  switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER: return int64_t{sqlite3_value_int64(value)};
    case SQLITE_FLOAT: return sqlite3_value_double(value);
    case SQLITE_TEXT: {
      const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
      return std::string_view{text, size()};
    }
    case SQLITE_BLOB: {
      const auto* blob = static_cast<const char*>(sqlite3_value_blob(value));
      return codec::BlobView{{blob, size()}};
    }
    default: return std::monostate{};
  }
}

}  // namespace ddb::sql
