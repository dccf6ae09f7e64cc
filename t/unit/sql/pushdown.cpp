// What ranges are asked for besides keys: conditions, columns, totals. Stock SQLite has the last word on answers.
#include <doctest/doctest.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstdlib>

#include "database.hpp"
#include "env/random.hpp"

using namespace ddb;
using namespace ddb::test;

namespace {

std::string sorted(const std::string& lines) {
  std::vector<std::string> all;
  for (size_t at = 0; at < lines.size();) {
    const size_t end = std::min(lines.find('\n', at), lines.size());
    all.push_back(lines.substr(at, end - at));
    at = end + 1;
  }
  std::ranges::sort(all);
  std::string text;
  for (const auto& line : all) text += line + "\n";
  return text;
}

/// The same database twice.
struct Pair {
  Database database;
  Stock stock;
  std::unique_ptr<sql::Session> session = database.session();

  void both(const std::string& sql) {
    const std::string expected = stock.run(sql);
    const std::string got = run(*session, sql);
    REQUIRE_MESSAGE(got == expected, sql);
  }
  void same(const std::string& sql) { CHECK_MESSAGE(sorted(run(*session, sql)) == sorted(stock.run(sql)), sql); }
  /// Rows and groups that the store gave out for a statement that answers as stock SQLite does.
  uint64_t moved(const std::string& sql) {
    database.kv.reset_counters();
    same(sql);
    return database.kv.counters().rows;
  }
};

/// Statements over t(id, a INTEGER, b TEXT, c REAL, d NUMERIC, e, f TEXT COLLATE NOCASE).
class Generator {
 public:
  explicit Generator(uint64_t seed) : random_{seed} {}

  template <size_t N>
  std::string pick(const char* const (&options)[N]) {
    return options[random_.below(N)];
  }
  bool one_in(uint64_t n) { return random_.one_in(n); }
  uint64_t below(uint64_t n) { return random_.below(n); }

  std::string literal() {
    return pick({"NULL", "0", "1", "2", "3", "-1", "7", "1.5", "5.0", "-0.5", "9e18", "9223372036854775807", "-9223372036854775808", "1e300",
                 "9007199254740993", "'5'", "'5.0'", "' 7 '", "'abc'", "'ABC'", "'abc '", "'b'", "''", "'1'", "'+3'", "'.5'", "x'35'", "x''"});
  }
  std::string column() { return pick({"id", "a", "b", "c", "d", "e", "f"}); }
  std::string comparison() {
    const std::string x = column();
    switch (below(9)) {
      case 0: return x + pick({" IN (", " NOT IN ("}) + literal() + ", " + literal() + ")";
      case 1: return x + pick({" BETWEEN ", " NOT BETWEEN "}) + literal() + " AND " + literal();
      case 2: return x + pick({" IS NULL", " IS NOT NULL", " ISNULL", " NOTNULL", " NOT NULL"});
      case 3: return literal() + pick({" < ", " >= ", " = ", " <> "}) + x;
      case 4: return x + " IN ()";
      case 5: return x + pick({" IS ", " IS NOT "}) + literal();
      default: return x + pick({" = ", " == ", " > ", " < ", " >= ", " <= ", " <> ", " != "}) + literal();
    }
  }
  std::string condition(int depth = 0) {
    const uint64_t kind = depth > 2 ? 3 : below(6);
    if (kind == 0) return condition(depth + 1) + " AND " + condition(depth + 1);
    if (kind == 1) return condition(depth + 1) + " OR " + condition(depth + 1);
    if (kind == 2) return "NOT (" + condition(depth + 1) + ")";
    return comparison();
  }
  std::string total() {
    const std::string x = column();
    const std::string total = pick({"count(*)", "count(", "sum(", "total(", "avg(", "min(", "max("});
    if (total.ends_with(')')) return total;
    const std::string call = total + x + ")";
    return one_in(3) ? "typeof(" + call + ")" : call;
  }
  std::string select() {
    std::string list = total();
    for (uint64_t n = below(3); n > 0; --n) list += ", " + total();
    std::string by;
    if (one_in(2)) by = pick({"a", "b", "d", "c", "f", "e", "a, b"});
    std::string sql = "SELECT " + list + (by.empty() ? "" : ", " + by) + " FROM t";
    if (one_in(3)) sql += " AS x";
    if (!one_in(4)) sql += " WHERE " + condition();
    if (!by.empty()) sql += " GROUP BY " + by;
    if (!by.empty() && one_in(3)) sql += " HAVING " + total() + pick({" > ", " = ", " IS NOT "}) + literal();
    return sql;
  }

 private:
  Random random_;
};

void run_seed(uint64_t seed, int selects) {
  Generator g{seed};
  Pair pair;
  const bool without_rowid = g.one_in(3);
  pair.both("CREATE TABLE t(id INTEGER PRIMARY KEY" + std::string{without_rowid && g.one_in(2) ? " DESC" : ""} +
            ", a INTEGER, b TEXT, c REAL, d NUMERIC, e, f TEXT COLLATE NOCASE)" + (without_rowid ? " WITHOUT ROWID" : ""));
  for (int id = 0; id < 40; ++id) {
    pair.both("INSERT INTO t VALUES(" + std::to_string(id % 2 == 0 ? id : -id) + ", " + g.literal() + ", " + g.literal() + ", " + g.literal() + ", " +
              g.literal() + ", " + g.literal() + ", " + g.literal() + ")");
  }
  if (g.one_in(3)) pair.both("ALTER TABLE t ADD COLUMN later TEXT DEFAULT 5");
  if (g.one_in(4)) {  // of its own, uncommitted: seen, and no business of the ranges
    pair.both("BEGIN");
    pair.both("UPDATE t SET a = 3, e = 'own' WHERE id < 5");
    pair.both("DELETE FROM t WHERE id > 30");
  }
  for (int i = 0; i < selects; ++i) {
    INFO("seed " << seed);
    pair.same(g.select());
    pair.same("SELECT " + g.column() + ", " + g.column() + " FROM t WHERE " + g.condition());
  }
}

uint64_t setting(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

void fill(Pair& pair) {
  pair.both("CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER, b TEXT, c REAL, d NUMERIC, e, f TEXT COLLATE NOCASE)");
  pair.both("INSERT INTO t SELECT value, value % 10, 'text ' || (value % 7), value * 0.5, value, value, CASE value % 2 WHEN 0 THEN 'x' ELSE 'X' END "
            "FROM (WITH RECURSIVE g(value) AS (VALUES(1) UNION ALL SELECT value + 1 FROM g WHERE value < 3000) SELECT value FROM g)");
}

}  // namespace

TEST_CASE("random conditions and totals answer as stock SQLite does") {
  const uint64_t first = setting("DDB_SEED", 1);
  const uint64_t seeds = setting("DDB_SEEDS", 30);
  for (uint64_t seed = first; seed < first + seeds; ++seed) run_seed(seed, 60);
}

TEST_CASE("totals come from the store, not rows") {
  Pair pair;
  fill(pair);
  CHECK(pair.moved("SELECT count(*) FROM t") == 1);
  CHECK(pair.moved("SELECT count(*), sum(a), min(b), max(c), avg(a), total(a) FROM t WHERE a > 3 AND b <> 'text 1'") == 1);
  CHECK(pair.moved("SELECT a, count(*) FROM t GROUP BY a HAVING count(*) > 5 ORDER BY a DESC LIMIT 3") == 10);
  CHECK(pair.moved("SELECT x.b, x.a, max(x.id) + 1 AS m FROM t AS x WHERE x.id BETWEEN 100 AND 900 GROUP BY x.b, x.a ORDER BY m") == 70);
  CHECK(pair.moved("SELECT count(b) FROM t WHERE id >= 2991") == 1);
  CHECK(pair.moved("SELECT min(f), max(f) FROM t") == 1);
  CHECK(pair.moved("SELECT DISTINCT count(*) FROM t GROUP BY a") == 10);
  CHECK(pair.moved("SELECT count(*) FROM t WHERE a > 100") == 0);
  CHECK(pair.moved("SELECT a FROM t WHERE a IN (1, 2) GROUP BY a") == 2);
}

TEST_CASE("totals that depend on more than that stay with SQLite, and are right") {
  Pair pair;
  fill(pair);
  for (const char* sql :
       {"SELECT sum(c) FROM t", "SELECT count(DISTINCT a) FROM t", "SELECT count(*) FILTER (WHERE a > 1) FROM t", "SELECT a, count(*), b FROM t GROUP BY a",
        "SELECT f, count(*) FROM t GROUP BY f", "SELECT e, count(*) FROM t GROUP BY e HAVING e < 9", "SELECT count(*) FROM t WHERE a + 1 > 5", "SELECT group_concat(a) FROM t WHERE id < 9",
        "SELECT group_concat('z') FROM t WHERE id < 5", "SELECT sum(1) FROM t", "SELECT count(*) FROM t WHERE b LIKE '%5'", "SELECT rowid, count(*) FROM t", "SELECT *, count(*) FROM t",
        "SELECT max(id, a) FROM t WHERE id < 3", "SELECT count(*) OVER () FROM t WHERE id < 3", "SELECT count(*) FROM t, t AS u WHERE t.id = u.id AND t.id < 4",
        "SELECT \"b\", count(*) FROM t GROUP BY a", "SELECT (SELECT count(*) FROM t AS u WHERE u.id < t.id) FROM t WHERE id < 4", "SELECT count(*) FROM t WHERE a = 1 COLLATE NOCASE",
        "SELECT count(*) FROM t UNION SELECT sum(a) FROM t", "SELECT json_group_array(a) FROM t WHERE id < 4", "SELECT sum(a * 2) FROM t"}) {
    CHECK_MESSAGE(pair.moved(sql) > 1, sql);
  }
  pair.both("UPDATE t SET d = 9223372036854775807 WHERE id IN (1, 2000)");
  pair.same("SELECT sum(d) FROM t WHERE id <= 2000");  // overflows
  pair.same("SELECT avg(d), total(d) FROM t");
}

TEST_CASE("a transaction's own writes count") {
  Pair pair;
  fill(pair);
  pair.both("BEGIN");
  CHECK(pair.moved("SELECT count(*), sum(a) FROM t") == 1);
  pair.both("DELETE FROM t WHERE id <= 10");
  pair.both("INSERT INTO t(id, a) VALUES(5, 1000)");
  pair.same("SELECT count(*), sum(a), max(a) FROM t");
  CHECK(pair.moved("SELECT count(*), sum(a) FROM t WHERE id > 100") == 1);
  pair.same("SELECT a FROM t WHERE a > 8 AND id < 50");
  pair.both("ROLLBACK");
  pair.same("SELECT count(*), sum(a), max(a) FROM t");
}

TEST_CASE("what ranges add up is read all the same: a change of it is a conflict (P4)") {
  Pair pair;
  fill(pair);
  const auto other = pair.database.session();
  REQUIRE(run(*pair.session, "BEGIN").empty());
  CHECK(run(*pair.session, "SELECT count(*) FROM t WHERE a = 77") == "0\n");
  CHECK(run(*pair.session, "SELECT id FROM t WHERE b = 'none'").empty());
  REQUIRE(run(*pair.session, "INSERT INTO t(id) VALUES(5000)").empty());
  REQUIRE(run(*other, "UPDATE t SET a = 77 WHERE id = 1234").empty());
  CHECK(run(*pair.session, "COMMIT").starts_with("Error: "));
}

TEST_CASE("only rows and columns that are wanted move") {
  Pair pair;
  fill(pair);
  CHECK(pair.moved("SELECT id, a FROM t WHERE b = 'text 3' AND a = 4") == 43);
  CHECK(pair.moved("SELECT * FROM t WHERE c > 1490 AND d < 2985") == 4);
  CHECK(pair.moved("SELECT * FROM t WHERE a IS NULL") == 0);
  CHECK(pair.moved("SELECT * FROM t WHERE b IN ('text 1', 'none') AND id < 100") == 15);
  CHECK(pair.moved("SELECT t.id FROM t WHERE f = 'x' AND a = 4 LIMIT 5") == 5);
  CHECK(pair.moved("DELETE FROM t WHERE b = 'text 3' AND a = 4") == 43);
  pair.same("SELECT b FROM t WHERE a = 4");
}

TEST_CASE("NOT INDEXED takes no index") {
  Pair pair;
  fill(pair);
  pair.both("CREATE INDEX t_f ON t(b DESC)");
  pair.both("SELECT group_concat(id) FROM t NOT INDEXED WHERE b > 'text 5'");
  pair.both("SELECT group_concat(x.id) FROM t AS x NOT INDEXED WHERE x.b > 'text 5'");
  pair.both("SELECT group_concat(x.id) FROM t x NOT INDEXED JOIN t y NOT INDEXED ON y.id = x.id WHERE x.b > 'text 5'");
  pair.both("SELECT t.b FROM t NOT INDEXED WHERE b > 'text 5' LIMIT 3");
  CHECK(run(*pair.session, "EXPLAIN QUERY PLAN SELECT b FROM t NOT INDEXED WHERE b = 'text 1'").find("t_f") == std::string::npos);
  CHECK(run(*pair.session, "EXPLAIN QUERY PLAN SELECT b FROM t WHERE b = 'text 1'").find("t_f") != std::string::npos);
  CHECK(run(*pair.session, "SELECT * FROM t$n").starts_with("Error: the name t$n is reserved"));
  pair.both("DROP INDEX t_f");
  pair.both("SELECT count(*) FROM t NOT INDEXED");
}

TEST_CASE("a temporary table hides the one that ranges hold") {
  Pair pair;
  fill(pair);
  pair.both("CREATE TEMP TABLE t(a)");
  pair.both("INSERT INTO t VALUES(1)");
  pair.both("SELECT count(*) FROM t");
}

TEST_CASE("EXPLAIN ROUTE tells what it would read, and reads nothing") {
  Pair pair;
  fill(pair);
  pair.both("CREATE INDEX t_a ON t(a)");
  pair.database.kv.reset_counters();
  const auto route = [&](const std::string& sql) { return run(*pair.session, "EXPLAIN ROUTE " + sql); };
  CHECK(route("SELECT id FROM t WHERE b = 'x' AND c > 2 LIMIT 3") == "t|automatic(b=?)|where b=? AND c>?; columns id, b, c; limit||\n");
  CHECK(route("SELECT count(*) FROM t WHERE c > 2") == "t|primary key()|where and totals||\n");
  CHECK(route("SELECT * FROM t WHERE a = 5") == "t.t_a|t_a(a=?)|||\n");
  CHECK(route("SELECT u.b FROM t JOIN t AS u ON u.id = t.c WHERE t.d > 4") ==
        "t|primary key()|where d>?; columns c, d||\nt|primary key(id=?)|keys of several outer rows at once||\n");
  CHECK(route("DELETE FROM t WHERE c = 1") == "t|automatic(c=?)|where c=?||\n");
  CHECK(route("INSERT INTO t(id) VALUES(1)").empty());
  CHECK(route("SELECT nosuch FROM t").starts_with("Error: "));
  CHECK(route("").starts_with("Error: "));
  CHECK(pair.database.kv.counters().reads() == 0);
  CHECK(run(*pair.session, "SELECT count(*) FROM t WHERE c = 1") == "1\n");
}

TEST_CASE("EXPLAIN ROUTE ANALYZE runs it, and counts") {
  Pair pair;
  fill(pair);
  const auto analyze = [&](const std::string& sql) {
    std::string text = run(*pair.session, "EXPLAIN ROUTE ANALYZE " + sql);
    return text.substr(0, text.rfind('|'));  // the time
  };
  CHECK(analyze("SELECT count(*) FROM t WHERE a = 5").starts_with("t|automatic(a=?)|where and totals|1||1|1|"));
  CHECK(analyze("SELECT count(*) FROM t WHERE a = 5").find("\ntotal|||||1|1|") != std::string::npos);
  pair.both("BEGIN");
  CHECK(analyze("UPDATE t SET a = 0 WHERE c = 1.5").find("total|||||1|1|") != std::string::npos);
  CHECK(run(*pair.session, "SELECT a FROM t WHERE id = 3") == "0\n");
  CHECK(run(*pair.session, "ROLLBACK").empty());
}
