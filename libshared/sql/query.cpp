#include "sql/query.hpp"

#include <sqlite3.h>

namespace ddb::sql {

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
Result<bool> Query::next() const {
  const int rc = step();
  if (rc == SQLITE_ROW) return true;
  if (rc == SQLITE_DONE) return false;
  return std::unexpected(sqlite_error(sqlite3_db_handle(get())));
}

void Query::reset() const { sqlite3_reset(get()); }
int Query::columns() const { return sqlite3_column_count(get()); }
ValueView Query::column(int position) const { return column_of(get(), position); }
int64_t Query::integer(int position) const { return sqlite3_column_int64(get(), position); }

std::string Query::text(int position) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(get(), position));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<size_t>(sqlite3_column_bytes(get(), position))};
}

Result<void> Query::run(std::span<const ValueView> values) const {
  const ResetGuard guard{*this};
  for (size_t i = 0; i < values.size(); ++i) bind(static_cast<int>(i) + 1, values[i]);
  int rc = step();
  while (rc == SQLITE_ROW) rc = step();
  if (rc != SQLITE_DONE) return std::unexpected(sqlite_error(sqlite3_db_handle(get())));
  return {};
}

}  // namespace ddb::sql
