#include "database.hpp"

#include <sqlite3.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/assert.hpp"
#include "sql/statement.hpp"

namespace ddb::test {

std::string to_text(const codec::ValueView& value, std::string_view null) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return std::to_string(*integer);
  if (const auto* real = std::get_if<double>(&value)) {
    char text[64];
    sqlite3_snprintf(sizeof text, text, "%!.15g", *real);
    return text;
  }
  if (const auto* text = std::get_if<std::string_view>(&value)) return std::string{*text};
  if (const auto* blob = std::get_if<codec::BlobView>(&value)) return std::string{blob->bytes};
  return std::string{null};
}

Result<void> Rows::columns(std::span<const sql::ColumnInfo> columns) {
  names.assign(columns.begin(), columns.end());
  ++headers;
  return {};
}

Result<void> Rows::row(std::span<const codec::ValueView> values) {
  if (rows.size() >= fail_after) return fail(Code::io, "the reader went away");
  auto& row = rows.emplace_back();
  for (const auto& value : values) row.push_back(codec::to_owned(value));
  return {};
}

Database::Database() {
  meta.advance(std::chrono::hours{1});  // a machine that has been up for a while
  sql::CatalogOptions options;
  options.now = [this] { return meta.now(); };
  options.sleep = [this](Duration by) {
    meta.advance(by);
    if (catalog) (void)catalog->tick();  // as a timer would
  };
  auto opened = sql::Catalog::open(meta, kv, options);
  DDB_ASSERT(opened.has_value());
  catalog = *std::move(opened);
}

std::unique_ptr<sql::Session> Database::session(const sql::SessionOptions& options) {
  auto opened = sql::Session::open(kv, *catalog, options);
  DDB_ASSERT(opened.has_value());
  return *std::move(opened);
}

std::string run(sql::Session& session, std::string_view sql, std::span<const sql::Parameter> parameters) {
  Rows rows;
  const auto result = session.execute(sql, parameters, rows);
  std::string out;
  for (const auto& row : rows.rows) {
    for (size_t i = 0; i < row.size(); ++i) out += (i == 0 ? "" : "|") + to_text(codec::to_view(row[i]));
    out += "\n";
  }
  if (!result) out += "Error: " + result.error().error.message + "\n";
  return out;
}

namespace {

template <class Run>
std::string run_script(std::string_view text, Run run_one) {
  sql::StatementSplitter splitter;
  splitter.feed(text);
  std::string out;
  std::string_view statement;
  while (splitter.next(statement)) out += run_one(statement);
  if (!sql::is_blank(splitter.rest())) out += run_one(splitter.rest());
  return out;
}

}  // namespace

std::string script(sql::Session& session, std::string_view text) {
  return run_script(text, [&](std::string_view statement) { return run(session, statement); });
}

Stock::Stock() {
  sqlite3_open(":memory:", &db_);
  sqlite3_exec(db_, "PRAGMA foreign_keys = ON", nullptr, nullptr, nullptr);
}
Stock::~Stock() { sqlite3_close(db_); }

std::string Stock::run(std::string_view sql) {
  sqlite3_stmt* stmt = nullptr;
  std::string out;
  int rc = sqlite3_prepare_v2(db_, sql.data(), static_cast<int>(sql.size()), &stmt, nullptr);
  while (rc == SQLITE_OK && stmt != nullptr && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
    for (int i = 0; i < sqlite3_column_count(stmt); ++i) {
      if (i > 0) out += "|";
      switch (sqlite3_column_type(stmt, i)) {
        case SQLITE_INTEGER: out += to_text(int64_t{sqlite3_column_int64(stmt, i)}); break;
        case SQLITE_FLOAT: out += to_text(sqlite3_column_double(stmt, i)); break;
        case SQLITE_NULL: break;
        default:
          out.append(static_cast<const char*>(sqlite3_column_blob(stmt, i)),
                     static_cast<size_t>(sqlite3_column_bytes(stmt, i)));
      }
    }
    out += "\n";
    rc = SQLITE_OK;
  }
  if (rc != SQLITE_OK && rc != SQLITE_DONE) out += "Error: " + std::string{sqlite3_errmsg(db_)} + "\n";
  sqlite3_finalize(stmt);
  return out;
}

std::string Stock::script(std::string_view text) {
  return run_script(text, [&](std::string_view statement) { return run(statement); });
}

int64_t Stock::changes() const { return sqlite3_changes64(db_); }
int64_t Stock::total_changes() const { return sqlite3_total_changes64(db_); }
int64_t Stock::last_insert_rowid() const { return sqlite3_last_insert_rowid(db_); }

std::string shared_path(std::string_view name) {
  const char* shared = std::getenv("DDB_SHARED");
  return std::string{shared == nullptr ? "../shared" : shared} + "/" + std::string{name};
}

std::string read_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace ddb::test
