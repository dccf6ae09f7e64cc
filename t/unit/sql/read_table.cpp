#include "sql/read_table.hpp"

#include "unit/sql/twin.hpp"

using namespace ddb;
using sql::Value;
using test::Rows;
using test::Twin;

namespace {

void fill(Twin& twin, int rows) {
  twin.dml("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " + std::to_string(rows) +
           ") INSERT INTO t SELECT i, 'name' || i, i % 10, i / 2.0 FROM n");
  twin.load();
}

}  // namespace

TEST_CASE("a point read costs exactly one request") {
  Twin twin;
  twin.ddl("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT UNIQUE, kind INTEGER, x REAL)");
  twin.ddl("CREATE TABLE c(a TEXT, b INT, v, PRIMARY KEY(a, b))");
  twin.dml("INSERT INTO c VALUES('k', 1, 'one'), ('k', 2, 'two')");
  fill(twin, 1000);
  CHECK(twin.requests("SELECT * FROM t WHERE id = 17") == 1);
  CHECK(twin.requests("SELECT * FROM t WHERE id = ?", {Value{"17"}}) == 1);
  CHECK(twin.requests("SELECT * FROM t WHERE rowid = 17") == 1);
  CHECK(twin.requests("SELECT * FROM t WHERE id = 5000") == 1);
  CHECK(twin.requests("SELECT * FROM t WHERE id = NULL") == 0);
  CHECK(twin.requests("SELECT v FROM c WHERE b = 2 AND a = 'k'") == 1);
  CHECK(twin.requests("SELECT x FROM t WHERE name = 'name9'") == 2);  // the entry, then the row
  CHECK(twin.requests("SELECT id FROM t WHERE name = 'name9'") == 1);
  twin.check_same("SELECT * FROM t WHERE id = 17");
  twin.check_same("SELECT * FROM c WHERE b = 2 AND a = 'k'");
}

TEST_CASE("lists on a full key are one multi-get") {
  Twin twin;
  twin.ddl("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT UNIQUE, kind INTEGER, x REAL)");
  fill(twin, 1000);
  CHECK(twin.requests("SELECT * FROM t WHERE id IN (1, 5, 9, 700, 2000)") == 1);
  CHECK(twin.requests("SELECT * FROM t WHERE name IN ('name1', 'name5', 'none')") == 2);
  twin.check_same("SELECT * FROM t WHERE id IN (9, 5, 1, 5, NULL, '700')");
  twin.check_same("SELECT * FROM t WHERE id IN (9, 5, 1, 700) ORDER BY id DESC", true);
}

TEST_CASE("pages grow, and a limit sizes the first one") {
  Twin twin;
  twin.ddl("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, kind INTEGER, x REAL)");
  twin.ddl("CREATE INDEX t_kind ON t(kind)");
  fill(twin, 5000);
  CHECK(twin.requests("SELECT count(*), sum(x) FROM t") == 3);  // 256, 1024, 4096
  CHECK(twin.requests("SELECT * FROM t ORDER BY id LIMIT 10") == 1);
  CHECK(twin.kv().counters().rows == 10);
  twin.check_same("SELECT * FROM t ORDER BY id LIMIT 9223372036854775807 OFFSET 4990", true);
  twin.check_same("SELECT * FROM t ORDER BY id LIMIT -1 OFFSET 4990", true);
  CHECK(twin.requests("SELECT * FROM t ORDER BY id DESC LIMIT 10 OFFSET 5") == 1);
  CHECK(twin.kv().counters().rows == 15);
  CHECK(twin.requests("SELECT * FROM t WHERE kind = 3 ORDER BY id LIMIT 5") == 2);
  CHECK(twin.kv().counters().rows == 10);
  twin.check_same("SELECT * FROM t WHERE kind = 3 AND name LIKE '%7' ORDER BY id DESC LIMIT 5", true);
  CHECK(twin.requests("SELECT id FROM t WHERE kind = 3 LIMIT 20") == 1);  // covered
}

TEST_CASE("a scan that has gone beyond its first page is read ahead for, without a limit; one that ends early says so") {
  Twin twin;
  twin.ddl("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, kind INTEGER, x REAL)");
  fill(twin, 5000);
  const auto counters = [&](const std::string& text) {
    twin.requests(text);
    return twin.kv().counters();
  };
  CHECK(counters("SELECT count(*) FROM t").ahead > 0);
  CHECK(counters("SELECT count(*) FROM t").left == 0);
  CHECK(counters("SELECT * FROM t WHERE id BETWEEN 5 AND 99").ahead == 0);
  CHECK(counters("SELECT * FROM t ORDER BY id LIMIT 4000").ahead == 0);
  CHECK(counters("SELECT EXISTS (SELECT 1 FROM t WHERE id + 0 = 20)").ahead == 0);
  CHECK(counters("SELECT EXISTS (SELECT 1 FROM t WHERE id + 0 = 500)").left == 1);
}

TEST_CASE("indexes are chosen over scans, orders are used, and plans can be read") {
  Twin twin;
  twin.ddl("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, kind INTEGER, x REAL)");
  twin.ddl("CREATE INDEX t_kind_x ON t(kind, x DESC)");
  fill(twin, 10);
  const auto plan = [&](const std::string& text) { return twin.explain(text); };
  const auto has = [](const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; };
  CHECK(has(plan("SELECT * FROM t WHERE kind = 3"), "t_kind_x(kind=?)"));
  CHECK(has(plan("SELECT * FROM t WHERE kind = 3 AND x > 1"), "t_kind_x(kind=? AND x>?)"));
  CHECK(has(plan("SELECT * FROM t WHERE id > 3"), "primary key(id>?)"));
  CHECK(has(plan("SELECT * FROM t WHERE id = 3 AND kind = 4"), "primary key(id=?)"));
  CHECK_FALSE(has(plan("SELECT * FROM t WHERE kind = 3 ORDER BY x DESC"), "TEMP B-TREE"));
  CHECK(has(plan("SELECT * FROM t WHERE kind = 3 ORDER BY x"), "down"));
  CHECK(has(plan("SELECT * FROM t ORDER BY x"), "TEMP B-TREE"));
  CHECK_FALSE(has(plan("SELECT kind, count(*) FROM t GROUP BY kind"), "TEMP B-TREE"));
  CHECK(has(plan("SELECT * FROM t a, t b WHERE a.kind = 3 AND b.id = a.x"), "primary key(id=?)"));
  CHECK(has(plan("SELECT * FROM t a JOIN t b ON b.name = a.name"), "automatic(name=?)"));
}

TEST_CASE("a join costs requests by the page, not by the row") {
  Twin twin;
  twin.ddl("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, kind INTEGER, x REAL)");
  twin.ddl("CREATE TABLE k(a INT, b TEXT, v, PRIMARY KEY(a, b))");
  twin.ddl("CREATE TABLE u(id INTEGER PRIMARY KEY, code TEXT UNIQUE, v)");
  twin.dml("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
           "INSERT INTO k SELECT i, 'c', i * 2 FROM n");
  twin.dml("INSERT INTO u SELECT a, 'name' || a, v FROM k");
  fill(twin, 3000);
  const std::string by_key = "SELECT sum(t2.x) FROM t t1 CROSS JOIN t t2 ON t2.id = t1.kind * 0 + t1.id";
  const std::string by_column = "SELECT sum(u.v) FROM t CROSS JOIN u ON u.id = t.id";
  const std::string by_two = "SELECT sum(k.v) FROM t CROSS JOIN k ON k.a = t.id AND k.b = 'c'";
  const std::string by_unique = "SELECT sum(u.v) FROM t CROSS JOIN u ON u.code = t.name";
  const std::string unindexed = "SELECT count(*) FROM t CROSS JOIN u ON u.v = t.id";
  const std::string correlated = "SELECT sum((SELECT v FROM u WHERE u.id = t.id)) FROM t";
  for (const auto& text : {by_key, by_column, by_two, by_unique, unindexed, correlated}) {
    CHECK_MESSAGE(twin.requests(text) <= 24, text << ": " << twin.kv().counters().reads());
    twin.begin();
    twin.check_same(text);
  }
}

TEST_CASE("a table that changed, and rows older than its columns") {
  Twin twin;
  twin.ddl("CREATE TABLE t(id INTEGER PRIMARY KEY, a, b)");
  twin.dml("INSERT INTO t VALUES(1, 'a', 'b'), (2, NULL, 5)");
  twin.load();
  const auto rows = twin.kv().all();
  twin.ddl("ALTER TABLE t ADD COLUMN c INT DEFAULT '7'");
  twin.ddl("ALTER TABLE t RENAME COLUMN a TO aa");
  twin.ddl("ALTER TABLE t ADD COLUMN g AS (aa || '!') VIRTUAL");
  twin.ddl("ALTER TABLE t DROP COLUMN b");
  twin.ddl("ALTER TABLE t RENAME TO tt");
  twin.begin();
  CHECK(rows == twin.kv().all());  // no row was rewritten
  twin.check_same("SELECT *, typeof(c), rowid FROM tt");
  twin.ddl("ALTER TABLE tt ADD COLUMN b TEXT");  // another b
  twin.begin();
  twin.check_same("SELECT *, b FROM tt");
}

TEST_CASE("hidden columns lead to what must be paged in") {
  Twin twin;
  twin.ddl("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, kind INTEGER, x REAL)");
  twin.ddl("CREATE INDEX t_kind ON t(kind)");
  fill(twin, 20);
  const Rows rows = twin.query("SELECT \"$key\", \"$row\" FROM t WHERE kind = 3");
  REQUIRE(rows.size() == 2);
  const auto row = sql::decode_row(twin.table("t"), std::get<codec::Blob>(rows[0][0]).bytes, std::get<codec::Blob>(rows[0][1]).bytes);
  REQUIRE(row);
  CHECK(row->rowid == 3);
  CHECK(row->values[1] == Value{"name3"});
  CHECK(twin.query("SELECT * FROM t WHERE id = 1").front().size() == 4);
}

TEST_CASE("views, sqlite_schema, rowid names and tables that go") {
  Twin twin;
  twin.ddl("CREATE TABLE t(id TEXT PRIMARY KEY, v)");
  twin.ddl("CREATE VIEW w AS SELECT id, v + 1 AS v1 FROM t");
  twin.dml("INSERT INTO t(rowid, id, v) VALUES(5, 'a', 1), (9, 'b', 2)");
  twin.load();
  twin.check_same("SELECT * FROM w WHERE v1 > 2");
  twin.check_same("SELECT rowid, _rowid_, oid, * FROM main.t WHERE rowid = 9");
  CHECK(test::show(twin.query("SELECT type, name, tbl_name, sql FROM \"$schema\"")) ==
        test::show(twin.expected("SELECT type, name, tbl_name, sql FROM sqlite_schema")));
  twin.ddl("DROP VIEW w");
  twin.ddl("DROP TABLE t");
  twin.begin();
  CHECK(test::show(twin.query("SELECT * FROM t")) == "'error: no such table: t'|\n");
  CHECK(test::show(twin.query("SELECT * FROM w")) == "'error: no such table: w'|\n");
}

TEST_CASE("a failed request fails the statement, and its code is kept") {
  Twin twin;
  twin.ddl("CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
  twin.dml("INSERT INTO t VALUES(1, 2)");
  twin.load();
  twin.kv().on_request = [](const char*) -> Result<void> { return fail(Code::conflict, "someone was faster"); };
  CHECK(test::show(twin.query("SELECT * FROM t")) == "'error: someone was faster'|\n");
  const auto error = twin.tables().take_error();
  REQUIRE(error);
  CHECK(error->code == Code::conflict);
  CHECK_FALSE(twin.tables().take_error());
}
