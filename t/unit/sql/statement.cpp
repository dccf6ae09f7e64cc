#include "sql/statement.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace ddb::sql;

namespace {

std::vector<std::string> split(std::string_view script, size_t piece = 1000) {
  StatementSplitter splitter;
  std::vector<std::string> out;
  std::string_view statement;
  for (size_t at = 0; at < script.size(); at += piece) {
    splitter.feed(script.substr(at, piece));
    while (splitter.next(statement)) out.emplace_back(statement);
  }
  out.emplace_back(splitter.rest());
  return out;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("semicolons end statements, but not in strings, names and comments") {
  CHECK(split("a;b ; c") == Texts{"a;", "b ;", " c"});
  CHECK(split("'x;y' \"p;q\" [r;s] `t;u`;") == Texts{"'x;y' \"p;q\" [r;s] `t;u`;", ""});
  CHECK(split("-- a;b\nc /* ; */;d") == Texts{"-- a;b\nc /* ; */;", "d"});
  CHECK(split(";;") == Texts{";", ";", ""});
}

TEST_CASE("a trigger ends with END;") {
  const std::string trigger = "CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; SELECT CASE 1 WHEN 1 THEN 2 END; END;";
  CHECK(split(trigger + "SELECT 1;") == Texts{trigger, "SELECT 1;", ""});
  CHECK(split("explain create temp trigger x begin a; end; b") == Texts{"explain create temp trigger x begin a; end;", " b"});
  CHECK(split("CREATE TABLE t(a); END;") == Texts{"CREATE TABLE t(a);", " END;", ""});
}

TEST_CASE("any cut of the input gives the same statements") {
  const std::string script =
      "CREATE TABLE t(a TEXT DEFAULT ';');\n-- comment ; more\nINSERT INTO t VALUES('a''b;'); /* ; \n */ "
      "CREATE TRIGGER r AFTER INSERT ON t BEGIN\n  DELETE FROM t; -- END;\nEND;\nSELECT x'00';\n";
  const Texts whole = split(script);
  CHECK(whole.size() == 5);
  for (size_t piece = 1; piece < 40; ++piece) CHECK(split(script, piece) == whole);
}

TEST_CASE("lines are counted to where a statement begins") {
  StatementSplitter splitter;
  splitter.feed("a;\nb\n;c;\n\n");
  std::string_view statement;
  std::vector<size_t> lines;
  while (splitter.next(statement)) lines.push_back(splitter.line());
  CHECK(lines == std::vector<size_t>{1, 1, 3});
  splitter.feed("d;");
  REQUIRE(splitter.next(statement));
  CHECK(statement == "\n\nd;");
  CHECK(splitter.line() == 3);
}

TEST_CASE("blank texts") {
  CHECK(is_blank(" ; -- x\n/* y */"));
  CHECK_FALSE(is_blank("; 'x'"));
}
