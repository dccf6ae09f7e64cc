#include "sql/head.hpp"

#include <doctest/doctest.h>

using namespace ddb::sql;

namespace {

std::string cut(const ParsedStatement& s, TokenSpan span) { return std::string{s.cut(span)}; }

}  // namespace

TEST_CASE("kinds and tags") {
  const auto kind = [](std::string_view sql) { return parse_statement(sql).head.kind; };
  CHECK(kind("") == StatementKind::empty);
  CHECK(kind(" -- x\n") == StatementKind::empty);
  CHECK(kind("select 1") == StatementKind::select);
  CHECK(kind("VALUES (1)") == StatementKind::select);
  CHECK(kind("WITH a AS (SELECT 1) SELECT * FROM a") == StatementKind::select);
  CHECK(kind("WITH a(replace) AS (SELECT 1), b AS (VALUES(2)) REPLACE INTO t SELECT * FROM a") == StatementKind::insert);
  CHECK(kind("WITH a AS (DELETE) UPDATE t SET x = 1") == StatementKind::update);
  CHECK(kind("EXPLAIN QUERY PLAN DELETE FROM t") == StatementKind::explain);
  CHECK(kind("END") == StatementKind::commit);
  CHECK(kind("rollback to x") == StatementKind::rollback_to);
  CHECK(kind("ROLLBACK TRANSACTION") == StatementKind::rollback);
  CHECK(kind("nonsense") == StatementKind::other);
  CHECK(parse_statement("create unique index i on t(a)").head.tag == "CREATE INDEX");
  CHECK(parse_statement("CREATE TEMP TRIGGER x").head.temporary);
  CHECK(parse_statement("drop view if exists main.\"v w\"").head.object == std::vector<std::string>{"main", "v w"});
  CHECK(parse_statement("SAVEPOINT 'a b'").head.transaction.savepoint == "a b");
  CHECK(parse_statement("ROLLBACK TRANSACTION TO SAVEPOINT savepoint").head.transaction.savepoint == "savepoint");
}

TEST_CASE("INSERT falls into its clauses") {
  const auto s = parse_statement(
      "WITH x AS (SELECT 1) INSERT OR IGNORE INTO main.\"T t\" AS u(a, [b c]) VALUES (1, (2)), ('x', f(y, z)) "
      "ON CONFLICT(a) DO UPDATE SET a = 1 WHERE b ON CONFLICT DO NOTHING RETURNING a, b; SELECT 2");
  const DmlHead& d = s.head.dml;
  CHECK(s.text.substr(s.tail) == " SELECT 2");
  CHECK(cut(s, d.with) == "WITH x AS (SELECT 1)");
  CHECK(d.on_conflict == OnConflict::ignore);
  CHECK(d.schema == "main");
  CHECK(d.table == "T t");
  CHECK(d.alias == "u");
  CHECK(d.column_names == std::vector<std::string>{"a", "b c"});
  REQUIRE(d.rows.size() == 2);
  CHECK(cut(s, d.rows[0]) == "1, (2)");
  CHECK(cut(s, d.rows[1]) == "'x', f(y, z)");
  CHECK(cut(s, d.source) == "VALUES (1, (2)), ('x', f(y, z))");
  CHECK(cut(s, d.upsert) == "ON CONFLICT(a) DO UPDATE SET a = 1 WHERE b ON CONFLICT DO NOTHING");
  CHECK(cut(s, d.returning) == "a, b");
}

TEST_CASE("INSERT from SELECT, and from nothing") {
  const auto select = parse_statement("INSERT INTO t SELECT a FROM b JOIN c ON (b.x = c.x) WHERE true ON CONFLICT DO NOTHING");
  CHECK(cut(select, select.head.dml.source) == "SELECT a FROM b JOIN c ON (b.x = c.x) WHERE true");
  CHECK(cut(select, select.head.dml.upsert) == "ON CONFLICT DO NOTHING");
  CHECK(select.head.dml.rows.empty());
  const auto compound = parse_statement("INSERT INTO t VALUES (1) UNION SELECT 2");
  CHECK(compound.head.dml.rows.empty());
  CHECK(cut(compound, compound.head.dml.source) == "VALUES (1) UNION SELECT 2");
  const auto defaults = parse_statement("INSERT INTO t DEFAULT VALUES RETURNING *");
  CHECK(defaults.head.dml.default_values);
  CHECK(cut(defaults, defaults.head.dml.returning) == "*");
}

TEST_CASE("UPDATE and DELETE fall into their clauses") {
  const auto u = parse_statement(
      "UPDATE OR REPLACE t AS x INDEXED BY i SET a = (SELECT b FROM c WHERE d), e = f IS DISTINCT FROM g FROM h, i "
      "WHERE j IN (SELECT k FROM l) RETURNING a + 1 ORDER BY m LIMIT 5 OFFSET 6");
  const DmlHead& d = u.head.dml;
  CHECK(d.on_conflict == OnConflict::replace);
  CHECK(d.alias == "x");
  CHECK(cut(u, d.indexed_clause) == "INDEXED BY i");
  CHECK(cut(u, d.set) == "a = (SELECT b FROM c WHERE d), e = f IS DISTINCT FROM g");
  CHECK(cut(u, d.from) == "h, i");
  CHECK(cut(u, d.where) == "j IN (SELECT k FROM l)");
  CHECK(cut(u, d.returning) == "a + 1");
  CHECK(cut(u, d.order_limit) == "ORDER BY m LIMIT 5 OFFSET 6");
  const auto e = parse_statement("DELETE FROM t NOT INDEXED WHERE a = CASE WHEN b THEN c END LIMIT 1");
  CHECK(e.head.kind == StatementKind::erase);
  CHECK(cut(e, e.head.dml.where) == "a = CASE WHEN b THEN c END");
  CHECK(cut(e, e.head.dml.order_limit) == "LIMIT 1");
}

TEST_CASE("CREATE TABLE AS, PRAGMA, and triggers with their semicolons") {
  const auto c = parse_statement("CREATE TABLE IF NOT EXISTS x.y AS SELECT 1;");
  CHECK(c.head.create_as.table == "y");
  CHECK(c.head.create_as.if_not_exists);
  CHECK(cut(c, c.head.create_as.select) == "SELECT 1");
  CHECK(parse_statement("CREATE TABLE t(a)").head.create_as.select.empty());
  const auto p = parse_statement("PRAGMA main.cache_size = -2000").head.pragma;
  CHECK(p.name == "cache_size");
  CHECK(p.value == "-2000");
  CHECK(parse_statement("PRAGMA table_info('t')").head.pragma.value == "t");
  CHECK_FALSE(parse_statement("PRAGMA foreign_keys").head.pragma.assigns);
  const auto t = parse_statement("CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; SELECT 2; END ;; ");
  CHECK(t.at(t.tokens.size() - 1) == "END");
}

TEST_CASE("any text is parsed without harm") {
  for (const char* text : {"INSERT", "INSERT INTO", "INSERT INTO t(", "INSERT INTO t(a", "INSERT OR", "INSERT INTO t VALUES(",
                           "INSERT INTO t VALUES", "INSERT INTO t AS", "UPDATE", "UPDATE t", "UPDATE t SET", "UPDATE t AS",
                           "UPDATE t INDEXED BY", "DELETE", "DELETE FROM", "DELETE FROM t WHERE", "WITH", "WITH a AS (", "CREATE",
                           "CREATE TEMP", "CREATE TABLE", "CREATE TABLE IF NOT", "CREATE TRIGGER", "DROP", "ALTER TABLE", "PRAGMA",
                           "PRAGMA x =", "SAVEPOINT", "ROLLBACK TO", "ROLLBACK TO SAVEPOINT", "RELEASE", "EXPLAIN", ")", "(", "'", "\"",
                           "INSERT INTO t VALUES)", "INSERT INTO t VALUES (1, (2)", "INSERT INTO t VALUES (1),", "INSERT INTO t DEFAULT", "BEGIN", "?", ";"}) {
    CAPTURE(text);
    const auto s = parse_statement(text);
    CHECK(s.tail <= s.text.size());
  }
}
