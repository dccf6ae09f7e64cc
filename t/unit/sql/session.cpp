#include "sql/session.hpp"

#include <doctest/doctest.h>

#include "database.hpp"

using namespace ddb;
using namespace ddb::test;
using sql::Parameter;

namespace {

sql::SqlError error_of(sql::Session& session, std::string_view sql) {
  const auto result = session.execute(sql);
  REQUIRE_FALSE(result.has_value());
  return result.error();
}

/// The next `times` commits meet a conflict.
void fail_commits(Database& database, int times, Code code = Code::conflict) {
  database.kv.on_request = [times, code](const char* request) mutable -> Result<void> {
    if (std::string_view{request} != "commit" || times == 0) return {};
    --times;
    return fail(code, "made to fail");
  };
}

}  // namespace

TEST_CASE("rows come with names and declared types, once") {
  Database database;
  const auto session = database.session();
  run(*session, "CREATE TABLE t(a INTEGER PRIMARY KEY, b VARCHAR(9))");
  run(*session, "INSERT INTO t VALUES(1, 'x'), (2, 'y')");
  Rows rows;
  const auto result = session->execute("SELECT b, a + 1 AS next FROM t ORDER BY a", {}, rows);
  REQUIRE(result.has_value());
  CHECK(result->kind == sql::StatementKind::select);
  CHECK(result->tag == "SELECT");
  CHECK(result->rows == 2);
  CHECK(rows.headers == 1);
  REQUIRE(rows.names.size() == 2);
  CHECK(rows.names[0].name == "b");
  CHECK(rows.names[0].declared_type == "VARCHAR(9)");
  CHECK(rows.names[1].name == "next");
  CHECK(rows.names[1].declared_type.empty());
  Rows none;
  CHECK(session->execute("SELECT a FROM t WHERE a > 5", {}, none).has_value());
  CHECK(none.headers == 1);
  Rows never;
  CHECK(session->execute("DELETE FROM t", {}, never).has_value());
  CHECK(never.headers == 0);
}

TEST_CASE("results of changes") {
  Database database;
  const auto session = database.session();
  CHECK(session->execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")->tag == "CREATE TABLE");
  const auto inserted = session->execute("INSERT INTO t(b) VALUES('x'), ('y')");
  REQUIRE(inserted.has_value());
  CHECK(inserted->kind == sql::StatementKind::insert);
  CHECK(inserted->changes == 2);
  CHECK(inserted->last_insert_rowid == 2);
  Rows rows;
  const auto updated = session->execute("UPDATE t SET b = b || b RETURNING a, b", {}, rows);
  REQUIRE(updated.has_value());
  CHECK(updated->changes == 2);
  CHECK(updated->rows == 2);
  CHECK(rows.names[1].name == "b");
  CHECK(session->execute("  -- nothing\n ;")->kind == sql::StatementKind::empty);
}

TEST_CASE("parameters by place, number and name") {
  Database database;
  const auto session = database.session();
  run(*session, "CREATE TABLE t(a INTEGER PRIMARY KEY, b, c)");
  const std::vector<Parameter> values{{"", int64_t{1}}, {"", std::string{"it's"}}, {"", codec::Blob{Bytes{"\x00\x01", 2}}}};
  CHECK(run(*session, "INSERT INTO t VALUES(?, ?, ?)", values) == "");
  CHECK(run(*session, "SELECT a, b, hex(c) FROM t") == "1|it's|0001\n");
  const std::vector<Parameter> named{{":v", 2.5}, {":k", int64_t{1}}};
  CHECK(run(*session, "UPDATE t SET b = :v, c = :v WHERE a = :k RETURNING b, c", named) == "2.5|2.5\n");
  const std::vector<Parameter> two{{"", int64_t{10}}, {"", int64_t{20}}};
  CHECK(run(*session, "SELECT ?2, ?1, ?2", two) == "20|10|20\n");
  CHECK(run(*session, "UPDATE t SET a = ?2, b = ?1 WHERE a = ?3", std::vector<Parameter>{{"", int64_t{7}}, {"", int64_t{5}}, {"", int64_t{1}}}) == "");
  CHECK(run(*session, "SELECT a, b FROM t") == "5|7\n");
  CHECK(run(*session, "SELECT ?", two).starts_with("Error: the statement takes 1 parameters, 2 were given"));
  CHECK(run(*session, "SELECT ?, ?", std::span{two}.first(1)).starts_with("Error: no value for parameter ?2"));
  CHECK(run(*session, "SELECT :x", named).starts_with("Error: the statement has no parameter :v"));
}

TEST_CASE("describe tells columns and parameters without running") {
  Database database;
  const auto session = database.session();
  run(*session, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)");
  const auto select = session->describe("SELECT b, a FROM t WHERE a = :key AND b > ?");
  REQUIRE(select.has_value());
  CHECK(select->columns.size() == 2);
  CHECK(select->columns[0].declared_type == "TEXT");
  CHECK(select->parameters == std::vector<std::string>{":key", ""});
  const auto insert = session->describe("INSERT INTO t(b) VALUES(?) RETURNING a");
  REQUIRE(insert.has_value());
  CHECK(insert->kind == sql::StatementKind::insert);
  CHECK(insert->columns.size() == 1);
  CHECK(session->describe("BEGIN")->kind == sql::StatementKind::begin);
  CHECK_FALSE(session->describe("SELECT nope FROM t").has_value());
  CHECK(run(*session, "SELECT count(*) FROM t") == "0\n");
}

TEST_CASE("errors name their place in the user's text") {
  Database database;
  const auto session = database.session();
  run(*session, "CREATE TABLE t(a INTEGER PRIMARY KEY, b NOT NULL)");
  const auto place = [&](std::string_view sql) {
    const auto error = error_of(*session, sql);
    if (!error.position) return std::string{"none"};
    return std::to_string(error.position->offset) + " " + std::to_string(error.position->line) + ":" +
           std::to_string(error.position->column);
  };
  CHECK(place("SELEC 1") == "0 1:1");
  CHECK(place("SELECT a,\n  nope FROM t") == "12 2:3");
  CHECK(place("INSERT INTO t(b)\nVALUES(1), (nope)") == "29 2:13");
  CHECK(place("INSERT INTO t(b) VALUES(?1 + 1), (nope(1))") == "34 1:35");
  CHECK(place("INSERT INTO t(b) SELECT a FROM t WHERE nope") == "39 1:40");
  CHECK(place("UPDATE t SET b = 1 WHERE nope = 1") == "25 1:26");
  CHECK(place("DELETE FROM t WHERE a = nope") == "24 1:25");
  CHECK(place("UPDATE t SET b = ? WHERE a = ? RETURNING t.a, t.nope") == "46 1:47");
  CHECK(place("CREATE TABLE x(a b c d,,)") == "23 1:24");
  CHECK(place("BEGIN now") == "6 1:7");
  CHECK(place("INSERT INTO t VALUES(1)") == "none");
  CHECK(place("SELECT 1; SELECT 2") == "9 1:10");
}

TEST_CASE("errors carry a state that drivers know") {
  Database database;
  const auto session = database.session();
  script(*session, "CREATE TABLE t(a INTEGER PRIMARY KEY, b NOT NULL, c CHECK(c > 0)); INSERT INTO t VALUES(1, 1, 1);"
                   "CREATE TABLE ch(t REFERENCES t);");
  const auto state = [&](std::string_view sql) { return error_of(*session, sql).sqlstate; };
  CHECK(state("SELEC 1") == "42601");
  CHECK(state("SELECT * FROM nope") == "42P01");
  CHECK(state("SELECT nope FROM t") == "42703");
  CHECK(state("SELECT nope(1)") == "42883");
  CHECK(state("INSERT INTO t VALUES(1, 1, 1)") == "23505");
  CHECK(state("INSERT INTO t VALUES(2, NULL, 1)") == "23502");
  CHECK(state("INSERT INTO t VALUES(2, 1, 0)") == "23514");
  CHECK(state("INSERT INTO ch VALUES(5)") == "23503");
  CHECK(state("CREATE TABLE t(x)") == "42P07");
  CHECK(state("COMMIT") == "25P01");
  CHECK(state("RELEASE x") == "3B001");
  CHECK(state("SELECT 1; SELECT 2") == "HY000");
  CHECK(state("SELECT \"$rowid\"(1)") == "42501");
}

TEST_CASE("a statement of its own is tried again after a conflict") {
  Database database;
  const auto session = database.session({.attempts_max = 4});
  run(*session, "CREATE TABLE t(a INTEGER PRIMARY KEY, b)");
  fail_commits(database, 3);
  Rows rows;
  const auto result = session->execute("INSERT INTO t VALUES(1, 'x') RETURNING b", {}, rows);
  REQUIRE(result.has_value());
  CHECK(rows.rows.size() == 1);
  CHECK(session->total_changes() == 1);
  fail_commits(database, 4);
  CHECK(error_of(*session, "INSERT INTO t VALUES(2, 'x')").sqlstate == "40001");
  CHECK(session->total_changes() == 1);
  database.kv.on_request = nullptr;
  CHECK(run(*session, "SELECT a FROM t") == "1\n");
}

TEST_CASE("K3: a change of one row that is named by its key reads that row for an update; nothing else does") {
  Database database;
  const auto session = database.session();
  script(*session, "CREATE TABLE t(a INTEGER PRIMARY KEY, b UNIQUE, c); INSERT INTO t VALUES(1, 10, 0), (2, 20, 0), (3, 30, 0);"
                   "CREATE TABLE s(x TEXT PRIMARY KEY, n); INSERT INTO s VALUES('k', 1);");
  const auto updates = [&](std::string_view sql) {
    database.kv.reset_counters();
    run(*session, sql);
    return database.kv.counters().updates;
  };
  CHECK(updates("UPDATE t SET c = c + 1 WHERE a = 1") == 1);
  CHECK(updates("UPDATE s SET n = n + 1 WHERE x = 'k'") == 1);
  CHECK(updates("DELETE FROM t WHERE a = 3 AND c = 0") == 1);
  CHECK(updates("UPDATE t SET c = c + 1 WHERE b = 20") == 1);  // by way of an index
  CHECK(updates("INSERT INTO s VALUES('k', 1) ON CONFLICT(x) DO UPDATE SET n = n + 1") == 1);
  CHECK(updates("UPDATE t SET c = (SELECT n FROM s WHERE x = 'k') WHERE a = 1") == 1);
  CHECK(updates("SELECT * FROM t WHERE a = 1") == 0);
  CHECK(updates("UPDATE t SET c = 0 WHERE c > 0") == 0);
  CHECK(updates("UPDATE t SET c = 1 WHERE a IN (1, 2)") == 0);
  CHECK(updates("INSERT INTO t VALUES(4, 40, 0)") == 0);
  run(*session, "BEGIN");
  CHECK(updates("UPDATE t SET c = 5 WHERE a = 2") == 1);
  CHECK(updates("UPDATE t SET c = c + 1 WHERE a = 2") == 0);  // its own by now
  run(*session, "COMMIT");
  CHECK(run(*session, "SELECT c FROM t WHERE a = 2") == "6\n");
}

TEST_CASE("K2: a conflict names table, key and the other transaction") {
  Database database;
  const auto session = database.session({.attempts_max = 1});
  run(*session, "CREATE TABLE stock(shop TEXT, item INT, PRIMARY KEY(shop, item))");
  run(*session, "INSERT INTO stock VALUES('north', 7)");
  const Bytes key = database.kv.all().back().key;
  for (const char* at : {"get", "scan", "commit"}) {
    database.kv.on_request = [&](const char* request) -> Result<void> {
      if (std::string_view{request} != at) return {};
      return fail(Code::conflict, "key " + to_hex(key) + " was written by the transaction that committed at 5", {}, key);
    };
    const char* const sql = at == std::string_view{"scan"} ? "SELECT * FROM stock" : "UPDATE stock SET item = 8 WHERE shop = 'north' AND item = 7";
    const auto error = error_of(*session, sql);
    CHECK(error.sqlstate == "40001");
    CHECK(error.error.message == "table stock, key ('north', 7), was written by the transaction that committed at 5");
  }
}

TEST_CASE("a query that has returned a row is not begun again") {
  Database database;
  const auto session = database.session();
  run(*session, "CREATE TABLE t(a INTEGER PRIMARY KEY, b)");
  for (int i = 0; i < 40; ++i) {  // more than a page
    run(*session, "INSERT INTO t VALUES(" + std::to_string(i) + ", zeroblob(100000))");
  }
  int scans = 0;
  int fail_at = 1;
  database.kv.on_request = [&](const char* request) -> Result<void> {
    if (std::string_view{request} == "scan" && ++scans == fail_at) return fail(Code::conflict, "made to fail");
    return {};
  };
  Rows begun_again;
  CHECK(session->execute("SELECT a FROM t", {}, begun_again).has_value());
  CHECK(begun_again.rows.size() == 40);
  CHECK(begun_again.headers == 1);
  scans = 0;
  fail_at = 2;
  Rows cut;
  const auto result = session->execute("SELECT a, b FROM t", {}, cut);
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().sqlstate == "40001");
  CHECK(cut.rows.size() < 40);
}

TEST_CASE("an explicit transaction restarts unseen, and only then (SAFETY 1)") {
  Database database;
  const auto session = database.session();
  const auto other = database.session();
  run(*session, "CREATE TABLE t(a INTEGER PRIMARY KEY, b INT)");
  run(*session, "INSERT INTO t VALUES(1, 10), (2, 20)");

  SUBCASE("nothing but counts was returned, and they come out the same") {
    run(*session, "BEGIN");
    run(*session, "UPDATE t SET b = b + 1 WHERE a = 1");
    run(*session, "SAVEPOINT s");
    run(*session, "DELETE FROM t");
    run(*session, "ROLLBACK TO s");
    run(*other, "UPDATE t SET b = 100 WHERE a = 1");
    CHECK(run(*session, "COMMIT") == "");
    CHECK(run(*session, "SELECT b FROM t WHERE a = 1") == "101\n");
    CHECK_FALSE(session->in_transaction());
  }
  SUBCASE("a count would be another") {
    run(*session, "BEGIN");
    run(*session, "UPDATE t SET b = b + 1 WHERE b < 15");
    run(*other, "UPDATE t SET b = 100");
    CHECK(error_of(*session, "COMMIT").sqlstate == "40001");
    CHECK_FALSE(session->in_transaction());
    CHECK(run(*session, "SELECT b FROM t") == "100\n100\n");
  }
  SUBCASE("a row was returned") {
    run(*session, "BEGIN");
    CHECK(run(*session, "SELECT b FROM t WHERE a = 1") == "10\n");
    run(*session, "UPDATE t SET b = 11 WHERE a = 1");
    run(*other, "UPDATE t SET b = 100 WHERE a = 1");
    CHECK(error_of(*session, "COMMIT").sqlstate == "40001");
    CHECK(run(*session, "SELECT b FROM t WHERE a = 1") == "100\n");
  }
  SUBCASE("an error was returned") {
    run(*session, "BEGIN");
    run(*session, "UPDATE t SET b = 11 WHERE a = 1");
    CHECK(run(*session, "INSERT INTO t VALUES(2, 0)") == "Error: UNIQUE constraint failed: t.a\n");
    run(*other, "DELETE FROM t");
    CHECK(error_of(*session, "COMMIT").sqlstate == "40001");
  }
  SUBCASE("the outcome is unknown: said once, never tried again") {
    run(*session, "BEGIN");
    run(*session, "UPDATE t SET b = 11 WHERE a = 1");
    fail_commits(database, 1, Code::unknown_outcome);
    const auto error = error_of(*session, "COMMIT");
    CHECK(error.sqlstate == "40003");
    CHECK(error.error.code == Code::unknown_outcome);
    CHECK_FALSE(session->in_transaction());
  }
}

TEST_CASE("keys believed absent are looked up when the session asks for it") {
  Database database;
  const auto now = database.session();
  const auto later = database.session({.unique_check = sql::UniqueCheck::at_commit});
  run(*now, "CREATE TABLE t(a INTEGER PRIMARY KEY, b UNIQUE)");
  run(*now, "INSERT INTO t VALUES(1, 'x')");

  run(*now, "BEGIN");
  CHECK(run(*now, "INSERT INTO t VALUES(2, 'x')") == "Error: UNIQUE constraint failed: t.b\n");
  CHECK(run(*now, "INSERT INTO t VALUES(2, 'y')") == "");
  CHECK(run(*now, "COMMIT") == "");

  run(*later, "BEGIN");
  database.kv.reset_counters();
  CHECK(run(*later, "INSERT INTO t VALUES(3, 'x')") == "");
  CHECK(database.kv.counters().reads() == 0);
  CHECK(run(*later, "COMMIT") == "Error: UNIQUE constraint failed: t.b\n");
  CHECK_FALSE(later->in_transaction());

  run(*later, "BEGIN");  // an insert that is gone again before the commit has still been refused
  CHECK(run(*later, "INSERT INTO t VALUES(1, 'z')") == "");
  CHECK(run(*later, "DELETE FROM t WHERE a = 1") == "");
  CHECK(run(*later, "COMMIT") == "Error: UNIQUE constraint failed: t.a\n");
  CHECK(run(*later, "SELECT a, b FROM t ORDER BY a") == "1|x\n2|y\n");
}

TEST_CASE("what statements cost in requests") {
  Database database;
  const auto session = database.session();
  script(*session, "CREATE TABLE t(a INTEGER PRIMARY KEY, b UNIQUE, c); CREATE TABLE ch(id INTEGER PRIMARY KEY, t REFERENCES t);");
  const auto cost = [&](const std::string& sql) {
    database.kv.reset_counters();
    CHECK(run(*session, sql) == "");
    return database.kv.counters();
  };
  std::string rows;
  std::string children;
  for (int i = 1; i <= 500; ++i) {
    const std::string n = std::to_string(i);
    rows += (i == 1 ? "(" : ", (") + n + ", 'b" + n + "', 0)";
    children += (i == 1 ? "(" : ", (") + n + ", " + n + ")";
  }
  const auto insert = cost("INSERT INTO t VALUES" + rows);
  CHECK(insert.reads() == 0);
  CHECK(insert.commits == 1);
  CHECK(cost("INSERT INTO t VALUES" + rows + " ON CONFLICT(a) DO UPDATE SET c = c + 1").reads() <= 2);
  CHECK(cost("INSERT OR REPLACE INTO t VALUES" + rows).reads() <= 2);
  CHECK(cost("INSERT INTO ch VALUES" + children).reads() == 1);
  CHECK(cost("UPDATE t SET c = 5 WHERE a = 7").reads() == 1);
  CHECK(cost("DELETE FROM ch WHERE id = 7").reads() == 1);
  const auto update = cost("UPDATE t SET c = c + 1");
  CHECK(update.reads() <= 4);
  CHECK(update.commits == 1);
}

TEST_CASE("bounds: a transaction's size, a key's length") {
  Database database;
  const auto session = database.session({.transaction_bytes_max = 1 << 20});
  run(*session, "CREATE TABLE t(a INTEGER PRIMARY KEY, b)");
  run(*session, "CREATE TABLE k(a TEXT PRIMARY KEY)");
  const auto large = error_of(*session, "INSERT INTO t VALUES(1, zeroblob(2000000))");
  CHECK(large.sqlstate == "54000");
  CHECK(large.error.message.starts_with("transaction too large: 2000"));
  CHECK(large.error.message.ends_with(" bytes, over the limit of 1048576"));
  for (int i = 0; i < 6; ++i) run(*session, "INSERT INTO t VALUES(" + std::to_string(i) + ", zeroblob(200000))");
  CHECK(error_of(*session, "UPDATE t SET b = b || 'x'").sqlstate == "54000");
  CHECK(run(*session, "SELECT count(*), sum(length(b)) FROM t") == "6|1200000\n");
  const auto key = error_of(*session, "INSERT INTO k VALUES('" + std::string(600, 'k') + "')");
  CHECK(key.error.code == Code::too_long);
  CHECK(key.error.message.find("table k") != std::string::npos);
}

TEST_CASE("DDL in a transaction: what it creates goes when it is rolled back") {
  Database database;
  const auto session = database.session();
  const auto tables = [&] { return run(*session, "SELECT name FROM sqlite_master ORDER BY name"); };

  SUBCASE("a script cut in the middle leaves nothing") {
    script(*session, "BEGIN; CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 'x'); CREATE VIEW v AS SELECT a FROM t;"
                     "CREATE TABLE u(c REFERENCES t); CREATE INDEX i ON t(a);");
    CHECK(run(*session, "SELECT * FROM t WHERE a = 1") == "1|x\n");
    session->rollback();
    CHECK(tables() == "");
    CHECK(run(*session, "SELECT * FROM t") == "Error: no such table: t\n");
  }
  SUBCASE("one that ends leaves everything") {
    CHECK(script(*session, "BEGIN; CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 'x'), (2, 'y');"
                           "CREATE UNIQUE INDEX i ON t(b); CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM t WHERE a = 1; END;"
                           "INSERT INTO t VALUES(3, 'z'); COMMIT;") == "");
    CHECK(run(*session, "SELECT a FROM t WHERE b = 'y'") == "2\n");
    CHECK(run(*session, "SELECT a FROM t ORDER BY a") == "2\n3\n");
    CHECK(run(*session, "INSERT INTO t VALUES(4, 'z')") == "Error: UNIQUE constraint failed: t.b\n");
  }
  SUBCASE("a unique index over rows that forbid it") {
    script(*session, "BEGIN; CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 'x'), (2, 'x');");
    CHECK(run(*session, "CREATE UNIQUE INDEX i ON t(b)") == "Error: UNIQUE constraint failed: t.b\n");
    CHECK(run(*session, "COMMIT") == "");
    CHECK(run(*session, "INSERT INTO t VALUES(3, 'x')") == "");
    CHECK(tables() == "t\n");
  }
  SUBCASE("savepoints take their objects along") {
    script(*session, "BEGIN; CREATE TABLE t(a); SAVEPOINT s; CREATE TABLE u(a); INSERT INTO u VALUES(1); INSERT INTO t VALUES(2);");
    CHECK(run(*session, "ROLLBACK TO s") == "");
    CHECK(run(*session, "SELECT * FROM u") == "Error: no such table: u\n");
    CHECK(run(*session, "SELECT count(*) FROM t") == "0\n");
    CHECK(run(*session, "COMMIT") == "");
    CHECK(tables() == "t\n");
  }
  SUBCASE("a failed COMMIT takes them too") {
    script(*session, "BEGIN; CREATE TABLE t(a); INSERT INTO t VALUES(1);");
    fail_commits(database, 100);
    CHECK(error_of(*session, "COMMIT").sqlstate == "40001");
    database.kv.on_request = nullptr;
    CHECK(tables() == "");
  }
  SUBCASE("what was there before stays, and other DDL commits what came before it") {
    run(*session, "CREATE TABLE old(a)");
    script(*session, "BEGIN; CREATE TABLE IF NOT EXISTS old(a); INSERT INTO old VALUES(1); ALTER TABLE old ADD COLUMN b;"
                     "INSERT INTO old VALUES(2, 2); ROLLBACK;");
    CHECK(run(*session, "SELECT * FROM old") == "1|\n");
  }
}

TEST_CASE("a table that changes under an open transaction restarts it") {
  Database database;
  const auto session = database.session();
  const auto other = database.session();
  run(*other, "CREATE TABLE t(a INTEGER PRIMARY KEY, b)");
  run(*session, "BEGIN");
  CHECK(run(*session, "SELECT count(*) FROM t") == "0\n");
  run(*session, "INSERT INTO t VALUES(1, 'x')");
  CHECK(run(*other, "CREATE INDEX i ON t(b)") == "");
  CHECK(error_of(*session, "COMMIT").sqlstate == "40001");
  CHECK(run(*session, "INSERT INTO t VALUES(1, 'x')") == "");
  CHECK(run(*session, "SELECT a FROM t WHERE b = 'x'") == "1\n");
}

TEST_CASE("sqlite_sequence as dumps write it") {
  Database database;
  const auto session = database.session();
  CHECK(script(*session, "CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, b); DELETE FROM sqlite_sequence;"
                         "INSERT INTO sqlite_sequence VALUES('t', 41); INSERT INTO t(b) VALUES('x');") == "");
  CHECK(run(*session, "SELECT a FROM t") == "42\n");
  CHECK(run(*session, "INSERT INTO sqlite_sequence(rowid, name, seq) VALUES(1, 't', 50)") == "");
  CHECK(run(*session, "SELECT seq FROM sqlite_sequence") == "50\n");
}

TEST_CASE("sqlite_sequence shows what AUTOINCREMENT has given, and in a query only") {
  Database database;
  const auto session = database.session();
  CHECK(script(*session, "CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT); CREATE TABLE never(a INTEGER PRIMARY KEY AUTOINCREMENT);"
                         "CREATE TABLE plain(a INTEGER PRIMARY KEY); INSERT INTO t VALUES(7); INSERT INTO t VALUES(NULL); DELETE FROM t;"
                         "INSERT INTO plain VALUES(NULL)") == "");
  CHECK(run(*session, "SELECT name, seq FROM sqlite_sequence") == "t|8\n");
  CHECK(error_of(*session, "UPDATE sqlite_sequence SET seq = 0").error.message.contains("INSERT and DELETE only"));
}

TEST_CASE("a sink that fails stops the statement; an interrupt too") {
  Database database;
  const auto session = database.session();
  Rows rows;
  rows.fail_after = 3;
  const auto cut = session->execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n", {}, rows);
  REQUIRE_FALSE(cut.has_value());
  CHECK(cut.error().error.code == Code::io);

  class Interrupting final : public sql::RowSink {
   public:
    explicit Interrupting(sql::Session& session) : session_{session} {}
    Result<void> columns(std::span<const sql::ColumnInfo>) override { return {}; }
    Result<void> row(std::span<const sql::ValueView>) override {
      session_.interrupt();
      return {};
    }

   private:
    sql::Session& session_;
  } sink{*session};
  const auto stopped = session->execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n", {}, sink);
  REQUIRE_FALSE(stopped.has_value());
  CHECK(stopped.error().sqlstate == "57014");
  CHECK(run(*session, "SELECT 1") == "1\n");
}

TEST_CASE("EXPLAIN shows plans of queries and changes") {
  Database database;
  const auto session = database.session();
  run(*session, "CREATE TABLE t(a INTEGER PRIMARY KEY, b)");
  CHECK(run(*session, "EXPLAIN QUERY PLAN SELECT * FROM t WHERE a = 1").find("primary key") != std::string::npos);
  CHECK(run(*session, "EXPLAIN QUERY PLAN UPDATE t SET b = 1 WHERE a = 1").find("Error") == std::string::npos);
  CHECK(run(*session, "EXPLAIN INSERT INTO t VALUES(1, 2)").find("Error") == std::string::npos);
  CHECK(run(*session, "SELECT count(*) FROM t") == "0\n");
}

TEST_CASE("names that internals use are refused, others like them are not") {
  Database database;
  const auto session = database.session();
  run(*session, "CREATE TABLE t(a)");
  CHECK(run(*session, "SELECT * FROM \"t$w\"") == "Error: the name \"t$w\" is reserved\n");
  CHECK(run(*session, "CREATE TABLE t$w(a)") == "Error: the name t$w is reserved\n");
  CHECK(run(*session, "SELECT 1 AS \"price $w\"") == "1\n");
  CHECK(run(*session, "ATTACH 'x' AS y") == "Error: ATTACH is not supported\n");
}

TEST_CASE("ALTER TABLE ADD PRIMARY KEY: rows, indexes, triggers, foreign keys and rowids go on as they were") {
  Database database;
  auto session = database.session();
  script(*session, "CREATE TABLE p(a integer NOT NULL, b text UNIQUE, c);"
                   "CREATE INDEX pc ON p(c);"
                   "CREATE TABLE log(x);"
                   "CREATE TRIGGER g AFTER UPDATE ON p BEGIN INSERT INTO log VALUES(new.c); END;"
                   "CREATE TABLE q(a REFERENCES p(b) ON DELETE CASCADE);"
                   "INSERT INTO p VALUES(3, 'x', 1), (1, 'y', 2), (2, 'z', 2);"
                   "INSERT INTO q VALUES('z');");
  CHECK(run(*session, "ALTER TABLE main.p ADD PRIMARY KEY (a)") == "");
  CHECK(run(*session, "SELECT rowid, a, b FROM p WHERE a > 0 ORDER BY a") == "2|1|y\n3|2|z\n1|3|x\n");
  CHECK(run(*session, "SELECT a FROM p WHERE c = 2 ORDER BY a") == "1\n2\n");
  CHECK(run(*session, "EXPLAIN QUERY PLAN SELECT c FROM p WHERE a = 2").find("a=?") != std::string::npos);
  CHECK(run(*session, "INSERT INTO p VALUES(2, 'w', 0)") == "Error: UNIQUE constraint failed: p.a\n");
  CHECK(run(*session, "INSERT INTO p VALUES(4, 'x', 0)") == "Error: UNIQUE constraint failed: p.b\n");
  CHECK(run(*session, "INSERT INTO p VALUES(4, 'w', 0) RETURNING rowid > 3") == "1\n");
  CHECK(run(*session, "UPDATE p SET c = 9 WHERE a = 2") == "");
  CHECK(run(*session, "DELETE FROM p WHERE a = 2") == "");
  CHECK(run(*session, "SELECT (SELECT count(*) FROM q), x FROM log") == "0|9\n");
  CHECK(run(*session, "ALTER TABLE p ADD PRIMARY KEY (b)") == "Error: table \"p\" has more than one primary key\n");
}
