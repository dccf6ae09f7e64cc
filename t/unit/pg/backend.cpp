#include "pg/backend.hpp"

#include <doctest/doctest.h>

#include "unit/gateway/memory_gateway.hpp"
#include "unit/pg/wire.hpp"

using namespace ddb;
using namespace ddb::pg;

namespace {

/// A conversation over memory, whose answers come in words.
struct Talk {
  explicit Talk(bool started = true) {
    backend.emplace(Surroundings{
        .open_session = [this](sql::SessionOptions options) { return sql::Session::open(memory.kv, *memory.catalog, options); },
        .schema = [this] { return memory.catalog->schema(); },
        .unix_microseconds = [] { return 1'700'000'000'000'000; },
        .send =
            [this](Bytes bytes) {
              if (!reads) return false;
              said += bytes;
              return true;
            },
        .cancel = [this](const CancelRequest& request) { cancelled = request; },
        .process = 7,
        .secret = 9,
    });
    if (started) ask(startup());
  }
  ~Talk() { backend->end(); }

  std::string ask(BytesView bytes) {
    backend->feed(bytes);
    open = backend->work();
    return in_words(std::exchange(said, {}));
  }
  std::string sql(std::string_view text) { return ask(query(text)); }

  test::MemoryGateway memory;
  std::optional<Backend> backend;
  Bytes said;
  bool reads = true;
  bool open = true;
  std::optional<CancelRequest> cancelled;
};

bool has(const std::string& text, std::string_view part) { return text.contains(part); }

}  // namespace

TEST_CASE("start-up: encryption is declined, parameters are told, the server is ready") {
  Talk talk{false};
  talk.backend->feed(untyped(number(80877103, 4)));
  CHECK(talk.backend->work());
  CHECK(std::exchange(talk.said, {}) == "N");
  const std::string answer = talk.ask(startup("ann"));
  CHECK(answer.starts_with("R\nS application_name=\nS client_encoding=UTF8\n"));
  CHECK(has(answer, "S session_authorization=ann\n"));
  CHECK(has(answer, "S standard_conforming_strings=on\n"));
  CHECK(answer.ends_with("K\nZ I\n"));
  CHECK(talk.sql("SELECT current_user, current_database()") == "T current_user:19,current_database:19\nD ann|ddb\nC SELECT 1\nZ I\n");
  talk.ask(message('X'));
  CHECK(!talk.open);
}

TEST_CASE("start-up: what is wrong ends it") {
  const auto refused = [](const Bytes& bytes) {
    Talk talk{false};
    const std::string answer = talk.ask(bytes);
    CHECK(!talk.open);
    return answer;
  };
  CHECK(refused(untyped(number(3 << 16, 4) + cstring("database") + cstring("x") + '\0')) == "E 28000 no PostgreSQL user name specified in startup packet\n");
  CHECK(refused(untyped(number(3 << 16, 4) + cstring("user") + cstring("x") + cstring("client_encoding") + cstring("LATIN1") + '\0')) ==
        "E 22023 invalid value for parameter \"client_encoding\": \"LATIN1\"\n");
  CHECK(has(refused("GET / HTTP/1.0\r\n\r\n"), "E 08P01 invalid length of startup packet"));
}

TEST_CASE("a cancel request has a connection of its own") {
  Talk talk{false};
  CHECK(talk.ask(untyped(number(80877102, 4) + number(7, 4) + number(9, 4))).empty());
  CHECK(!talk.open);
  REQUIRE(talk.cancelled);
  CHECK(talk.cancelled->secret == 9);
}

TEST_CASE("simple queries: types as declared, of literals and of the first row") {
  Talk talk;
  CHECK(talk.sql("CREATE TABLE t (a INTEGER PRIMARY KEY, b varchar(9), c boolean, d int)") == "C CREATE TABLE\nZ I\n");
  CHECK(talk.sql("INSERT INTO t VALUES (1, 'x', true, 2), (2, NULL, false, 3)") == "C INSERT 0 2\nZ I\n");
  CHECK(talk.sql("SELECT * FROM t") == "T a:20,b:1043,c:16,d:23\nD 1|x|t|2\nD 2|NULL|f|3\nC SELECT 2\nZ I\n");
  CHECK(talk.sql("SELECT count(*), 1, 'x', a + 1, a = 1, 1.5, a::int FROM t WHERE a = 1") ==
        "T count:20,?column?:23,?column?:25,?column?:20,?column?:16,?column?:701,a:23\nD 1|1|x|2|t|1.5|1\nC SELECT 1\nZ I\n");
  CHECK(talk.sql("SELECT a FROM t WHERE false") == "T a:20\nC SELECT 0\nZ I\n");
  CHECK(has(talk.sql("SELECT a, ,"), "E 42601 near"));
  CHECK(talk.sql("UPDATE t SET b = 'y' WHERE a > 0") == "C UPDATE 2\nZ I\n");
  CHECK(talk.sql("DELETE FROM t WHERE a = 1 RETURNING b") == "T b:1043\nD y\nC DELETE 1\nZ I\n");
  CHECK(talk.sql("") == "I\nZ I\n");
  CHECK(talk.sql(" ; -- nothing") == "I\nZ I\n");
}

TEST_CASE("errors have a state, and a place in characters") {
  Talk talk;
  CHECK(talk.sql("SELECT 1; SELEC") == "T ?column?:23\nD 1\nC SELECT 1\nE 42601 near \"SELEC\": syntax error @11\nZ I\n");
  CHECK(talk.sql("SELECT '\xc3\xa9', nonsense") == "E 42703 no such column: nonsense @13\nZ I\n");
  CHECK(talk.sql("SELECT 1::int, nonsense") == "E 42703 no such column: nonsense @16\nZ I\n");
  CHECK(has(talk.sql("SELECT * FROM nope"), "E 42P01 no such table: nope"));
  CHECK(talk.sql("SELECT '\xff'") == "E 22021 invalid byte sequence for encoding \"UTF8\": 0xff\nZ I\n");
  CHECK(has(talk.sql("SELECT 1 FROM t WHERE x::nonsense = 1"), "E 42704 type \"nonsense\" does not exist @26"));
  CHECK(talk.sql("SET nonsense = 1") == "E 42704 unrecognized configuration parameter \"nonsense\"\nZ I\n");
}

TEST_CASE("several statements of a query are one transaction (T1)") {
  Talk talk;
  talk.sql("CREATE TABLE t (a INTEGER PRIMARY KEY)");
  CHECK(has(talk.sql("INSERT INTO t VALUES (1); INSERT INTO t VALUES (1)"), "E 23505 UNIQUE constraint failed: t.a"));
  CHECK(talk.sql("SELECT a FROM t") == "T a:20\nC SELECT 0\nZ I\n");
  CHECK(talk.sql("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)") == "C INSERT 0 1\nC INSERT 0 1\nZ I\n");
  CHECK(talk.sql("INSERT INTO t VALUES (3); COMMIT; INSERT INTO t VALUES (1)") ==
        "C INSERT 0 1\nN 25P01 there is no transaction in progress\nC COMMIT\nE 23505 UNIQUE constraint failed: t.a\nZ I\n");
  CHECK(talk.sql("SELECT max(a) FROM t") == "T max:20\nD 3\nC SELECT 1\nZ I\n");
  CHECK(talk.sql("INSERT INTO t VALUES (4); BEGIN; INSERT INTO t VALUES (5)").ends_with("Z T\n"));
  CHECK(talk.sql("ROLLBACK") == "C ROLLBACK\nZ I\n");
  CHECK(talk.sql("SELECT max(a) FROM t") == "T max:20\nD 3\nC SELECT 1\nZ I\n");
}

TEST_CASE("transaction blocks: their state, and nothing but their end after an error (T3)") {
  Talk talk;
  talk.sql("CREATE TABLE t (a INTEGER PRIMARY KEY)");
  CHECK(talk.sql("BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE") == "C BEGIN\nZ T\n");
  CHECK(talk.sql("BEGIN") == "N 25001 there is already a transaction in progress\nC BEGIN\nZ T\n");
  CHECK(talk.sql("INSERT INTO t VALUES (1)") == "C INSERT 0 1\nZ T\n");
  CHECK(has(talk.sql("SELECT nonsense"), "Z E\n"));
  CHECK(talk.sql("SELECT 1") == "E 25P02 current transaction is aborted, commands ignored until end of transaction block\nZ E\n");
  CHECK(talk.sql("COMMIT") == "C ROLLBACK\nZ I\n");
  CHECK(talk.sql("SELECT count(*) FROM t") == "T count:20\nD 0\nC SELECT 1\nZ I\n");
  CHECK(talk.sql("ROLLBACK") == "N 25P01 there is no transaction in progress\nC ROLLBACK\nZ I\n");
  CHECK(talk.sql("START TRANSACTION READ ONLY") == "C START TRANSACTION\nZ T\n");
  CHECK(talk.sql("INSERT INTO t VALUES (1)") == "E 25006 cannot execute this statement in a read-only transaction\nZ E\n");
  CHECK(talk.sql("END AND CHAIN") == "C ROLLBACK\nZ T\n");
  CHECK(talk.sql("INSERT INTO t VALUES (1)") == "C INSERT 0 1\nZ T\n");
  CHECK(talk.sql("COMMIT WORK") == "C COMMIT\nZ I\n");
}

TEST_CASE("savepoints take a block back out of its failed state") {
  Talk talk;
  talk.sql("CREATE TABLE t (a INTEGER PRIMARY KEY)");
  CHECK(talk.sql("SAVEPOINT s") == "E 25P01 savepoints are for transaction blocks\nZ I\n");
  talk.sql("BEGIN");
  talk.sql("INSERT INTO t VALUES (1)");
  CHECK(talk.sql("SAVEPOINT s") == "C SAVEPOINT\nZ T\n");
  CHECK(has(talk.sql("INSERT INTO t VALUES (1)"), "Z E\n"));
  CHECK(talk.sql("ROLLBACK TO SAVEPOINT s") == "C ROLLBACK\nZ T\n");
  CHECK(talk.sql("COMMIT") == "C COMMIT\nZ I\n");
  CHECK(talk.sql("SELECT a FROM t") == "T a:20\nD 1\nC SELECT 1\nZ I\n");
}

TEST_CASE("settings are set, shown, told and undone with their transaction") {
  Talk talk;
  CHECK(talk.sql("SET application_name TO 'tool'") == "C SET\nS application_name=tool\nZ I\n");
  CHECK(talk.sql("SHOW application_name") == "T application_name:25\nD tool\nC SHOW\nZ I\n");
  talk.sql("BEGIN");
  CHECK(talk.sql("SET application_name = other") == "C SET\nS application_name=other\nZ T\n");
  CHECK(talk.sql("ROLLBACK") == "C ROLLBACK\nS application_name=tool\nZ I\n");
  talk.sql("BEGIN");
  CHECK(talk.sql("SET LOCAL work_mem = '1GB'") == "C SET\nZ T\n");
  CHECK(talk.sql("SHOW work_mem") == "T work_mem:25\nD 1GB\nC SHOW\nZ T\n");
  talk.sql("COMMIT");
  CHECK(talk.sql("SHOW work_mem") == "T work_mem:25\nD 4MB\nC SHOW\nZ I\n");
  CHECK(talk.sql("SET server_version = 1") == "E 55P02 parameter \"server_version\" cannot be changed\nZ I\n");
  CHECK(talk.sql("SET search_path TO a, \"b\"") == "C SET\nZ I\n");
  CHECK(talk.sql("SELECT current_setting('search_path')") == "T current_setting:25\nD a, b\nC SELECT 1\nZ I\n");
  CHECK(talk.sql("SHOW TRANSACTION ISOLATION LEVEL") == "T transaction_isolation:25\nD serializable\nC SHOW\nZ I\n");
  CHECK(talk.sql("RESET ALL") == "C RESET\nS application_name=\nZ I\n");
}

TEST_CASE("the extended protocol: parse, bind, describe, execute") {
  Talk talk;
  talk.sql("CREATE TABLE t (a int PRIMARY KEY, b text)");
  CHECK(talk.ask(parse("i", "INSERT INTO t VALUES ($1, $2)", {23}) + describe('S', "i") + sync_point()) == "1\nt 23,25\nn\nZ I\n");
  CHECK(talk.ask(bound("", "i", {"1", "x"}) + describe('P', "") + execute("") + sync_point()) == "2\nn\nC INSERT 0 1\nZ I\n");
  CHECK(talk.ask(bound("", "i", {number(2, 4), std::nullopt}, Format::binary) + execute("") + sync_point()) == "2\nC INSERT 0 1\nZ I\n");
  CHECK(talk.ask(parse("", "SELECT a, b, a + 1 FROM t WHERE a >= $1 ORDER BY a") + bound("", "", {"1"}) + describe('P', "") + execute("") + sync_point()) ==
        "1\n2\nT a:23,b:25,?column?:20\nD 1|x|2\nD 2|NULL|3\nC SELECT 2\nZ I\n");
  const Bytes binary = talk.ask(parse("b", "SELECT a, b, a + 1 FROM t WHERE a >= $1 ORDER BY a") + bound("", "b", {"1"}, Format::text, Format::binary) +
                                execute("") + sync_point());
  CHECK(to_hex(binary) == to_hex("1\n2\nD " + number(1, 4) + "|x|" + Bytes(7, '\0') + "\2\nD " + number(2, 4) + "|NULL|" + Bytes(7, '\0') +
                                 "\3\nC SELECT 2\nZ I\n"));
  CHECK(talk.ask(close('S', "i") + bound("", "i", {}) + sync_point()) == "3\nE 26000 prepared statement \"i\" does not exist\nZ I\n");
  CHECK(talk.ask(parse("", "") + bound("", "") + describe('P', "") + execute("") + sync_point()) == "1\n2\nn\nI\nZ I\n");
}

TEST_CASE("after an error everything is skipped until Sync") {
  Talk talk;
  CHECK(talk.ask(parse("", "SELECT * FROM nope") + bound("", "") + describe('P', "") + execute("") + message('H')) == "E 42P01 no such table: nope\n");
  CHECK(talk.ask(parse("x", "SELECT 1")) == "");
  CHECK(talk.ask(sync_point()) == "Z I\n");
  CHECK(talk.ask(bound("", "x") + sync_point()) == "E 26000 prepared statement \"x\" does not exist\nZ I\n");
  CHECK(talk.ask(message('B', "garbage") + sync_point()) == "E 08P01 invalid message format\nZ I\n");
  CHECK(talk.ask(parse("", "SELECT 1; SELECT 2") + sync_point()) == "E 42601 cannot insert multiple commands into a prepared statement\nZ I\n");
  CHECK(talk.ask(parse("p", "SELECT $1::int + $2::int") + bound("", "p", {"1"}) + sync_point()) ==
        "1\nE 08P01 bind message supplies 1 parameters, but prepared statement \"p\" requires 2\nZ I\n");
  CHECK(talk.ask(parse("p", "SELECT 1") + sync_point()) == "E 42P05 prepared statement \"p\" already exists\nZ I\n");
  CHECK(talk.ask(parse("q", "SELECT $1::int", {23}) + bound("", "q", {"12x"}) + sync_point()) == "1\nE 22P02 invalid input syntax for type integer: \"12x\"\nZ I\n");
}

TEST_CASE("an Execute waits for the message behind it, and is a transaction with what stands before Sync (T1, T2)") {
  Talk talk;
  talk.sql("CREATE TABLE t (a int PRIMARY KEY)");
  CHECK(talk.ask(parse("", "INSERT INTO t VALUES (1)") + bound("", "") + execute("")) == "1\n2\n");
  CHECK(talk.ask(sync_point()) == "C INSERT 0 1\nZ I\n");
  const Bytes insert = bound("", "i", {"2"}) + execute("");
  CHECK(talk.ask(parse("i", "INSERT INTO t VALUES ($1)") + insert + insert + sync_point()) ==
        "1\n2\nC INSERT 0 1\n2\nE 23505 UNIQUE constraint failed: t.a\nZ I\n");
  CHECK(talk.sql("SELECT a FROM t") == "T a:23\nD 1\nC SELECT 1\nZ I\n");
  CHECK(talk.ask(insert + message('H')) == "2\nC INSERT 0 1\n");
  CHECK(talk.ask(sync_point()) == "Z I\n");
  CHECK(talk.sql("SELECT count(*) FROM t") == "T count:20\nD 2\nC SELECT 1\nZ I\n");
}

TEST_CASE("row limits suspend a portal, which ends with its transaction") {
  Talk talk;
  const Bytes select = parse("", "SELECT value FROM generate_series(1, 5) AS value") + bound("p", "") + execute("p", 2);
  CHECK(talk.ask(select + execute("p", 2) + execute("p", 2) + sync_point()) ==
        "1\n2\nD 1\nD 2\ns\nD 3\nD 4\ns\nD 5\nC SELECT 1\nZ I\n");
  CHECK(talk.ask(execute("p", 2) + sync_point()) == "E 34000 portal \"p\" does not exist\nZ I\n");
  talk.sql("BEGIN");
  CHECK(talk.ask(select + sync_point()) == "1\n2\nD 1\nD 2\ns\nZ T\n");
  CHECK(talk.ask(execute("p") + sync_point()) == "D 3\nD 4\nD 5\nC SELECT 3\nZ T\n");
  CHECK(talk.ask(close('P', "p") + bound("p", "") + sync_point()) == "3\n2\nZ T\n");
}

TEST_CASE("cursors") {
  Talk talk;
  CHECK(talk.sql("DECLARE c CURSOR FOR SELECT 1") == "E 25P01 DECLARE CURSOR can only be used in transaction blocks\nZ I\n");
  talk.sql("BEGIN");
  CHECK(talk.sql("DECLARE \"c\" CURSOR WITHOUT HOLD FOR SELECT value FROM generate_series(1, 3) value") == "C DECLARE CURSOR\nZ T\n");
  CHECK(talk.sql("FETCH FORWARD 2 FROM c") == "T value:20\nD 1\nD 2\nC FETCH 2\nZ T\n");
  CHECK(talk.sql("MOVE c") == "C MOVE 1\nZ T\n");
  CHECK(talk.sql("FETCH ALL FROM c") == "T value:20\nC FETCH 0\nZ T\n");
  CHECK(talk.sql("CLOSE c") == "C CLOSE CURSOR\nZ T\n");
  CHECK(talk.sql("FETCH c") == "E 34000 cursor \"c\" does not exist\nZ E\n");
}

TEST_CASE("COPY in, text and CSV") {
  Talk talk;
  talk.sql("CREATE TABLE t (a int PRIMARY KEY, b text, c boolean)");
  CHECK(talk.sql("COPY t FROM STDIN; SELECT count(*) FROM t") == "G\n");
  CHECK(talk.ask(message('d', "1\tx\\ty\tt\n2\t\\")) == "");
  CHECK(talk.ask(message('d', "N\t\\N\n3\t\tf") + message('c')) == "C COPY 3\nT count:20\nD 3\nC SELECT 1\nZ I\n");
  CHECK(talk.sql("SELECT * FROM t") == "T a:23,b:25,c:16\nD 1|x\ty|t\nD 2|NULL|NULL\nD 3||f\nC SELECT 3\nZ I\n");
  CHECK(talk.sql("COPY t (a, b) FROM STDIN WITH (FORMAT csv, HEADER)") == "G\n");
  CHECK(talk.ask(message('d', "a,b\r\n4,\"x,\"\"y\"\"\n\"\r\n5,\r\n6,\"\"\n\\.\n7,z\n") + message('c')) == "C COPY 3\nZ I\n");
  CHECK(talk.sql("SELECT a, b FROM t WHERE a > 3") == "T a:23,b:25\nD 4|x,\"y\"\n\nD 5|NULL\nD 6|\nC SELECT 3\nZ I\n");
}

TEST_CASE("a COPY that fails leaves nothing, and what the client still sends is ignored") {
  Talk talk;
  talk.sql("CREATE TABLE t (a int PRIMARY KEY, b text)");
  CHECK(talk.sql("COPY t FROM STDIN") == "G\n");
  CHECK(talk.ask(message('d', "1\tx\n2\n")) == "E 22P04 COPY t, line 2: missing data for column \"b\"\nZ I\n");
  CHECK(talk.ask(message('d', "3\tx\n") + message('c')) == "");
  CHECK(talk.sql("COPY t FROM STDIN") == "G\n");
  CHECK(talk.ask(message('d', "1\tx\n") + message('f', cstring("enough"))) == "E 57014 COPY from stdin failed: enough\nZ I\n");
  CHECK(talk.sql("COPY t FROM STDIN") == "G\n");
  CHECK(has(talk.ask(message('d', "1\tx\n1\ty\n") + message('c')), "E 23505 UNIQUE constraint failed: t.a\nZ I\n"));
  CHECK(talk.sql("COPY t FROM STDIN") == "G\n");
  CHECK(talk.ask(query("SELECT 1")) == "E 08P01 unexpected message during COPY from stdin\nZ I\nT ?column?:23\nD 1\nC SELECT 1\nZ I\n");
  CHECK(talk.sql("SELECT count(*) FROM t") == "T count:20\nD 0\nC SELECT 1\nZ I\n");
  CHECK(talk.sql("COPY nope FROM STDIN") == "E 42P01 relation \"nope\" does not exist\nZ I\n");
  CHECK(talk.sql("COPY t (z) FROM STDIN") == "E 42703 column \"z\" of relation \"t\" does not exist\nZ I\n");
  CHECK(has(talk.sql("COPY t FROM '/etc/passwd'"), "E 0A000 COPY of files is not supported"));
}

TEST_CASE("COPY out") {
  Talk talk;
  talk.sql("CREATE TABLE t (a int PRIMARY KEY, b text)");
  talk.sql("INSERT INTO t VALUES (1, E'x\\ty\\\\'), (2, NULL), (3, 'say \"hi\", you')");
  CHECK(talk.sql("COPY t TO STDOUT") == "H\nd 1\tx\\ty\\\\\nd 2\t\\N\nd 3\tsay \"hi\", you\nc\nC COPY 3\nZ I\n");
  CHECK(talk.sql("COPY (SELECT b FROM t WHERE a > $$1$$) TO STDOUT CSV HEADER") == "H\nd b\nd \nd \"say \"\"hi\"\", you\"\nc\nC COPY 2\nZ I\n");
}

TEST_CASE("what pgbench -i says") {
  Talk talk;
  CHECK(talk.sql("drop table if exists a, b") ==
        "N 00000 table \"a\" does not exist, skipping\nN 00000 table \"b\" does not exist, skipping\nC DROP TABLE\nZ I\n");
  CHECK(talk.sql("create table a(aid int not null,filler char(84)) with (fillfactor=100)") == "C CREATE TABLE\nZ I\n");
  CHECK(talk.sql("begin") == "C BEGIN\nZ T\n");
  CHECK(talk.sql("truncate table a") == "C TRUNCATE TABLE\nZ T\n");
  CHECK(talk.sql("copy a from stdin with (freeze on)") == "G\n");
  CHECK(talk.ask(message('d', "1\t\n2\t\n") + message('c')) == "C COPY 2\nZ T\n");
  CHECK(talk.sql("commit") == "C COMMIT\nZ I\n");
  CHECK(talk.sql("vacuum analyze a") == "C VACUUM\nZ I\n");
  CHECK(talk.sql("alter table a add primary key (aid)") == "C ALTER TABLE\nZ I\n");
  CHECK(has(talk.sql("insert into a values (2, '')"), "E 23505"));
}

TEST_CASE("10 000 parameters, and one too many names of prepared statements' bytes") {
  Talk talk;
  std::string sql = "SELECT $1::int";
  Texts values{"1"};
  for (int i = 2; i <= 10'000; ++i) {
    sql += "," + std::string{"$"} + std::to_string(i);
    values.emplace_back("1");
  }
  sql = "SELECT count(*) FROM (SELECT 1 WHERE 1 IN (" + sql.substr(7) + "))";
  CHECK(talk.ask(parse("", sql) + bound("", "", values) + execute("") + sync_point()) == "1\n2\nD 1\nC SELECT 1\nZ I\n");
}

TEST_CASE("a statement of 1 MB is one like any other") {
  Talk talk;
  const std::string big(1 << 20, 'x');
  CHECK(talk.sql("SELECT length('" + big + "')") == "T length:20\nD 1048576\nC SELECT 1\nZ I\n");
  CHECK(has(talk.sql("SELECT " + std::string(1 << 20, '(')), "E "));
}

TEST_CASE("numbers out of range are refused, in and out") {
  Talk talk;
  talk.sql("CREATE TABLE t (a int)");
  talk.sql("INSERT INTO t VALUES (3000000000)");
  CHECK(talk.sql("SELECT a FROM t") == "T a:23\nD 3000000000\nC SELECT 1\nZ I\n");
  CHECK(talk.ask(parse("", "SELECT a FROM t") + bound("", "", {}, Format::text, Format::binary) + execute("") + sync_point()) ==
        "1\n2\nE 22003 value \"3000000000\" is out of range for type integer\nZ I\n");
  CHECK(talk.ask(parse("", "SELECT $1", {23}) + bound("", "", {"3000000000"}) + sync_point()) == "1\nE 22003 value \"3000000000\" is out of range for type integer\nZ I\n");
}

TEST_CASE("a client that is gone ends its statement and its transaction") {
  Talk talk;
  talk.sql("CREATE TABLE t (a int)");
  talk.sql("BEGIN");
  talk.sql("INSERT INTO t VALUES (1)");
  talk.reads = false;
  talk.sql("SELECT * FROM generate_series(1, 1000000000)");
  CHECK(!talk.open);
}

TEST_CASE("catalogs know tables, columns and keys") {
  Talk talk;
  talk.sql("CREATE TABLE demo (id INTEGER PRIMARY KEY, v varchar(9) NOT NULL DEFAULT 'x', n numeric(10,2), UNIQUE (v, n))");
  talk.sql("CREATE INDEX demo_n ON demo (n DESC)");
  talk.sql("CREATE VIEW demo_view AS SELECT v FROM demo");
  CHECK(talk.sql("SELECT relname, relkind FROM pg_catalog.pg_class ORDER BY relname") ==
        "T relname:25,relkind:1042\nD demo|r\nD demo_n|i\nD demo_pkey|i\nD demo_v_n_key|i\nD demo_view|v\nC SELECT 5\nZ I\n");
  CHECK(talk.sql("SELECT attname, format_type(atttypid, atttypmod) AS t, attnotnull FROM pg_attribute WHERE attrelid = 'demo'::regclass") ==
        "T attname:25,t:25,attnotnull:16\nD id|bigint|t\nD v|character varying(9)|t\nD n|numeric(10,2)|f\nC SELECT 3\nZ I\n");
  CHECK(talk.sql("SELECT pg_get_indexdef(indexrelid) FROM pg_index ORDER BY 1") ==
        "T pg_get_indexdef:25\nD CREATE INDEX demo_n ON public.demo USING btree (n DESC)\nD CREATE UNIQUE INDEX demo_pkey ON public.demo USING btree (id)\n"
        "D CREATE UNIQUE INDEX demo_v_n_key ON public.demo USING btree (v, n)\nC SELECT 3\nZ I\n");
  CHECK(talk.sql("SELECT column_name FROM information_schema.columns WHERE table_name = 'demo_view'") == "T column_name:25\nD v\nC SELECT 1\nZ I\n");
}
