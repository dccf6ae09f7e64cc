#include "gateway/script.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "memory_gateway.hpp"

using namespace ddb;
using gateway::Script;

namespace {

/// A session that runs texts, its output and its complaints.
struct Console {
  explicit Console(bool keep_going = false, uint64_t batch = 0) {
    script = std::make_unique<Script>(*session, *out,
                                      gateway::ScriptOptions{.keep_going = keep_going, .batch = batch, .report = [this](const gateway::Complaint& complaint) {
                                                               errors += text_line(complaint) + "\n";
                                                               last = complaint;
                                                             }});
  }
  ~Console() {
    out.reset();
    std::fclose(file);
    free(text);
  }

  /// Runs a text in pieces of `piece` bytes.
  Result<void> run(std::string_view sql, size_t piece = SIZE_MAX, Script::Ending ending = Script::Ending::may_be_cut) {
    return script->run("x.sql", [&]() -> Result<std::string_view> {
      const auto next = sql.substr(0, piece);
      sql.remove_prefix(next.size());
      return next;
    }, ending);
  }
  std::string rows() {
    out->flush();
    return {text, size};
  }

  test::MemoryGateway memory;
  std::unique_ptr<sql::Session> session = memory.session();
  char* text = nullptr;
  size_t size = 0;
  std::FILE* file = open_memstream(&text, &size);
  std::unique_ptr<cli::Output> out = std::make_unique<cli::Output>(cli::Format::quote, true, file);
  std::unique_ptr<Script> script;
  std::string errors;
  gateway::Complaint last;
};

constexpr std::string_view schema = "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT NOT NULL);\n";

}  // namespace

TEST_CASE("statements run wherever the text is cut into pieces") {
  const std::string text = std::string{schema} + "INSERT INTO t VALUES (1, 'a;b'), (2, 'c');\n-- a comment; indeed\nSELECT * FROM t;\nSELECT count(*) FROM t";
  for (size_t piece = 1; piece < 40; ++piece) {
    Console console;
    REQUIRE(console.run(text, piece));
    CHECK(console.rows() == "1,'a;b'\n2,'c'\n2\n");
    CHECK(console.errors.empty());
  }
}

TEST_CASE("an error names its line and column, and ends the script") {
  Console console;
  const auto done = console.run(std::string{schema} + "\nSELECT 1;  SELECT a,\n  nonsense FROM t; SELECT 2;");
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Code::failed);
  CHECK(console.rows() == "1\n");
  CHECK(console.errors == "x.sql:4:3: no such column: nonsense [42703]\n");
}

TEST_CASE("an error without a place of its own is at its statement") {
  Console console;
  CHECK_FALSE(console.run(std::string{schema} + "INSERT INTO t VALUES (1, 'x');\n\n   /* again */ INSERT INTO t VALUES (1, 'y');"));
  CHECK(console.errors.starts_with("x.sql:4:16: UNIQUE constraint failed: t.a"));
}

TEST_CASE("an error rolls back the transaction in which it happens") {
  Console console;
  CHECK_FALSE(console.run(std::string{schema} + "INSERT INTO t VALUES (1, 'kept'); BEGIN; INSERT INTO t VALUES (2, 'x'); INSERT INTO t VALUES (3, NULL); COMMIT;"));
  CHECK_FALSE(console.session->in_transaction());
  CHECK(console.run("SELECT a FROM t"));
  CHECK(console.rows() == "1\n");
}

TEST_CASE("keep-going runs the rest, and still fails") {
  Console console{true};
  const auto done = console.run(std::string{schema} + "BEGIN; INSERT INTO t VALUES (2, 'x'); nonsense; INSERT INTO t VALUES (3, 'y'); COMMIT; SELECT a FROM t;");
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Code::failed);
  CHECK(console.rows() == "2\n3\n");
}

TEST_CASE("text that ends inside a transaction is rolled back, and said so") {
  Console console;
  CHECK(console.run(std::string{schema} + "BEGIN;\nINSERT INTO t VALUES (1, 'x');\n"));
  const auto finished = console.script->finish();
  REQUIRE_FALSE(finished);
  CHECK(finished.error().code == Code::bad_data);
  CHECK(console.errors.starts_with("x.sql:4:1: the input ends inside a transaction"));
  CHECK(console.run("SELECT count(*) FROM t"));
  CHECK(console.rows() == "0\n");
  CHECK(console.script->finish());
}

TEST_CASE("a last statement that writes may have been cut: it is not run") {
  Console console;
  CHECK(console.run(std::string{schema} + "INSERT INTO t VALUES (1, 'x'), (2, 'y');"));
  const auto cut = console.run("DELETE FROM t WHERE a = 1 OR a = 2 ");  // AND b = 'y';
  REQUIRE_FALSE(cut);
  CHECK(cut.error().code == Code::bad_data);
  CHECK(console.errors.starts_with("x.sql:1:1: the input ends inside this statement"));
  CHECK(console.run("DELETE FROM t WHERE a = 1", SIZE_MAX, Script::Ending::whole));
  CHECK(console.run("SELECT a FROM t"));
  CHECK(console.rows() == "2\n");
}

TEST_CASE("a statement cut in a literal is an error that fits a line") {
  Console console;
  CHECK(console.run(schema));
  const std::string cut = "INSERT INTO t VALUES (1, '" + std::string(100'000, 'x');
  CHECK_FALSE(console.run(cut, 4096));
  CHECK(console.errors.size() < 1000);
  CHECK(console.run("SELECT count(*) FROM t"));
  CHECK(console.rows() == "0\n");
}

TEST_CASE("batches make transactions of their own size") {
  Console console{false, 3};
  std::string text = std::string{schema} + "BEGIN;";
  for (int i = 1; i <= 10; ++i) text += "INSERT INTO t VALUES (" + std::to_string(i) + ", 'x');\n";
  text += "COMMIT; CREATE INDEX i ON t (b); SELECT count(*) FROM t;";
  console.memory.kv.reset_counters();
  CHECK(console.run(text));
  CHECK(console.script->finish());
  CHECK(console.rows() == "10\n");
  CHECK(console.memory.kv.counters().commits >= 4);
  CHECK(console.memory.kv.counters().commits < 10);
  CHECK_FALSE(console.session->in_transaction());
}

TEST_CASE("an error in a batch leaves the batches before it, and none of its own") {
  Console console{false, 2};
  CHECK_FALSE(console.run(std::string{schema} + "INSERT INTO t VALUES (1, 'a'); INSERT INTO t VALUES (2, 'b');\nINSERT INTO t VALUES (3, 'c'); INSERT INTO t VALUES (4, NULL);"));
  CHECK(console.errors.starts_with("x.sql:3:32: NOT NULL constraint failed"));
  CHECK(console.run("SELECT a FROM t"));
  CHECK(console.rows() == "1\n2\n");
}

TEST_CASE("a batch cannot be rolled back in parts") {
  Console console{false, 2};
  const auto done = console.run("BEGIN; SELECT 1; ROLLBACK;");
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Code::usage);
}

TEST_CASE("a text as one transaction commits once, at its end") {
  Console console{false, gateway::batch_whole};
  REQUIRE(console.session->execute(schema));
  console.memory.kv.reset_counters();
  CHECK(console.run("BEGIN; INSERT INTO t VALUES (1, 'a'); COMMIT; INSERT INTO t VALUES (2, 'b');"));
  CHECK(console.memory.kv.counters().commits == 0);
  CHECK(console.script->finish());
  CHECK(console.memory.kv.counters().commits == 1);
}

TEST_CASE("what would be a transaction of its own is refused in one") {
  Console console{false, gateway::batch_whole};
  REQUIRE(console.session->execute(schema));
  const auto done = console.run("INSERT INTO t VALUES (1, 'a'); CREATE TABLE u (a);");
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Code::usage);
  CHECK_FALSE(console.session->in_transaction());
  CHECK(console.run("SELECT count(*) FROM t;"));
  CHECK(console.rows() == "0\n");
}

TEST_CASE("what cannot be read is an error where reading got to") {
  Console console;
  bool first = true;
  const auto done = console.script->run("x.sql", [&]() -> Result<std::string_view> {
    if (std::exchange(first, false)) return "SELECT 1;\nSELECT";
    return fail(Code::io, "cannot read: bad sector");
  }, Script::Ending::may_be_cut);
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Code::io);
  CHECK(console.rows() == "1\n");
  CHECK(console.errors == "x.sql:1:10: cannot read: bad sector [HY000]\n");
}

TEST_CASE("nobody reads the rows: the script stops, and leaves the complaint to the output's owner") {
  Console console;
  std::FILE* const full = std::fopen("/dev/full", "w");
  REQUIRE(full != nullptr);
  {
    cli::Output out{cli::Format::tsv, true, full};
    std::string errors;
    Script script{*console.session, out, {.report = [&](const gateway::Complaint& complaint) { errors += text_line(complaint); }}};
    std::string_view text = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n;";
    const auto done = script.run("x.sql", [&]() -> Result<std::string_view> { return std::exchange(text, {}); }, Script::Ending::whole);
    REQUIRE_FALSE(done);
    CHECK(done.error().code == Code::io);
    CHECK(errors.empty());
  }
  std::fclose(full);
}

TEST_CASE("an error tells whether its statement can be run again without happening twice, by its kind") {
  using enum gateway::Retry;
  for (const Code code : {Code::failed, Code::conflict, Code::exists, Code::try_again, Code::unavailable, Code::refused, Code::too_long})
    CHECK(gateway::retry_of(code, false) == safe);
  CHECK(gateway::retry_of(Code::unknown_outcome, false) == unknown);
  CHECK(gateway::retry_of(Code::unknown_outcome, true) == unknown);
  CHECK(gateway::retry_of(Code::internal, false) == unknown);
  CHECK(gateway::retry_of(Code::io, false) == unsafe);

  Console console{true};
  CHECK_FALSE(console.run(std::string{schema} + "INSERT INTO t VALUES (1, 'a'), (2, NULL);"));
  CHECK(console.last.retry == safe);
  CHECK_FALSE(console.run("INSERT OR FAIL INTO t VALUES (1, 'a'), (2, NULL);"));
  CHECK(console.last.retry == unsafe);
}

TEST_CASE("an error as JSON is one line that names all there is to it") {
  Console console;
  CHECK_FALSE(console.run("\n  SELECT \"a\nb\" +;"));
  CHECK(json_line(console.last) == R"({"error":"near \";\": syntax error","code":"42601","kind":"failed","retry":"safe","file":"x.sql","line":3,"column":5,"statement":"SELECT \"a\u000ab\" +;"})");
}
