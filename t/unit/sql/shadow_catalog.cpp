#include "sql/shadow_catalog.hpp"

#include <doctest/doctest.h>

#include <sqlite3.h>

#include "sql/query.hpp"
#include "sql/shadow_reader.hpp"
#include "sql/stage_ddl.hpp"

using namespace ddb;
using sql::Affinity;
using sql::Clustering;
using sql::Generated;
using sql::ShadowCatalog;

namespace {

struct Shadow {
  std::unique_ptr<ShadowCatalog> catalog = std::move(*ShadowCatalog::open({}));

  const sql::Schema& run(const std::string& ddl) {
    const auto done = catalog->execute(ddl);
    REQUIRE_MESSAGE(done, ddl << ": " << done.error().message);
    return catalog->schema();
  }
  std::string refused(const std::string& ddl) {
    const auto done = catalog->execute(ddl);
    REQUIRE_MESSAGE(!done.has_value(), ddl);
    return done.error().message;
  }
  const sql::Table& table(const std::string& name) {
    const sql::Table* found = catalog->schema().find_table(name);
    REQUIRE(found != nullptr);
    return *found;
  }
};

}  // namespace

TEST_CASE("affinity of declared types is SQLite's own") {
  sql::PrivateDb db;
  const char* types[] = {"", "INT", "TINYINT", "CHARINT", "VARCHAR(9)", "CLOB", "text", "BLOB", "REAL", "DOUBLE PRECISION", "FLOAT",
                         "FLOATING POINT", "NUMERIC", "DECIMAL(10,5)", "BOOLEAN", "DATE", "STRING", "CHARBLOB", "BLOBREAL", "ANY",
                         "NATIVE CHARACTER(70)", "XINTX", "UNSIGNED BIG INT"};
  int n = 0;
  for (const std::string type : types) {
    const std::string name = "t" + std::to_string(n++);
    REQUIRE(db.run("CREATE TABLE " + name + "(c " + type + "); INSERT INTO " + name + " VALUES('5'), ('1.5'), (7)"));
    auto rows = sql::Query::prepare(db.get(), "SELECT group_concat(typeof(c)) FROM " + name);
    REQUIRE(rows->next());
    const char* expected[] = {"text,text,integer", "text,text,text", "integer,real,integer", "integer,real,integer", "real,real,real"};
    CHECK_MESSAGE(rows->text(0) == expected[static_cast<int>(sql::affinity_of_type(type))], type);
  }
}

TEST_CASE("how tables are clustered") {
  Shadow s;
  s.run("CREATE TABLE alias(id INTEGER PRIMARY KEY AUTOINCREMENT, v)");
  CHECK(s.table("alias").clustering == Clustering::rowid);
  CHECK(s.table("alias").rowid_alias == 1);
  CHECK(s.table("alias").autoincrement);
  s.run("CREATE TABLE desc_is_no_alias(id INTEGER PRIMARY KEY DESC, v)");
  CHECK(s.table("desc_is_no_alias").clustering == Clustering::primary_key);
  CHECK(s.table("desc_is_no_alias").primary_key[0].descending);
  s.run("CREATE TABLE int_is_no_alias(id INT PRIMARY KEY)");
  CHECK(s.table("int_is_no_alias").rowid_alias == 0);
  s.run("CREATE TABLE bare(v)");
  CHECK(s.table("bare").clustering == Clustering::rowid);
  CHECK(s.table("bare").key_columns()[0].column == sql::rowid_column);
  s.run("CREATE TABLE pair(a, b COLLATE NOCASE, c, PRIMARY KEY(b, a DESC))");
  const auto& pair = s.table("pair");
  CHECK(pair.clustering == Clustering::primary_key);
  CHECK(pair.primary_key[0].collation == sql::Collation::nocase);
  CHECK(pair.primary_key[1].descending);
  CHECK(pair.primary_key_index_name == "sqlite_autoindex_pair_1");
  CHECK(pair.indexes.empty());
  s.run("CREATE TABLE without(a INTEGER PRIMARY KEY, b) WITHOUT ROWID");
  CHECK(s.table("without").clustering == Clustering::without_rowid);
  CHECK(s.table("without").rowid_alias == 0);
  s.run("CREATE TABLE strict_one(a ANY, b INT) STRICT");
  CHECK(s.table("strict_one").strict);
  CHECK(s.table("strict_one").columns[0].affinity == Affinity::blob);
}

TEST_CASE("objects and columns keep their ids, and ids never return") {
  Shadow s;
  s.run("CREATE TABLE t(a, b UNIQUE, c)");
  s.run("CREATE INDEX i ON t(c)");
  s.run("CREATE TABLE other(x)");
  const sql::Schema first = s.catalog->schema();
  const sql::Table before = s.table("t");
  s.run("ALTER TABLE t RENAME TO tt");
  CHECK(s.table("tt").id == before.id);
  CHECK(s.table("tt").indexes[0].id == before.indexes[0].id);
  CHECK(s.table("tt").indexes[0].name == "sqlite_autoindex_tt_1");
  s.run("ALTER TABLE tt RENAME COLUMN b TO bb");
  CHECK(s.table("tt").find_column("bb")->id == 2);
  s.run("ALTER TABLE tt DROP COLUMN a");
  CHECK(s.table("tt").columns[0].id == 2);
  s.run("ALTER TABLE tt ADD COLUMN a DEFAULT 'x'");
  CHECK(s.table("tt").find_column("a")->id == 4);
  s.run("DROP INDEX i");
  s.run("CREATE INDEX i ON tt(c)");
  CHECK(s.table("tt").indexes[1].id >= first.next_id);
  s.run("DROP TABLE tt");
  s.run("CREATE TABLE t(a)");
  CHECK(s.table("t").id >= first.next_id);
  CHECK(s.table("other").version == first.version);  // untouched
  CHECK(s.table("t").version == s.catalog->schema().version);
}

TEST_CASE("renames reach views, triggers and indexes") {
  Shadow s;
  s.run("CREATE TABLE t(a, b)");
  s.run("CREATE INDEX i ON t(b) WHERE a > 1");
  s.run("CREATE VIEW v AS SELECT a FROM t");
  s.run("CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO t(a) VALUES(new.b); END");
  s.run("ALTER TABLE t RENAME COLUMN a TO aa");
  s.run("ALTER TABLE t RENAME TO tt");
  const auto& schema = s.catalog->schema();
  CHECK(schema.views.begin()->second.sql.find("aa") != std::string::npos);
  CHECK(schema.triggers.begin()->second.sql.find("\"tt\"") != std::string::npos);
  CHECK(schema.triggers.begin()->second.table == "tt");
  CHECK(s.table("tt").indexes[0].where == "aa > 1");
}

TEST_CASE("a statement reads back what it changed, however much else there is") {
  Shadow s;
  const auto statements_of = [&](const std::string& ddl) {
    int count = 0;
    const auto add = [](unsigned, void* counter, void*, void*) { return ++*static_cast<int*>(counter), 0; };
    sqlite3_trace_v2(s.catalog->connection(), SQLITE_TRACE_STMT, add, &count);
    s.run(ddl);
    sqlite3_trace_v2(s.catalog->connection(), 0, nullptr, nullptr);
    return count;
  };
  s.run("CREATE TABLE parent(a PRIMARY KEY, b UNIQUE)");
  const int alone = statements_of("CREATE TABLE first(a UNIQUE, b, c AS (b + 1), FOREIGN KEY(b) REFERENCES parent(b))");
  for (int i = 0; i < 30; ++i) s.run("CREATE TABLE t" + std::to_string(i) + "(a, b UNIQUE)");
  CHECK(statements_of("CREATE TABLE last(a UNIQUE, b, c AS (b + 1), FOREIGN KEY(b) REFERENCES parent(b))") == alone);

  // What was not read again is as if it had been.
  for (const char* ddl : {"ALTER TABLE parent RENAME TO ancestor", "ALTER TABLE ancestor RENAME COLUMN b TO bb",
                          "CREATE UNIQUE INDEX i ON last(b)", "DROP INDEX i", "CREATE INDEX i ON last(b DESC)",
                          "ALTER TABLE t3 ADD COLUMN c DEFAULT 7", "DROP TABLE t4"})
    s.run(ddl);
  const auto anew = sql::read_schema(s.catalog->connection(), {});
  REQUIRE(anew);
  CHECK(anew->tables.size() == s.catalog->schema().tables.size());
  for (const auto& [id, table] : anew->tables) {
    const sql::Table& kept = s.table(table.name);
    CHECK(kept.sql == table.sql);
    CHECK(kept.stage_sql == table.stage_sql);
    CHECK(kept.primary_key.size() == table.primary_key.size());
    REQUIRE(kept.columns.size() == table.columns.size());
    for (size_t i = 0; i < table.columns.size(); ++i) CHECK(kept.columns[i].name == table.columns[i].name);
    REQUIRE(kept.indexes.size() == table.indexes.size());
    for (size_t i = 0; i < table.indexes.size(); ++i) CHECK(kept.indexes[i].name == table.indexes[i].name);
  }
}

TEST_CASE("a refused statement changes nothing, and one can be undone") {
  Shadow s;
  s.run("CREATE TABLE t(a PRIMARY KEY, b)");
  const uint64_t version = s.catalog->schema().version;
  CHECK(s.refused("ALTER TABLE t DROP COLUMN a") == "cannot drop PRIMARY KEY column: \"a\"");
  CHECK(s.refused("CREATE TABLE \"x$w\"(a)") == "object name reserved for internal use: x$w");
  CHECK(s.refused("CREATE TABLE sqlite_x(a)") == "object name reserved for internal use: sqlite_x");
  CHECK(s.refused("CREATE TABLE x(a COLLATE klingon)") == "no such collation sequence: klingon");
  CHECK(s.refused("") == "there is no statement");
  s.run("CREATE TABLE IF NOT EXISTS t(zz)");
  CHECK(s.catalog->schema().version == version);
  s.run("CREATE TABLE u(a)");
  REQUIRE(s.catalog->undo());
  CHECK(s.catalog->schema().version == version);
  s.run("CREATE TABLE u(b)");
  CHECK(s.table("u").columns[0].name == "b");
}

TEST_CASE("CREATE TABLE AS makes an empty table with SQLite's types") {
  Shadow s;
  s.run("CREATE TABLE t(a INTEGER, b TEXT)");
  s.run("CREATE TABLE c AS SELECT a, b || 'x' AS bx, 5 AS five FROM t UNION ALL SELECT 1, 2, 3");
  CHECK(s.table("c").columns[0].affinity == Affinity::integer);
  CHECK(s.table("c").sql == "CREATE TABLE c(a INT,bx,five)");
  auto rows = sql::Query::prepare(s.catalog->connection(), "SELECT count(*) FROM c");
  REQUIRE(rows->next());
  CHECK(rows->integer(0) == 0);
}

TEST_CASE("a schema opened again is the same schema") {
  Shadow s;
  for (const char* ddl : {"CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT COLLATE NOCASE NOT NULL DEFAULT 'x', c AS (a + 1), UNIQUE(b))",
                          "CREATE UNIQUE INDEX i ON t(lower(b), a DESC) WHERE b > 'a'", "CREATE VIEW v AS SELECT * FROM t",
                          "CREATE TRIGGER g INSTEAD OF DELETE ON v BEGIN SELECT 1; END", "ALTER TABLE t ADD COLUMN d INT DEFAULT (5 + 5)"})
    s.run(ddl);
  auto again = std::move(*ShadowCatalog::open(s.catalog->schema()));
  const auto same = again->execute("CREATE TABLE IF NOT EXISTS t(a)");
  REQUIRE(same);
  CHECK(same->version == s.catalog->schema().version);
  CHECK(same->tables == s.catalog->schema().tables);
  CHECK(same->views == s.catalog->schema().views);
  CHECK(same->triggers == s.catalog->schema().triggers);
}

TEST_CASE("stages carry the user's DDL, generated columns stored and unique indexes with it") {
  Shadow s;
  s.run("CREATE TABLE other(x REFERENCES t(a))");
  s.run("CREATE TABLE t(a INTEGER PRIMARY KEY, b INT CHECK(b > (1)), c AS (a || ')' ) VIRTUAL, d TEXT GENERATED ALWAYS AS (b) STORED, "
        "e AS(upper(d)) UNIQUE)");
  s.run("CREATE UNIQUE INDEX i ON t(b)");
  s.run("CREATE INDEX j ON t(d)");
  const auto& stage = s.table("t").stage_sql;
  REQUIRE(stage.size() == 2);
  CHECK(stage[0] == "CREATE TABLE \"t$w\"(a INTEGER PRIMARY KEY, b INT CHECK(b > (1)), c AS (a || ')' ) STORED, d TEXT GENERATED ALWAYS AS (b) "
                    "STORED, e AS(upper(d)) STORED UNIQUE)");
  CHECK(stage[1] == "CREATE UNIQUE INDEX i ON \"t$w\"(b)");
  sql::PrivateDb db;
  for (const auto& text : stage) CHECK(db.run(text));
  CHECK(s.table("t").columns[2].generated == Generated::virtual_);
  CHECK(s.table("other").sql.find("t$w") == std::string::npos);
}

TEST_CASE("index text is cut at top-level commas") {
  const auto text = sql::parse_index("CREATE UNIQUE INDEX \"on\" ON \"t(\"(a, max(b, 1) DESC, \"c,\" COLLATE NOCASE asc) WHERE a IN (1, 2) -- x");
  CHECK(text.columns == std::vector<std::string>{"a", "max(b, 1)", "\"c,\" COLLATE NOCASE"});
  CHECK(text.where == "a IN (1, 2)");
}
