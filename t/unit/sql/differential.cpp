// The same statements on stock SQLite and on a session: rows, error texts, changes() and last_insert_rowid() agree.

#include <doctest/doctest.h>
#include <sqlite3.h>

#include "database.hpp"
#include "env/random.hpp"
#include "sql/statement.hpp"

using namespace ddb;
using namespace ddb::test;

namespace {

/// Of several violations at once each engine may name another.
std::string unnamed(std::string out) {
  const size_t at = out.find("UNIQUE constraint failed");
  return at == out.npos ? out : out.substr(0, at) + "UNIQUE\n";
}

enum class Rowids { same, may_have_gaps };  // a failed INSERT does not give back the rowids it drew

/// Compares after every statement; stops at the first difference. Counts of a failed statement are left aside: SQLite
/// counts what its triggers had done.
void same(std::string_view text, Rowids rowids = Rowids::same) {
  Database database;
  Stock stock;
  const auto session = database.session();
  sql::StatementSplitter splitter;
  splitter.feed(text);
  std::string_view statement;
  while (splitter.next(statement)) {
    CAPTURE(std::string{statement});
    const int64_t total = session->total_changes();
    const int64_t stock_total = stock.total_changes();
    const std::string expected = stock.run(statement);
    const std::string got = run(*session, statement);
    REQUIRE((rowids == Rowids::same ? got : unnamed(got)) == (rowids == Rowids::same ? expected : unnamed(expected)));
    REQUIRE(session->in_transaction() == !sqlite3_get_autocommit(stock.get()));
    REQUIRE(session->changes() == stock.changes());
    if (expected.starts_with("Error")) continue;
    REQUIRE(session->total_changes() - total == stock.total_changes() - stock_total);
    const bool insert = statement.find("INSERT") < 3;
    if (insert && rowids == Rowids::same) REQUIRE(session->last_insert_rowid() == stock.last_insert_rowid());
  }
  CHECK(sql::is_blank(splitter.rest()));
}

}  // namespace

TEST_CASE("INSERT: forms, defaults, affinities, rowids") {
  same(R"(
CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT DEFAULT 'd', c REAL, d NUMERIC, e BLOB, f);
INSERT INTO t VALUES(1, 2, 3, '4.0', 5, '6');
INSERT INTO t(b) VALUES('x'), (NULL), (12);
INSERT INTO t DEFAULT VALUES;
INSERT INTO t(c, a) VALUES('1e2', '77');
INSERT INTO t VALUES(NULL, x'616263', 'abc', 1e400, -0.0, 9223372036854775808);
INSERT INTO t(a, b) VALUES(-5, 'neg'), (NULL, 'after');
INSERT INTO t(rowid, b) VALUES(200, 'r'), (NULL, 's');
INSERT INTO t(_rowid_, b) VALUES((SELECT max(a) + 10 FROM t), 'q');
SELECT *, typeof(a), typeof(b), typeof(c), typeof(d), typeof(e), typeof(f) FROM t ORDER BY a;
INSERT INTO t(a) VALUES('abc');
INSERT INTO t(a, b) VALUES(1);
INSERT INTO t VALUES(1, 2);
INSERT INTO t(nope) VALUES(1);
INSERT INTO nope VALUES(1);
INSERT INTO t(b) SELECT b || '!' FROM t WHERE a < 5;
INSERT INTO t SELECT a + 1000, b, c, d, e, f FROM t ORDER BY a DESC LIMIT 3;
WITH x(v) AS (VALUES ('w1'), ('w2')) INSERT INTO t(b) SELECT v FROM x;
INSERT INTO t(b) WITH x(v) AS (VALUES ('y1'), ('y2')) SELECT v FROM x;
INSERT INTO t(b) VALUES((SELECT count(*) FROM t)), ((SELECT count(*) FROM t));
SELECT a, b FROM t ORDER BY a;
CREATE TABLE n(x, y DEFAULT (1 + 2), z INT NOT NULL);
INSERT INTO n(z) VALUES(1), (2);
INSERT INTO n VALUES(1, 2, NULL);
INSERT INTO n(x) VALUES(1);
INSERT INTO n(oid, z) VALUES(50, 3);
INSERT INTO n(z) VALUES(4);
SELECT rowid, * FROM n;
INSERT INTO main.n(z) VALUES(5);
INSERT INTO other.n(z) VALUES(5);
INSERT INTO n(z) VALUES(1, 2), (3);
)");
}

TEST_CASE("INSERT: what happens on conflict") {
  same(R"(
CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT UNIQUE, c);
INSERT INTO t VALUES(1, 'one', 1), (2, 'two', 2), (3, 'three', 3);
INSERT INTO t VALUES(2, 'x', 9);
INSERT INTO t VALUES(9, 'two', 9);
INSERT INTO t VALUES(10, 'ten', 1), (11, 'one', 1);
SELECT * FROM t ORDER BY a;
INSERT OR IGNORE INTO t VALUES(2, 'x', 9), (20, 'twenty', 20), (21, 'one', 1);
SELECT * FROM t ORDER BY a;
INSERT OR REPLACE INTO t VALUES(1, 'two', 'both');
REPLACE INTO t VALUES(30, 'thirty', 0), (3, 'thirty', 1);
SELECT * FROM t ORDER BY a;
INSERT OR FAIL INTO t VALUES(40, 'forty', 0), (41, 'forty', 1), (42, 'x', 1);
SELECT * FROM t ORDER BY a;
INSERT INTO t VALUES(1, 'n', 5) ON CONFLICT(a) DO UPDATE SET c = c || excluded.c, b = t.b || excluded.b;
INSERT INTO t VALUES(99, 'forty', 5) ON CONFLICT(b) DO UPDATE SET c = 'up' WHERE excluded.a > 50;
INSERT INTO t VALUES(98, 'forty', 6) ON CONFLICT(a) DO NOTHING;
INSERT INTO t VALUES(97, 'forty', 6) ON CONFLICT DO NOTHING;
INSERT INTO t SELECT a, b || 'z', c FROM t WHERE true ON CONFLICT(a) DO UPDATE SET b = excluded.b RETURNING a, b;
INSERT INTO t AS x VALUES(1, 'q', 7) ON CONFLICT(a) DO UPDATE SET c = x.c + 1 RETURNING *;
INSERT INTO t VALUES(50, 'a', 1), (51, 'b', 1), (50, 'c', 2) ON CONFLICT(a) DO UPDATE SET c = c + 10;
SELECT * FROM t ORDER BY a;
INSERT INTO t VALUES(1, 'n', 5) ON CONFLICT(c) DO NOTHING;
BEGIN;
INSERT INTO t VALUES(60, 'in', 0);
INSERT OR ROLLBACK INTO t VALUES(61, 'in', 0);
SELECT count(*) FROM t WHERE a = 60;
CREATE TABLE u(k UNIQUE ON CONFLICT REPLACE, v, w UNIQUE ON CONFLICT IGNORE);
INSERT INTO u VALUES(1, 'a', 1), (1, 'b', 2), (2, 'c', 2);
INSERT INTO u VALUES(NULL, 'n', 7), (NULL, 'm', 8);
SELECT * FROM u ORDER BY v;
)",
       Rowids::may_have_gaps);
}

TEST_CASE("UPDATE and DELETE") {
  same(R"(
CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c INT);
CREATE INDEX tb ON t(b);
CREATE UNIQUE INDEX tc ON t(c);
INSERT INTO t VALUES(1, 'one', 10), (2, 'two', 20), (3, 'three', 30), (4, 'four', NULL), (5, 'five', NULL);
UPDATE t SET b = b || '!' WHERE a IN (1, 3) RETURNING a, b, t.c + 1;
UPDATE t SET a = a + 10 WHERE a > 3;
UPDATE t SET a = 1 WHERE a = 2;
UPDATE t SET c = 10 WHERE a = 2;
UPDATE t SET c = c + 5;
UPDATE t SET a = a - 1;
SELECT * FROM t ORDER BY a;
UPDATE OR REPLACE t SET c = 15 WHERE a = 1;
UPDATE OR IGNORE t SET c = 15;
SELECT * FROM t ORDER BY a;
UPDATE t AS x SET b = (SELECT count(*) FROM t WHERE a < x.a);
SELECT * FROM t ORDER BY a;
CREATE TABLE s(k, v);
INSERT INTO s VALUES(1, 'from1'), (13, 'from13');
UPDATE t SET b = s.v FROM s WHERE t.a = s.k;
UPDATE t SET b = b || m FROM (SELECT max(v) AS m FROM s) WHERE t.b LIKE 'f%';
UPDATE t SET (b, c) = (SELECT v, k FROM s WHERE k = t.a) WHERE a = 13;
SELECT * FROM t ORDER BY a;
WITH w AS (SELECT 1 AS k) UPDATE t SET b = 'with' WHERE a IN (SELECT k FROM w);
UPDATE t SET b = 'lim' ORDER BY a DESC LIMIT 1;
SELECT * FROM t ORDER BY a;
DELETE FROM t WHERE b = 'lim' RETURNING *;
DELETE FROM t WHERE a IN (SELECT k FROM s) RETURNING a;
DELETE FROM t ORDER BY a LIMIT 1 OFFSET 1;
SELECT * FROM t ORDER BY a;
WITH w AS (SELECT max(a) AS m FROM t) DELETE FROM t WHERE a = (SELECT m FROM w);
DELETE FROM t;
SELECT count(*) FROM t;
UPDATE t SET nope = 1;
UPDATE nope SET a = 1;
DELETE FROM t WHERE nope = 1;
DELETE FROM t WHERE t.b = 'x' AND main.t.a = 1;
UPDATE t NOT INDEXED SET b = 1 WHERE b = 2;
UPDATE t INDEXED BY nope SET b = 1 WHERE b = 2;
)");
}

TEST_CASE("constraints say what SQLite says") {
  same(R"(
CREATE TABLE t(a INT PRIMARY KEY, b TEXT NOT NULL CHECK(length(b) < 5), c INT CONSTRAINT positive CHECK(c > 0), UNIQUE(b, c));
INSERT INTO t VALUES(1, 'abcde', 1);
INSERT INTO t VALUES(1, 'abc', 0);
INSERT INTO t VALUES(1, NULL, 1);
INSERT INTO t VALUES(1, 'abc', 1);
INSERT INTO t VALUES(1, 'abd', 1);
INSERT INTO t VALUES(2, 'abc', 1);
UPDATE t SET b = NULL;
UPDATE t SET c = -1;
INSERT OR IGNORE INTO t VALUES(3, NULL, 1);
INSERT OR REPLACE INTO t VALUES(3, NULL, 1);
INSERT INTO t VALUES(NULL, 'n1', 5), (NULL, 'n2', 5);
SELECT * FROM t ORDER BY b;
CREATE TABLE w(a TEXT, b INT, c, PRIMARY KEY(a, b)) WITHOUT ROWID;
INSERT INTO w VALUES('x', 1, 'p'), ('x', 2, 'q');
INSERT INTO w VALUES('x', 1, 'r');
INSERT INTO w VALUES(NULL, 1, 'r');
UPDATE w SET b = b + 1;
UPDATE w SET b = 5 - b, c = c || '.';
DELETE FROM w WHERE b = 2;
INSERT OR REPLACE INTO w VALUES('x', 3, 'new');
SELECT * FROM w;
CREATE TABLE s(a INTEGER PRIMARY KEY, b INT, c TEXT) STRICT;
INSERT INTO s VALUES(1, 'two', 'x');
INSERT INTO s VALUES(1, '2', 3);
SELECT *, typeof(b), typeof(c) FROM s;
CREATE TABLE k(a TEXT COLLATE NOCASE PRIMARY KEY, b);
INSERT INTO k VALUES('Abc', 1);
INSERT INTO k VALUES('aBC', 2);
INSERT INTO k VALUES('aBC', 3) ON CONFLICT(a) DO UPDATE SET b = excluded.b;
SELECT * FROM k;
CREATE UNIQUE INDEX ke ON k(b * 2) WHERE b > 2;
INSERT INTO k VALUES('other', 3);
INSERT INTO k VALUES('fine', 2), ('fine2', 2);
SELECT * FROM k ORDER BY a;
)",
       Rowids::may_have_gaps);
}

TEST_CASE("generated columns") {
  same(R"(
CREATE TABLE g(a INTEGER PRIMARY KEY, b INT, c AS (b * 2), d TEXT AS (b || '-' || a) STORED, e INT NOT NULL AS (b + 1));
INSERT INTO g VALUES(1, 10), (2, 20);
INSERT INTO g(b) VALUES(30);
SELECT * FROM g ORDER BY a;
CREATE UNIQUE INDEX gc ON g(c);
INSERT INTO g(b) VALUES(10);
UPDATE g SET b = b + 1 WHERE c = 40 RETURNING *;
INSERT INTO g(b, c) VALUES(1, 2);
INSERT INTO g(b) VALUES(NULL);
DELETE FROM g WHERE d = '10-1';
SELECT * FROM g ORDER BY a;
)");
}

TEST_CASE("transactions and savepoints") {
  same(R"(
CREATE TABLE t(a INTEGER PRIMARY KEY, b);
COMMIT;
ROLLBACK;
BEGIN;
BEGIN;
INSERT INTO t VALUES(1, 'a');
ROLLBACK;
SELECT count(*) FROM t;
BEGIN IMMEDIATE;
INSERT INTO t VALUES(1, 'a');
INSERT INTO t VALUES(1, 'b');
SELECT * FROM t;
END TRANSACTION;
SELECT * FROM t;
SAVEPOINT one;
INSERT INTO t VALUES(2, 'b');
SAVEPOINT two;
UPDATE t SET b = b || b;
DELETE FROM t WHERE a = 2;
SELECT * FROM t ORDER BY a;
ROLLBACK TO two;
SELECT * FROM t ORDER BY a;
ROLLBACK TRANSACTION TO SAVEPOINT one;
SELECT * FROM t ORDER BY a;
INSERT INTO t VALUES(3, 'c');
RELEASE SAVEPOINT one;
SELECT * FROM t ORDER BY a;
RELEASE one;
BEGIN;
SAVEPOINT x;
INSERT INTO t VALUES(4, 'd');
SAVEPOINT X;
INSERT INTO t VALUES(5, 'e');
ROLLBACK TO "x";
RELEASE x;
ROLLBACK TO nope;
COMMIT;
SELECT * FROM t ORDER BY a;
BEGIN;
UPDATE t SET a = a + 1 WHERE a = 4;
INSERT INTO t VALUES(4, 'again');
DELETE FROM t WHERE a = 4;
INSERT INTO t VALUES(4, 'third');
COMMIT;
SELECT * FROM t ORDER BY a;
BEGIN EXCLUSIVE TRANSACTION;
DELETE FROM t;
INSERT INTO t(b) VALUES('fresh');
SELECT b FROM t;
ROLLBACK;
SELECT changes(), total_changes();
BEGIN nonsense;
)",
       Rowids::may_have_gaps);
}

TEST_CASE("triggers") {
  same(R"(
CREATE TABLE t(a INTEGER PRIMARY KEY, b, c);
CREATE TABLE log(n INTEGER PRIMARY KEY, what);
CREATE TRIGGER ai AFTER INSERT ON t BEGIN INSERT INTO log(what) VALUES('i' || new.a || coalesce(new.b, '-')); END;
CREATE TRIGGER bu BEFORE UPDATE OF b ON t WHEN old.b IS NOT new.b BEGIN INSERT INTO log(what) VALUES(old.b || '>' || new.b); END;
CREATE TRIGGER ad AFTER DELETE ON t BEGIN DELETE FROM log WHERE what LIKE 'i' || old.a || '%'; UPDATE log SET what = what || '*' WHERE n = 1; END;
INSERT INTO t VALUES(1, 'x', 0), (2, 'y', 0), (3, NULL, 0);
UPDATE t SET b = 'z' WHERE a < 3;
UPDATE t SET c = 1;
DELETE FROM t WHERE a = 2;
SELECT what FROM log ORDER BY n;
SELECT * FROM t ORDER BY a;
CREATE TRIGGER guard BEFORE INSERT ON t WHEN new.c < 0 BEGIN SELECT RAISE(ABORT, 'negative c'); END;
CREATE TRIGGER skip BEFORE INSERT ON t WHEN new.c = 99 BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER failing AFTER INSERT ON t WHEN new.c = 98 BEGIN SELECT RAISE(FAIL, 'fails here'); END;
CREATE TRIGGER rolling AFTER INSERT ON t WHEN new.c = 97 BEGIN SELECT RAISE(ROLLBACK, 'rolls back'); END;
INSERT INTO t VALUES(10, 'n', 5), (11, 'n', -1);
INSERT INTO t VALUES(10, 'n', 5), (11, 'n', 99), (12, 'n', 6);
INSERT INTO t VALUES(20, 'n', 5), (21, 'n', 98), (22, 'n', 6);
SELECT * FROM t ORDER BY a;
BEGIN;
INSERT INTO t VALUES(30, 'n', 5);
INSERT INTO t VALUES(31, 'n', 97);
SELECT * FROM t ORDER BY a;
SELECT what FROM log ORDER BY n;
CREATE TABLE total(k PRIMARY KEY, v);
CREATE TRIGGER count AFTER INSERT ON t BEGIN
  INSERT INTO total VALUES('n', 1) ON CONFLICT(k) DO UPDATE SET v = v + 1;
  INSERT OR REPLACE INTO total SELECT 'max', max(a) FROM t;
  UPDATE total SET v = total.v + 0 WHERE k = (SELECT k FROM total WHERE total.k = 'n');
END;
INSERT INTO t VALUES(40, 'n', 5), (41, 'n', 5), (42, 'n', 5);
SELECT * FROM total ORDER BY k;
CREATE TABLE self(a INTEGER PRIMARY KEY, parent, depth);
CREATE TRIGGER deepen AFTER UPDATE OF depth ON self BEGIN UPDATE self SET depth = new.depth + 1 WHERE parent = new.a; END;
INSERT INTO self VALUES(1, NULL, 0), (2, 1, 0), (3, 2, 0);
UPDATE self SET depth = 5 WHERE a = 1;
SELECT * FROM self ORDER BY a;
PRAGMA recursive_triggers = ON;
UPDATE self SET depth = 5 WHERE a = 1;
SELECT * FROM self ORDER BY a;
DROP TRIGGER ai;
INSERT INTO t VALUES(50, 'quiet', 5);
SELECT count(*) FROM log;
)");
}

TEST_CASE("views and INSTEAD OF triggers") {
  same(R"(
CREATE TABLE t(a INTEGER PRIMARY KEY, b);
CREATE VIEW v AS SELECT a, b, b || b AS bb FROM t;
INSERT INTO v(b) VALUES('x');
CREATE TRIGGER vi INSTEAD OF INSERT ON v BEGIN INSERT INTO t(b) VALUES(new.b); END;
CREATE TRIGGER vu INSTEAD OF UPDATE ON v BEGIN UPDATE t SET b = new.b WHERE a = old.a; END;
CREATE TRIGGER vd INSTEAD OF DELETE ON v BEGIN DELETE FROM t WHERE t.a = old.a; END;
INSERT INTO v(b) VALUES('x'), ('y');
SELECT * FROM v ORDER BY a;
UPDATE v SET b = 'z' WHERE bb = 'yy';
DELETE FROM v WHERE b = 'x';
SELECT * FROM v ORDER BY a;
CREATE VIEW vv(n) AS SELECT count(*) FROM v;
SELECT * FROM vv;
DROP VIEW vv;
SELECT * FROM vv;
)");
}

TEST_CASE("foreign keys") {
  same(R"(
CREATE TABLE p(a INTEGER PRIMARY KEY, b TEXT UNIQUE);
CREATE TABLE c(x INTEGER PRIMARY KEY, p INT REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE n(x, b TEXT REFERENCES p(b) ON DELETE SET NULL ON UPDATE CASCADE);
CREATE TABLE d(x, b TEXT DEFAULT 'def' REFERENCES p(b) ON DELETE SET DEFAULT);
CREATE TABLE r(x, p INT REFERENCES p(a) ON DELETE RESTRICT);
INSERT INTO p VALUES(1, 'one'), (2, 'two'), (3, 'three'), (4, 'def');
INSERT INTO c VALUES(1, 1), (2, 2), (3, NULL);
INSERT INTO c VALUES(4, 99);
INSERT INTO n VALUES('n1', 'one'), ('n2', 'two');
INSERT INTO n VALUES('n3', 'zero');
INSERT INTO d VALUES('d1', 'one'), ('d2', 'three');
INSERT INTO r VALUES('r', 2);
UPDATE c SET p = 5 WHERE x = 1;
UPDATE p SET a = 20 WHERE a = 2;
UPDATE p SET a = 10 WHERE a = 1;
UPDATE p SET b = 'uno' WHERE a = 10;
SELECT * FROM c ORDER BY x;
SELECT * FROM n ORDER BY x;
UPDATE d SET b = 'def' WHERE x = 'd1';
UPDATE p SET b = 'uno' WHERE a = 10;
DELETE FROM p WHERE a = 10;
DELETE FROM p WHERE a = 3;
DELETE FROM p WHERE a = 2;
DELETE FROM r;
DELETE FROM p WHERE a = 2;
SELECT * FROM p ORDER BY a;
SELECT * FROM c ORDER BY x;
SELECT * FROM n ORDER BY x;
SELECT * FROM d ORDER BY x;
CREATE TABLE tree(id INTEGER PRIMARY KEY, up INT REFERENCES tree ON DELETE CASCADE);
INSERT INTO tree VALUES(1, NULL), (2, 1), (3, 2), (4, 1), (5, 5);
DELETE FROM tree WHERE id = 1;
SELECT * FROM tree;
DELETE FROM tree;
CREATE TABLE late(x, p INT REFERENCES p(a) DEFERRABLE INITIALLY DEFERRED);
BEGIN;
INSERT INTO late VALUES('l', 77);
COMMIT;
INSERT INTO p VALUES(77, 'seventy-seven');
COMMIT;
INSERT INTO late VALUES('m', 78);
BEGIN;
PRAGMA defer_foreign_keys = ON;
INSERT INTO c VALUES(9, 79);
DELETE FROM c WHERE x = 9;
COMMIT;
BEGIN;
SAVEPOINT s;
INSERT INTO late VALUES('m', 78);
ROLLBACK TO s;
COMMIT;
SELECT * FROM late;
CREATE TABLE two(x, y, PRIMARY KEY(x, y));
CREATE TABLE child2(q, x, y, FOREIGN KEY(x, y) REFERENCES two ON UPDATE CASCADE);
INSERT INTO two VALUES(1, 'a'), (1, 'b');
INSERT INTO child2 VALUES('k', 1, 'a'), ('l', 1, NULL), ('m', NULL, 'zz');
INSERT INTO child2 VALUES('n', 1, 'c');
UPDATE two SET y = 'A' WHERE y = 'a';
SELECT * FROM child2 ORDER BY q;
DELETE FROM two WHERE y = 'A';
CREATE TABLE bad(x REFERENCES c(p));
INSERT INTO bad VALUES(1);
PRAGMA foreign_keys;
PRAGMA foreign_keys = OFF;
INSERT INTO c VALUES(500, 12345);
SELECT count(*) FROM c;
)",
       Rowids::may_have_gaps);
}

TEST_CASE("schema statements and their errors") {
  same(R"(
CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT);
CREATE TABLE t(x);
CREATE TABLE IF NOT EXISTS t(x);
CREATE INDEX ti ON t(b);
CREATE INDEX ti ON t(b);
CREATE INDEX bad ON t(nope);
CREATE TABLE bad(a, a);
INSERT INTO t VALUES(1, 'x'), (2, 'x');
CREATE TABLE c AS SELECT b, count(*) AS n, max(a) + 0.5 FROM t GROUP BY b;
SELECT * FROM c;
INSERT INTO c VALUES(1, 2, 3);
SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name;
SELECT count(*) FROM sqlite_schema;
DROP TABLE nope;
DROP TABLE IF EXISTS nope;
DROP INDEX ti;
DROP TABLE t;
SELECT * FROM t;
CREATE TABLE t(z);
INSERT INTO t VALUES(5);
SELECT * FROM t;
ALTER TABLE t RENAME TO t2;
SELECT * FROM t2;
ALTER TABLE t2 ADD COLUMN y DEFAULT 'new';
INSERT INTO t2(z) VALUES(6);
UPDATE t2 SET z = z * 2;
SELECT * FROM t2 ORDER BY z;
ALTER TABLE t2 RENAME COLUMN z TO zz;
SELECT zz FROM t2 ORDER BY zz;
PRAGMA table_info(t2);
SELEC 1;
SELECT * FROM;
REINDEX t2;
ANALYZE;
)");
}

TEST_CASE("AUTOINCREMENT never gives an id again") {
  same(R"(
CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, b);
INSERT INTO t(b) VALUES('x'), ('y');
INSERT INTO t VALUES(100, 'z');
DELETE FROM t WHERE a = 100;
INSERT INTO t(b) VALUES('after');
SELECT * FROM t ORDER BY a;
)");
}

TEST_CASE("random changes of one table") {
  Random random{20260};
  for (int round = 0; round < 6; ++round) {
    static constexpr const char* schemas[] = {
        "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT UNIQUE, c INT);",
        "CREATE TABLE t(a INT PRIMARY KEY, b TEXT COLLATE NOCASE, c INT, UNIQUE(b, c));",
        "CREATE TABLE t(a INT, b TEXT, c INT, PRIMARY KEY(c, a)) WITHOUT ROWID; CREATE UNIQUE INDEX ub ON t(b) WHERE c > 3;",
    };
    std::string script = schemas[round % 3];
    script += "CREATE TABLE log(n INTEGER PRIMARY KEY, x); CREATE INDEX tc ON t(c);";
    if (round % 2 == 1) {
      script += "CREATE TRIGGER tu AFTER UPDATE ON t BEGIN INSERT INTO log(x) VALUES(old.a || '>' || new.a); END;";
      script += "CREATE TRIGGER td AFTER DELETE ON t BEGIN UPDATE log SET x = x || '*' WHERE length(x) % 3 = old.c % 3; END;";
    }
    static constexpr const char* verbs[] = {"INSERT", "INSERT OR REPLACE", "INSERT OR IGNORE", "INSERT OR FAIL"};
    const auto number = [&] { return std::to_string(random.below(12)); };
    const auto text = [&] { return std::string{"'"} + static_cast<char>((random.one_in(2) ? 'a' : 'A') + random.below(8)) + "'"; };
    bool open = false;
    for (int i = 0; i < 150; ++i) {
      switch (random.below(8)) {
        case 0:
          script += open ? (random.one_in(2) ? "COMMIT;" : "ROLLBACK;") : "BEGIN;";
          open = !open;
          break;
        case 1: script += "UPDATE t SET c = c + 1, b = " + text() + " WHERE a = " + number() + ";"; break;
        case 2: script += "UPDATE OR REPLACE t SET a = " + number() + " WHERE c < " + number() + ";"; break;
        case 3: script += "DELETE FROM t WHERE c = " + number() + " RETURNING a;"; break;
        case 4:
          script += "INSERT INTO t VALUES(" + number() + "," + text() + "," + number() +
                    ") ON CONFLICT DO UPDATE SET c = c + excluded.c RETURNING a, c;";
          break;
        default:
          script += std::string{verbs[random.below(4)]} + " INTO t VALUES(" + number() + "," + text() + "," + number() +
                    "),(" + number() + "," + text() + "," + number() + ");";
      }
      if (i % 5 == 0) script += "SELECT * FROM t ORDER BY a, b, c; SELECT x FROM log ORDER BY n;";
    }
    same(script, Rowids::may_have_gaps);
  }
}
