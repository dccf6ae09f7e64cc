#include <doctest/doctest.h>

#include "database.hpp"

using namespace ddb;
using namespace ddb::test;

namespace {

/// Both say the same about a script.
void same(std::string_view text) {
  CAPTURE(text);
  Database database;
  const auto session = database.session();
  Stock stock;
  CHECK(script(*session, text) == stock.script(text));
}

constexpr const char* both = "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT); INSERT INTO t VALUES(1, 'x'), (2, 'y');"
                             "CREATE TEMP TABLE s(a INTEGER PRIMARY KEY, b TEXT UNIQUE); INSERT INTO s VALUES(2, 'two'), (3, 'three');";

}  // namespace

TEST_CASE("temporary tables beside stored ones") {
  same(std::string{both} +
       "SELECT * FROM t LEFT JOIN s USING(a); INSERT INTO s SELECT a + 10, b FROM t; SELECT * FROM s;"
       "INSERT INTO t(b) SELECT b FROM s; SELECT count(*) FROM t; UPDATE s SET b = b || '!' WHERE a > 10 RETURNING a, b;"
       "SELECT changes(), total_changes(), last_insert_rowid(); UPDATE t SET b = (SELECT b FROM s WHERE s.a = t.a) WHERE a IN (SELECT a FROM s);"
       "DELETE FROM s WHERE a IN (SELECT a FROM t); SELECT * FROM s; SELECT * FROM t; INSERT INTO s(b) VALUES('three');"
       "INSERT INTO s(a, b) VALUES(3, 'x') ON CONFLICT(a) DO UPDATE SET b = excluded.b; SELECT * FROM temp.s; SELECT name FROM sqlite_temp_schema;"
       "PRAGMA table_info(s); DROP TABLE s; SELECT * FROM s;");
}

TEST_CASE("a temporary table hides the stored one of its name, until it is dropped") {
  same(std::string{both} +
       "SELECT b FROM t; INSERT INTO t VALUES(9, 'nine'); CREATE TEMP TABLE t(b); INSERT INTO t VALUES('hides'); SELECT * FROM t;"
       "INSERT INTO t VALUES('again'); SELECT * FROM main.t; INSERT INTO main.t VALUES(7, 'main'); SELECT count(*) FROM t;"
       "DROP TABLE t; SELECT * FROM t; INSERT INTO t VALUES(8, 'stored'); SELECT count(*) FROM t;");
}

TEST_CASE("temporary objects of every kind, made and changed") {
  same(std::string{both} +
       "CREATE TEMP VIEW v AS SELECT t.b FROM t JOIN s USING(a); SELECT * FROM v; CREATE INDEX i ON s(b); CREATE TABLE temp.u AS SELECT * FROM t;"
       "CREATE TEMP TRIGGER r AFTER INSERT ON s BEGIN INSERT INTO u VALUES(new.a, 'by trigger'); END; INSERT INTO s VALUES(50, 'fifty');"
       "SELECT * FROM u; ALTER TABLE u ADD COLUMN c DEFAULT 5; ALTER TABLE u RENAME TO w; SELECT * FROM w; DROP TRIGGER r; DROP INDEX i;"
       "DROP VIEW v; DROP TABLE w; SELECT count(*) FROM sqlite_temp_schema;");
}

TEST_CASE("a transaction is over temporary and stored tables alike") {
  same(std::string{both} +
       "BEGIN; INSERT INTO s VALUES(4, 'four'); INSERT INTO t VALUES(4, 'four'); ROLLBACK; SELECT count(*) FROM s; SELECT count(*) FROM t;"
       "BEGIN; DELETE FROM s; UPDATE t SET b = 'z'; COMMIT; SELECT count(*) FROM s; SELECT * FROM t;"
       "BEGIN; CREATE TEMP TABLE n(x); INSERT INTO n VALUES(1); INSERT INTO t VALUES(5, 'f'); ROLLBACK; SELECT * FROM n; SELECT count(*) FROM t;"
       "INSERT INTO t VALUES(6, 's'); SELECT count(*) FROM t;");
}

TEST_CASE("savepoints, those older than the first temporary table too") {
  same("CREATE TABLE t(a); BEGIN; SAVEPOINT one; INSERT INTO t VALUES(1); SAVEPOINT two; CREATE TEMP TABLE s(a); INSERT INTO s VALUES(1);"
       "SAVEPOINT three; INSERT INTO s VALUES(2); INSERT INTO t VALUES(2); ROLLBACK TO three; SELECT a FROM s; SELECT a FROM t;"
       "INSERT INTO t VALUES(3); RELEASE three; ROLLBACK TO two; SELECT * FROM s; SELECT * FROM t; INSERT INTO t VALUES(4);"
       "ROLLBACK TO one; COMMIT; SELECT * FROM t; CREATE TEMP TABLE s(b); SELECT count(*) FROM s;");
}

TEST_CASE("a rollback leaves triggers, views and stages of stored tables at work") {
  same(std::string{both} +
       "CREATE TABLE log(x); CREATE VIEW v AS SELECT a, b FROM t; CREATE TRIGGER r INSTEAD OF INSERT ON v BEGIN INSERT INTO t VALUES(new.a, new.b); END;"
       "CREATE TRIGGER l AFTER INSERT ON t BEGIN INSERT INTO log VALUES(new.a); END;"
       "BEGIN; INSERT INTO s VALUES(5, 'five'); INSERT INTO v VALUES(10, 'ten'); ROLLBACK; INSERT INTO v VALUES(11, 'eleven'); SELECT * FROM log;"
       "BEGIN; INSERT INTO s VALUES(5, 'five'); INSERT OR ROLLBACK INTO t VALUES(11, 'twice'); SELECT * FROM s; INSERT INTO v VALUES(12, 'twelve');"
       "BEGIN; INSERT INTO s VALUES(5, 'five'); INSERT OR ROLLBACK INTO s VALUES(5, 'twice'); SELECT * FROM s; SELECT * FROM log;"
       "UPDATE t SET b = 'x' WHERE a = 12; SELECT * FROM v;");
}

TEST_CASE("a transaction that is done again does its temporary part again, once") {
  Database database;
  const auto session = database.session();
  script(*session, both);
  const auto other = database.session();
  CHECK(script(*session, "BEGIN; INSERT INTO s VALUES(8, 'eight'); UPDATE t SET b = b || '.' WHERE a = 1;").empty());
  CHECK(run(*other, "UPDATE t SET b = 'other' WHERE a = 1").empty());
  CHECK(run(*session, "COMMIT").empty());
  CHECK(run(*session, "SELECT b FROM t WHERE a = 1") == "other.\n");
  CHECK(run(*session, "SELECT count(*) FROM s WHERE a = 8") == "1\n");
  CHECK(run(*other, "SELECT * FROM s") == "Error: no such table: s\n");  // nobody else sees it
}

TEST_CASE("what cannot be temporary") {
  Database database;
  const auto session = database.session();
  script(*session, both);
  CHECK(run(*session, "CREATE TEMP TRIGGER r AFTER INSERT ON main.t BEGIN SELECT 1; END") == "Error: cannot create triggers on virtual tables\n");
  CHECK(run(*session, "CREATE TEMP TABLE \"$src\"(a)") == "Error: the name \"$src\" is reserved\n");
}
