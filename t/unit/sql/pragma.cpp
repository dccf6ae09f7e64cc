#include <doctest/doctest.h>

#include <algorithm>

#include "database.hpp"
#include "sql/index_entries.hpp"

using namespace ddb;
using namespace ddb::test;

namespace {

/// Both say the same about a script.
void same(std::string_view text) {
  Database database;
  const auto session = database.session();
  Stock stock;
  stock.run("PRAGMA foreign_keys = ON");
  CHECK(script(*session, text) == stock.script(text));
}

constexpr std::string_view family =
    "CREATE TABLE p(id INTEGER PRIMARY KEY, u TEXT UNIQUE); INSERT INTO p VALUES(1, 'a'), (2, 'b'), (3, 'c');";

}  // namespace

TEST_CASE("user_version and application_id are kept, for every session, in 32 bits") {
  same("PRAGMA user_version; PRAGMA user_version = 7; PRAGMA user_version; PRAGMA application_id = -3; PRAGMA application_id;"
       "PRAGMA user_version(0x10); PRAGMA user_version; PRAGMA user_version = 4294967297; PRAGMA user_version;");
  Database database;
  run(*database.session(), "PRAGMA user_version = 5");
  CHECK(run(*database.session(), "PRAGMA user_version") == "5\n");
}

TEST_CASE("foreign_key_check names child, rowid, parent and constraint") {
  const std::string text = std::string{"PRAGMA foreign_keys = OFF;"} + std::string{family} +
      "CREATE TABLE c(id INTEGER PRIMARY KEY, a REFERENCES p, b TEXT REFERENCES p(u), x REFERENCES nowhere);"
      "INSERT INTO c VALUES(1, 1, 'a', NULL), (2, 9, 'b', NULL), (3, NULL, 'z', NULL), (4, NULL, NULL, 4);"
      "CREATE TABLE d(a, b, PRIMARY KEY(a, b)) WITHOUT ROWID;"
      "CREATE TABLE e(a, b, FOREIGN KEY(a, b) REFERENCES d(a, b)); INSERT INTO e VALUES(1, 2), (1, NULL);";
  same(text + "PRAGMA foreign_key_check(c); PRAGMA foreign_key_check(e); PRAGMA foreign_key_check(p);");
}

TEST_CASE("DROP TABLE does to children what deleting the rows would") {
  const std::string drop = "DROP TABLE p; SELECT * FROM c; SELECT name FROM sqlite_schema WHERE type = 'table';";
  for (const char* action : {"", "ON DELETE CASCADE", "ON DELETE SET NULL", "ON DELETE RESTRICT", "ON DELETE SET DEFAULT"}) {
    CAPTURE(action);
    const std::string child = std::string{family} + "CREATE TABLE c(id INTEGER PRIMARY KEY, a INT DEFAULT 2 REFERENCES p " + action + ");";
    same(child + "INSERT INTO c VALUES(1, 1), (2, NULL);" + drop);
    same(child + drop);
    same(child + "INSERT INTO c VALUES(1, 1); PRAGMA foreign_keys = OFF;" + drop);
  }
  same(std::string{family} + "CREATE TABLE c(a INT DEFAULT NULL REFERENCES p ON DELETE SET DEFAULT); INSERT INTO c VALUES(3);" + drop);
}

TEST_CASE("a refused DROP TABLE leaves the children alone") {
  Database database;
  const auto session = database.session();
  script(*session, std::string{family} + "CREATE TABLE c(a REFERENCES p ON DELETE CASCADE); CREATE TABLE d(a REFERENCES p);"
                                         "INSERT INTO c VALUES(1); INSERT INTO d VALUES(1);");
  CHECK(run(*session, "DROP TABLE p") == "Error: FOREIGN KEY constraint failed\n");
  CHECK(run(*session, "SELECT count(*) FROM c") == "1\n");
  CHECK_FALSE(session->in_transaction());
}

TEST_CASE("integrity_check finds what does not fit, and ok otherwise") {
  Database database;
  const auto session = database.session();
  script(*session, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT NOT NULL, c UNIQUE); CREATE INDEX i ON t(b);"
                   "INSERT INTO t VALUES(1, 'x', 1), (2, 'y', NULL), (3, 'z', 3); CREATE TABLE u(a, PRIMARY KEY(a)) WITHOUT ROWID;");
  CHECK(run(*session, "PRAGMA integrity_check") == "ok\n");
  CHECK(run(*session, "PRAGMA quick_check(u)") == "ok\n");
  CHECK(run(*session, "PRAGMA integrity_check(nosuch)") == "Error: no such table: nosuch\n");
  const auto schema = database.catalog->schema();
  const sql::Table& table = *schema->find_table("t");
  const auto entry_span = [&](std::string_view index) {
    const auto at = std::ranges::find(table.indexes, index, &sql::Index::name);
    return sql::index_prefix(table, *at);
  };
  const auto change = [&](std::vector<env::Write> writes) {
    auto txn = database.kv.begin({});
    REQUIRE(txn.has_value());
    REQUIRE((*txn)->commit(std::move(writes)).has_value());
  };
  auto txn = database.kv.begin({});
  const Bytes prefix = entry_span("i");
  const auto page = (*txn)->scan({.span = {prefix, prefix_end(prefix)}, .reverse = false, .rows_max = 9});
  REQUIRE(page->rows.size() == 3);
  change({{env::WriteKind::erase, page->rows[1].key, {}}});
  CHECK(run(*session, "PRAGMA integrity_check") == "row 2 missing from index i\nwrong # of entries in index i\n");
  CHECK(run(*session, "PRAGMA integrity_check(1)") == "row 2 missing from index i\n");
  change({{env::WriteKind::put, page->rows[1].key, page->rows[1].value},
          {env::WriteKind::put, page->rows[2].key + "more", page->rows[2].value}});
  CHECK(run(*session, "PRAGMA integrity_check(t)") == "wrong # of entries in index i\n");
}
