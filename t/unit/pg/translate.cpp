#include "pg/translate.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "pg/scan.hpp"

using namespace ddb;
using namespace ddb::pg;

namespace {

std::string translated(std::string_view sql) {
  const auto translation = Translation::of(sql);
  return translation ? translation->sql() : translation.error().sqlstate + " " + translation.error().error.message;
}

}  // namespace

TEST_CASE("statements are split where PostgreSQL and SQLite end them") {
  using Parts = std::vector<std::string_view>;
  CHECK(split("SELECT 1; SELECT ';' ;; -- none\n") == Parts{"SELECT 1", "SELECT ';'"});
  CHECK(split("SELECT $$;$$; SELECT $a$;$$;$a$; SELECT E'\\';'") == Parts{"SELECT $$;$$", "SELECT $a$;$$;$a$", "SELECT E'\\';'"});
  CHECK(split("CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; SELECT 2; END; SELECT 3").size() == 2);
  CHECK(split(" /* ; */ ").empty());
  CHECK(split("SELECT 'unfinished; SELECT 1").size() == 1);
  CHECK(split("SELECT $$unfinished; SELECT 1").size() == 1);
}

TEST_CASE("what SQLite knows stays as it is") {
  for (const std::string_view same :
       {"SELECT a, [b c], `d`, \"e\" FROM t WHERE x = 'it''s' AND y = ?1", "INSERT INTO t VALUES (1, x'00')", "SELECT ~a, -b, a[1", "SELEC",
        "SELECT offset FROM t", "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT DEFAULT 'x') STRICT", "SELECT 1 LIMIT 2 OFFSET 3", "",
        "CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END", "SELECT public FROM t", "UPDATE t SET a = 1 WHERE b IN (1, 2) RETURNING *"}) {
    CHECK(translated(same) == same);
  }
}

TEST_CASE("parameters and strings") {
  CHECK(translated("SELECT $1, $23") == "SELECT ?1, ?23");
  CHECK(translated("SELECT E'a\\n\\'b\\x41\\101\\u00e9'") == "SELECT 'a\n''bAA\xc3\xa9'");
  CHECK(translated("SELECT $$it's$$, $t$a$$b$t$") == "SELECT 'it''s', 'a$$b'");
}

TEST_CASE("casts") {
  CHECK(translated("SELECT $1::int") == "SELECT CAST(?1 AS int4)");
  CHECK(translated("SELECT '7'::int4::text, b") == "SELECT CAST(CAST('7' AS int4) AS text), b");
  CHECK(translated("SELECT a.b::bigint + f(x, (y))::float8") == "SELECT CAST(a.b AS int8) + CAST(f(x, (y)) AS REAL)");
  CHECK(translated("SELECT (a + b)::numeric(10,2)") == "SELECT CAST((a + b) AS NUMERIC)");
  CHECK(translated("SELECT x::varchar(3)") == "SELECT substr(CAST(x AS text), 1, 3)");
  CHECK(translated("SELECT x::timestamp(3) with time zone, 't'::bool::int") == "SELECT pg_timestamptz(x), CAST(pg_bool('t') AS int4)");
  CHECK(translated("SELECT CASE WHEN a THEN 1 ELSE 2 END::text") == "SELECT CAST(CASE WHEN a THEN 1 ELSE 2 END AS text)");
  CHECK(translated("SELECT c.oid::pg_catalog.regclass::pg_catalog.text") == "SELECT CAST(pg_regclass(c.oid) AS text)");
  CHECK(translated("SELECT x::int[], y::text []") == "SELECT CAST(x AS text), CAST(y AS text) []");
  CHECK(translated("SELECT x IN (1)::int") == "SELECT x IN CAST((1) AS int4)");
  CHECK(translated("SELECT x::nonsense") == "42704 type \"nonsense\" does not exist");
}

TEST_CASE("names and operators of PostgreSQL's catalogs") {
  CHECK(translated("SELECT pg_catalog.count(*) FROM pg_catalog.pg_class, public.t") == "SELECT count(*) FROM pg_class, t");
  CHECK(translated("SELECT * FROM information_schema.Tables t") == "SELECT * FROM \"information_schema.tables\" t");
  CHECK(translated("n !~ '^pg_' AND m ~ 'x' AND o ~* 'y'") == "n NOT REGEXP '^pg_' AND m REGEXP 'x' AND o REGEXP '(?i)' || 'y'");
  CHECK(translated("WHERE c.relname OPERATOR(pg_catalog.~) '^(t)$' COLLATE pg_catalog.default AND 1") == "WHERE c.relname REGEXP '^(t)$' AND 1");
  CHECK(translated("a ~~ b, a !~~* b, a ILIKE b, a = ~b") == "a LIKE b, a NOT LIKE b, a LIKE b, a = ~b");
  CHECK(translated("SELECT current_user, current_schema, current_schema(), t.current_user") ==
        "SELECT current_user(), current_schema(), current_schema(), t.current_user");
}

TEST_CASE("arrays") {
  CHECK(translated("a = ANY ($1)") == "a IN (SELECT value FROM json_each(pg_array_json(?1)))");
  CHECK(translated("a <> ALL(ARRAY[1, $2])") == "a NOT IN (SELECT value FROM json_each(pg_array_json(pg_array(1, ?2))))");
  CHECK(translated("a = ANY (SELECT 1)") == "a IN (SELECT 1)");
  CHECK(translated("SELECT ARRAY(SELECT a FROM t)") == "SELECT (WITH pg_array_rows(value) AS (SELECT a FROM t) SELECT array_agg(value) FROM pg_array_rows)");
  CHECK(translated("SELECT attrs[s] FROM t") == "SELECT pg_element(attrs, s) FROM t");
}

TEST_CASE("clauses") {
  CHECK(translated("SELECT * FROM t FOR UPDATE SKIP LOCKED") == "SELECT * FROM t ");
  CHECK(translated("SELECT 1 LIMIT ALL OFFSET 3") == "SELECT 1 LIMIT -1 OFFSET 3");
  CHECK(translated("SELECT 1 OFFSET $1") == "SELECT 1 LIMIT -1 OFFSET ?1");
  CHECK(translated("SELECT string_agg(a, ',') FROM t") == "SELECT group_concat(a, ',') FROM t");
  CHECK(translated("select aid from generate_series(1, 5) as aid") == "select aid from (SELECT value AS aid FROM generate_series(1, 5)) as aid");
  CHECK(translated("select x from pg_catalog.unnest(a[1]) x, generate_series(1, 2)") ==
        "select x from (SELECT value AS x FROM json_each(pg_array_json(pg_element(a, 1)))) x, (SELECT value AS generate_series FROM generate_series(1, 2)) AS generate_series");
}

TEST_CASE("tables") {
  CHECK(translated("create table h(tid int,mtime timestamp,filler char(22)) with (fillfactor=100)") ==
        "create table h(tid int,mtime timestamp,filler char(22)) ");
  CHECK(translated("CREATE TABLE public.t (id serial PRIMARY KEY, v text NOT NULL DEFAULT 'x'::text)") ==
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v text NOT NULL DEFAULT 'x')");
  CHECK(translated("CREATE TABLE t (id bigserial, PRIMARY KEY (id))") == "CREATE TABLE t (id INTEGER, PRIMARY KEY (id))");
  CHECK(translated("CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY (START 5) PRIMARY KEY)") == "CREATE TABLE t (id INTEGER PRIMARY KEY)");
  CHECK(translated("CREATE TABLE t (a int, b serial)").starts_with("0A000 "));
  CHECK(translated("CREATE TABLE t (a timestamp(3) with time zone DEFAULT now(), b int[] , c text DEFAULT upper('x'))") ==
        "CREATE TABLE t (a timestamptz DEFAULT CURRENT_TIMESTAMP, b text , c text DEFAULT (upper('x')))");
  CHECK(translated("CREATE UNLOGGED TABLE IF NOT EXISTS t (a int) TABLESPACE x") == "CREATE TABLE IF NOT EXISTS t (a int) ");
  CHECK(translated("CREATE UNIQUE INDEX CONCURRENTLY i ON ONLY t USING btree (a, b) WITH (fillfactor = 70) WHERE a > $$x$$") ==
        "CREATE UNIQUE INDEX i ON t (a, b) WHERE a > 'x'");
}

TEST_CASE("places in the translation come from places in the statement") {
  const std::string_view statement = "SELECT $1::int, nonsense";
  const auto translation = Translation::of(statement);
  REQUIRE(translation);
  CHECK(translation->original_offset(translation->sql().find("nonsense")) == statement.find("nonsense"));
}
