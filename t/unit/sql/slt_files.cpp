// The sqllogictest files: t/sql, and a sample of the public corpus where it is at hand.

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "database.hpp"
#include "sql/slt.hpp"

using namespace ddb;
using namespace ddb::test;
using sql::SltReport;

namespace {

std::vector<std::string> files_below(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code none;
  for (const auto& entry : std::filesystem::recursive_directory_iterator{folder, none}) {
    if (entry.path().extension() == ".test") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

SltReport run_slt(sql::Session& session, std::string_view text) {
  const auto engine = [&](const std::string& statement) -> Result<sql::SltRows> {
    Rows rows;
    if (const auto done = session.execute(statement, {}, rows); !done) return std::unexpected(done.error().error);
    return std::move(rows.rows);
  };
  return sql::run_slt(engine, text);
}

/// Each file on a database of its own, with foreign keys as the files expect them: off, SQLite's default.
SltReport run_file(const std::string& path) {
  Database database;
  const auto session = database.session({.foreign_keys = false});
  return run_slt(*session, read_file(path));
}

void run_files(const std::vector<std::string>& files) {
  SltReport total;
  for (const auto& file : files) {
    const SltReport report = run_file(file);
    CAPTURE(file);
    for (const auto& failure : report.failures) FAIL_CHECK(failure);
    total += report;
  }
  MESSAGE((total.records - total.failed), " of ", total.records, " records pass in ", files.size(), " files");
}

}  // namespace

TEST_CASE("MD5 as RFC 1321 has it") {
  CHECK(sql::md5("") == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(sql::md5("abc") == "900150983cd24fb0d6963f7d28e17f72");
  CHECK(sql::md5("12345678901234567890123456789012345678901234567890123456789012345678901234567890") ==
        "57edf4a22be3c955ac49da2e2107b67a");
}

TEST_CASE("the runner finds what is wrong") {
  Database database;
  const auto session = database.session();
  const auto report = run_slt(*session,
                              "statement ok\nCREATE TABLE t(a)\n\nstatement error\nSELECT 1\n\nstatement ok\nSELEC\n\n"
                              "query I nosort\nSELECT 1\n----\n2\n\nskipif sqlite\nquery I\nSELECT 1\n----\n3\n\n"
                              "query I rowsort x\nSELECT 1 UNION SELECT 2\n----\n1\n2\n\nquery I nosort x\nSELECT 1\n----\n1\n\n"
                              "query T\nSELECT ''\n----\n(empty)\n\nhalt\n\nstatement ok\nSELEC\n");
  CHECK(report.records == 7);
  CHECK(report.failed == 4);
}

TEST_CASE("sqllogictest files of ours") {
  const auto files = files_below("t/sql");
  CHECK(files.size() > 5);
  run_files(files);
}

TEST_CASE("sqllogictest files of the corpus, a sample") {
  std::vector<std::string> files;
  for (const char* name : {"slt/select1.test", "slt/evidence/in1.test", "slt/evidence/slt_lang_createtrigger.test",
                           "slt/evidence/slt_lang_update.test", "slt/evidence/slt_lang_dropview.test",
                           "slt/random/expr/slt_good_98.test", "slt/index/orderby_nosort/10", "data/chinook.test"}) {
    const std::string path = shared_path(name);
    if (path.ends_with(".test") && std::filesystem::exists(path)) files.push_back(path);
    for (const auto& file : files_below(path)) files.push_back(file);
  }
  if (files.empty()) {
    MESSAGE("skipped: no corpus at ", shared_path("slt"), " (set DDB_SHARED)");
    return;
  }
  run_files(files);
}

TEST_CASE("the whole sqllogictest corpus" * doctest::skip()) {  // minutes: unit-sql -ns -tc='the whole*'
  auto files = files_below(shared_path("slt"));
  for (const auto& file : files_below(shared_path("data"))) files.push_back(file);
  run_files(files);
}
