#include "sql/rewriter.hpp"

#include <doctest/doctest.h>

using namespace ddb;
using namespace ddb::sql;

namespace {

/// t(a INTEGER PRIMARY KEY, b, c AS ...), u(x, y) with a hidden rowid, w(k) WITHOUT ROWID.
Schema example() {
  const auto table = [](uint64_t id, const char* name, std::vector<const char*> columns) {
    Table out;
    out.id = id;
    out.name = name;
    out.sql = std::string{"CREATE TABLE "} + name;
    for (const char* column : columns) {
      Column c;
      c.id = out.next_column_id++;
      c.name = column;
      out.columns.push_back(std::move(c));
    }
    return out;
  };
  Schema schema;
  Table t = table(1, "t", {"a", "b", "c"});
  t.rowid_alias = 1;
  t.columns[2].generated = Generated::virtual_;
  schema.tables[1] = t;
  schema.tables[2] = table(2, "u", {"x", "y"});
  schema.tables[3] = table(3, "w", {"k"});
  schema.tables[3].clustering = Clustering::without_rowid;
  return schema;
}

std::string rewrite(std::string_view sql) {
  const Schema schema = example();
  const ParsedStatement s = parse_statement(sql);
  Edits edits{s.text};
  number_parameters(s, edits);
  replace_names(s, schema, edits);
  RewrittenDml out = rewrite_dml(s, s.head, *schema.find_table(s.head.dml.table), std::move(edits), Place::top);
  return out.edits.apply() + (out.load.empty() ? "" : "  LOAD" + out.load);
}

}  // namespace

TEST_CASE("edits apply in place and lead back") {
  Edits edits{"abc def"};
  edits.replace(4, 7, "DEFGH");
  edits.insert(0, "> ");
  edits.replace(1, 2, "");
  CHECK(edits.apply() == "> ac DEFGH");
  CHECK(edits.original_offset(0) == 0);
  CHECK(edits.original_offset(2) == 0);
  CHECK(edits.original_offset(3) == 2);
  CHECK(edits.original_offset(5) == 4);
  CHECK(edits.original_offset(9) == 4);
  CHECK(edits.original_offset(10) == 7);
  CHECK(edits.apply(4, 7) == "DEFGH");
}

TEST_CASE("INSERT gives rows their rowids") {
  CHECK(rewrite("INSERT INTO t VALUES(NULL, 'x')") == R"(INSERT INTO "t$w" AS "t" VALUES("$rowid"(1), 'x'))");
  CHECK(rewrite("INSERT INTO t(b, a) VALUES(1, ?), (2, 3)") ==
        R"(INSERT INTO "t$w" AS "t"(b, a) VALUES(1, coalesce(?1, "$rowid"(1))), (2, coalesce(3, "$rowid"(1))))");
  CHECK(rewrite("INSERT INTO t(b) VALUES(1)") == R"(INSERT INTO "t$w" AS "t"(b, "a") VALUES(1, "$rowid"(1)))");
  CHECK(rewrite("INSERT INTO u VALUES(1, 2)") ==
        R"(INSERT INTO "u$w" AS "u" ("x", "y", "rowid") VALUES(1, 2, "$rowid"(2)))");
  CHECK(rewrite("INSERT INTO u(oid, y) VALUES(1, 2)") ==
        R"(INSERT INTO "u$w" AS "u"(oid, y) VALUES(coalesce(1, "$rowid"(2)), 2))");
  CHECK(rewrite("INSERT INTO u AS z DEFAULT VALUES") == R"(INSERT INTO "u$w" AS z ("rowid") VALUES ("$rowid"(2)))");
  CHECK(rewrite("INSERT INTO w VALUES(1)") == R"(INSERT INTO "w$w" AS "w" VALUES(1))");
  CHECK(rewrite("INSERT INTO u VALUES(1)") == R"(INSERT INTO "u$w" AS "u" VALUES(1))");  // refused: SQLite says why
}

TEST_CASE("INSERT reads its source to the end first") {
  CHECK(rewrite("INSERT INTO w SELECT k FROM w") ==
        R"(INSERT INTO "w$w" AS "w" WITH "$src"("$1") AS MATERIALIZED (SELECT k FROM w) SELECT "$1" FROM "$src" WHERE true)");
  CHECK(rewrite("INSERT INTO u(y) SELECT 1 RETURNING u.y") ==
        R"(INSERT INTO "u$w" AS "u"(y, "rowid") WITH "$src"("$1") AS MATERIALIZED (SELECT 1) SELECT "$1", "$rowid"(2) FROM "$src" WHERE true RETURNING "u$w".y)");
  CHECK(rewrite("INSERT INTO w VALUES((SELECT 1)), (2)").find("MATERIALIZED (VALUES((SELECT 1)), (2))") != std::string::npos);
}

TEST_CASE("UPDATE and DELETE page their rows in with the same condition") {
  CHECK(rewrite("UPDATE t SET b = ? WHERE a = ? AND b > ?1") ==
        R"(UPDATE "t$w" AS "t" SET b = ?1 WHERE a = ?2 AND b > ?1)"
        R"(  LOAD SELECT "$load"(1, "t"."$key", "t"."$row") FROM main."t" AS "t" WHERE a = ?2 AND b > ?1)");
  CHECK(rewrite("WITH q AS (SELECT :v) DELETE FROM t AS x WHERE x.b IN q ORDER BY a LIMIT :v") ==
        R"(WITH q AS (SELECT ?1) DELETE FROM "t$w" AS x WHERE x.b IN q ORDER BY a LIMIT ?1)"
        R"(  LOADWITH q AS (SELECT ?1) SELECT "$load"(1, "x"."$key", "x"."$row") FROM main."t" AS "x" WHERE x.b IN q ORDER BY a LIMIT ?1)");
  CHECK(rewrite("UPDATE t SET b = u.y FROM u WHERE u.x = t.a") ==
        R"(UPDATE "t$w" AS "t" SET b = u.y FROM u WHERE u.x = t.a)"
        R"(  LOAD SELECT "$load"(1, "t"."$key", "t"."$row") FROM main."t" AS "t", u WHERE u.x = t.a)");
}

TEST_CASE("RETURNING means the stage, but for sub-queries that read the table themselves") {
  CHECK(rewrite("DELETE FROM w RETURNING w.k, (SELECT max(w.k) FROM w), (SELECT t.b FROM t WHERE t.a = w.k)").starts_with(
      R"(DELETE FROM "w$w" AS "w" RETURNING "w$w".k, (SELECT max(w.k) FROM w), (SELECT t.b FROM t WHERE t.a = "w$w".k))"));
}

TEST_CASE("names that mean something else here") {
  CHECK(rewrite("DELETE FROM w WHERE k IN (SELECT name FROM sqlite_master)").find(R"((SELECT name FROM "$schema"))") !=
        std::string::npos);
  const Schema schema = example();
  CHECK(internal_name(parse_statement("SELECT \"$ROWID\"(1)"), schema));
  CHECK(internal_name(parse_statement("SELECT * FROM [T$w]"), schema));
  CHECK_FALSE(internal_name(parse_statement("SELECT '$rowid', $rowid, \"x$w\", \"$1\""), schema));
  CHECK(strip_stage_names("UNIQUE constraint failed: t$w.a, t$w.b") == "UNIQUE constraint failed: t.a, t.b");
}

TEST_CASE("triggers move to the stage, bodies page in what they change") {
  const auto trigger = rewrite_trigger(
      "CREATE TRIGGER r AFTER INSERT ON t WHEN new.a > 1 BEGIN INSERT OR REPLACE INTO w VALUES(new.b); "
      "UPDATE u SET y = u.x WHERE u.y = (SELECT u.y FROM u) AND x = new.a; SELECT 1; END",
      example());
  CHECK(trigger.text ==
        R"(CREATE TRIGGER r AFTER INSERT ON "t$w" WHEN "$live"() = 1 AND (new.a > 1) BEGIN INSERT OR REPLACE INTO "w$w" VALUES(new.b); )"
        R"( SELECT "$load"(2, "u"."$key", "u"."$row") FROM main."u" AS "u" WHERE u.y = (SELECT u.y FROM u) AND x = new.a; )"
        R"(UPDATE "u$w" SET y = "u$w".x WHERE "u$w".y = (SELECT u.y FROM u) AND x = new.a; SELECT 1; END)");
  CHECK(trigger.writes == std::vector<uint64_t>{3, 2});
  CHECK(trigger.claims == std::vector<uint64_t>{3});
  const auto on_delete = rewrite_trigger("CREATE TRIGGER r BEFORE DELETE ON t BEGIN DELETE FROM t WHERE a = 1; END", example());
  CHECK(on_delete.text.find("$live") == std::string::npos);
}

TEST_CASE("literals are lifted, expressions are not") {
  const auto real = [](std::string_view text) { return std::stod(std::string{text}); };
  const ParsedStatement s = parse_statement("INSERT INTO t(a, b) VALUES (1, 'it''s'), (-2.5, x'00fF') ; ");
  const auto lifted = lift_literals(s, real);
  REQUIRE(lifted);
  CHECK(lifted->text == "INSERT INTO t(a, b) VALUES (?1, ?2) ;");
  CHECK(lifted->columns == 2);
  CHECK(lifted->values == std::vector<codec::Value>{int64_t{1}, std::string{"it's"}, -2.5, codec::Blob{Bytes{"\x00\xff", 2}}});
  const auto one = [&](std::string_view literal) -> std::optional<codec::Value> {
    const std::string text = "INSERT INTO t VALUES (" + std::string{literal} + ")";
    const auto value = lift_literals(parse_statement(text), real);
    return value ? std::optional{value->values.at(0)} : std::nullopt;
  };
  CHECK(one("-9223372036854775808") == codec::Value{INT64_MIN});
  CHECK(one("9223372036854775807") == codec::Value{INT64_MAX});
  CHECK(one("9223372036854775808") == codec::Value{9223372036854775808.0});
  CHECK(one("+7") == codec::Value{int64_t{7}});
  CHECK(one("null") == codec::Value{});
  CHECK(one("''") == codec::Value{std::string{}});
  for (const char* other : {"1+1", "abs(1)", "?", ":x", "x'0'", "x'0g'", "-'a'", "- -1", "0x10", "CURRENT_TIME", "(1)", ""}) {
    CAPTURE(other);
    CHECK_FALSE(one(other));
  }
  CHECK_FALSE(lift_literals(parse_statement("INSERT INTO t VALUES (1), (1, 2)"), real));
  CHECK_FALSE(lift_literals(parse_statement("INSERT INTO t SELECT 1"), real));
}
