#include "sql/as_of.hpp"

#include <doctest/doctest.h>
#include <sqlite3.h>

#include "database.hpp"

using namespace ddb;
using namespace ddb::test;

namespace {

std::string found(std::string_view text) {
  const auto s = sql::parse_statement(text);
  const auto clause = sql::find_as_of(s);
  return clause ? clause->when + "|" + sql::without(s, *clause) : "none";
}

const Timestamp noon = Timestamp::of(1'795'348'800'000, 7);  // 2026-11-22 12:00:00

std::string resolved(std::string_view when) {
  const Stock stock;
  const auto ts = sql::resolve_as_of(stock.get(), when, noon);
  return ts ? sql::utc(*ts) : ts.error().error.message;
}

}  // namespace

TEST_CASE("the clause is found outside of parentheses, and blanked out") {
  CHECK(found("SELECT 1 AS OF SYSTEM TIME '-10s';") == "-10s|SELECT 1                         ;");
  CHECK(found("SELECT a FROM t as of\nsystem time 12 WHERE b") == "12|SELECT a FROM t      \n               WHERE b");
  CHECK(found("BEGIN AS OF SYSTEM TIME '-1m'") == "-1m|BEGIN                        ");
  CHECK(found("SELECT 1 AS OF SYSTEM TIME").starts_with("?|"));
  CHECK(found("SELECT 1 AS OF SYSTEM TIME now()").starts_with("?|SELECT 1                   now()"));
  CHECK(found("SELECT (SELECT 1 AS OF SYSTEM TIME '-1s')") == "none");
  CHECK(found("SELECT 1 AS of") == "none");
}

TEST_CASE("what a time means") {
  CHECK(resolved("-10s") == "2026-11-22 11:59:50.000");
  CHECK(resolved("-250ms") == "2026-11-22 11:59:59.750");
  CHECK(resolved("-2h") == "2026-11-22 10:00:00.000");
  CHECK(resolved("-1d") == "2026-11-21 12:00:00.000");
  CHECK(resolved("2026-11-22 08:30") == "2026-11-22 08:30:00.000");
  CHECK(resolved("2026-11-22T08:30:15.125Z") == "2026-11-22 08:30:15.125");
  CHECK(resolved(std::to_string(noon.value)) == "2026-11-22 12:00:00.000");
  CHECK(resolved(std::to_string(noon.value + 1)).contains("has yet to come"));
  CHECK(resolved("2026-11-22 12:00:01") == "AS OF SYSTEM TIME 2026-11-22 12:00:01 has yet to come: it is 2026-11-22 12:00:00.000");
  for (const char* nonsense : {"?", "yesterday", "-10", "-10y", "- 10s", "10s", "", "0", "-99999999999d"}) {
    CAPTURE(nonsense);
    CHECK(resolved(nonsense).contains("takes an age"));
  }
}

TEST_CASE("a query sees the rows of its time; what writes is refused, and changes nothing") {
  Database database;
  const auto session = database.session();
  script(*session, "CREATE TABLE t(a PRIMARY KEY, b); INSERT INTO t VALUES (1, 'old')");
  const std::string then = std::to_string(database.kv.now()->value);
  const std::string as_of = " AS OF SYSTEM TIME " + then;
  script(*session, "UPDATE t SET b = 'new'; INSERT INTO t VALUES (2, 'new')");
  CHECK(run(*session, "SELECT * FROM t" + as_of) == "1|old\n");
  CHECK(run(*session, "SELECT b FROM t" + as_of + " WHERE a = 1") == "old\n");
  CHECK(run(*session, "SELECT * FROM t") == "1|new\n2|new\n");

  CHECK(script(*session, "BEGIN" + as_of + "; SELECT * FROM t; SELECT count(*) FROM t") == "1|old\n1\n");
  CHECK(run(*session, "INSERT INTO t VALUES (3, 'x')").contains("only reads"));
  CHECK(run(*session, "DROP TABLE t").contains("only reads"));
  CHECK(run(*session, "SELECT 1" + as_of).contains("where it begins"));
  CHECK(script(*session, "COMMIT; SELECT count(*) FROM t") == "2\n");

  const auto error = session->execute("BEGIN AS OF SYSTEM TIME 'someday'");
  REQUIRE_FALSE(error);
  CHECK_FALSE(session->in_transaction());
}

TEST_CASE("the session's setting holds for every transaction until it is taken back") {
  Database database;
  const auto session = database.session();
  script(*session, "CREATE TABLE t(a); INSERT INTO t VALUES (1)");
  const std::string then = std::to_string(database.kv.now()->value);
  script(*session, "INSERT INTO t VALUES (2)");
  CHECK(run(*session, "PRAGMA as_of_system_time") == "off\n");
  CHECK(run(*session, "PRAGMA as_of_system_time = " + then) == "");
  CHECK(run(*session, "PRAGMA as_of_system_time") == then + "\n");
  CHECK(run(*session, "SELECT a FROM t") == "1\n");
  CHECK(script(*session, "BEGIN; SELECT a FROM t; COMMIT") == "1\n");
  CHECK(run(*session, "DELETE FROM t").contains("only reads"));
  CHECK(run(*session, "PRAGMA as_of_system_time = 'soon'").contains("takes an age"));
  CHECK(run(*session, "PRAGMA as_of_system_time = off") == "");
  CHECK(run(*session, "SELECT count(*) FROM t") == "2\n");
}

TEST_CASE("a table that was changed since has no past: an index would miss what was there before it") {
  Database database;
  const auto session = database.session();
  script(*session, "CREATE TABLE t(a PRIMARY KEY, b); INSERT INTO t VALUES (1, 1)");
  const std::string before = " AS OF SYSTEM TIME " + std::to_string(database.kv.now()->value);
  script(*session, "UPDATE t SET b = 2; CREATE INDEX i ON t(b)");
  const std::string after = " AS OF SYSTEM TIME " + std::to_string(database.kv.now()->value);
  script(*session, "UPDATE t SET b = 3");
  CHECK(run(*session, "SELECT a FROM t" + before + " WHERE b = 1").contains("table t was made or changed at "));
  CHECK(run(*session, "SELECT a FROM t" + after + " WHERE b = 2") == "1\n");
  CHECK(run(*session, "SELECT a FROM t" + after + " WHERE b = 3") == "");
}
