#include "cli/tool.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <initializer_list>

using namespace ddb;
using namespace std::chrono_literals;
using cli::Context;
using cli::Tool;

namespace {

int run(Tool& tool, std::initializer_list<const char*> arguments) {
  std::vector<const char*> argv{"tool"};
  argv.insert(argv.end(), arguments);
  argv.push_back(nullptr);
  return tool.run(static_cast<int>(argv.size()) - 1, argv.data());
}

struct Arguments {
  bool loud = false;
  std::string name = "default";
  std::vector<std::string> statements;
  uint64_t count = 3;
  net::Address listen{"127.0.0.1", 1};
  std::chrono::microseconds timeout = 10s;
  std::optional<uint64_t> maybe;
  std::vector<std::string> files;

  int parse(std::initializer_list<const char*> words) {
    Tool tool{"ddb-test", "test"};
    tool.flag("-l,--loud", loud, "loud")
        .option("--name", name, "name")
        .option("-c", statements, "statement")
        .option("-n,--count", count, "count").between(1, 9)
        .option("--listen", listen, "address")
        .option("-t,--timeout", timeout, "timeout")
        .option("--maybe", maybe, "maybe")
        .option("files", files, "files");
    return run(tool, words, [](Context&) -> Result<void> { return {}; });
  }

 private:
  static int run(Tool& tool, std::initializer_list<const char*> words, cli::Action action) {
    tool.action(std::move(action));
    return ::run(tool, words);
  }
};

}  // namespace

TEST_CASE("options have values, else defaults") {
  Arguments none;
  CHECK(none.parse({}) == 0);
  CHECK(none.name == "default");
  CHECK(none.timeout == 10s);
  CHECK_FALSE(none.maybe);

  Arguments all;
  CHECK(all.parse({"-l", "--name=x", "-c", "a", "f1", "-c", "b", "-n", "9", "--listen", "[::1]:80", "-t", "1.5ms", "--maybe", "0", "f2", "-"}) == 0);
  CHECK(all.loud);
  CHECK(all.name == "x");
  CHECK(all.statements == std::vector<std::string>{"a", "b"});
  CHECK(all.count == 9);
  CHECK(all.listen == net::Address{"::1", 80});
  CHECK(all.timeout == 1500us);
  CHECK(all.maybe == 0);
  CHECK(all.files == std::vector<std::string>{"f1", "f2", "-"});
}

TEST_CASE("wrong usage is 64 and nothing runs") {
  using Words = std::initializer_list<const char*>;
  for (const Words& words : {Words{"--unknown"}, Words{"-n"}, Words{"-n", "x"}, Words{"-n", "10"}, Words{"-n", "-1"},
                             Words{"--listen", "80"}, Words{"-t", "5 parsecs"}, Words{"-t", "-1s"}, Words{"-t", ""}, Words{"--maybe", "1x"}})
    CHECK(Arguments{}.parse(words) == cli::exit_usage);
}

TEST_CASE("the chosen command acts, and no other") {
  const auto act = [](std::initializer_list<const char*> words) {
    Tool tool{"ddb-test", "test"};
    std::string acted;
    std::string key;
    for (const char* name : {"get", "put"})
      tool.command(name, "summary").with_oracle().with_output().option("key", key, "key").required().action(
          [&acted, name](Context&) -> Result<void> {
            acted = name;
            return {};
          });
    const int status = run(tool, words);
    return std::pair{status, acted + key};
  };
  CHECK(act({"put", "--json", "-o", "h:1", "k"}) == std::pair{0, std::string{"putk"}});
  CHECK(act({"put"}).first == cli::exit_usage);
  CHECK(act({}) == std::pair{64, std::string{}});
  CHECK(act({"steal", "k"}).first == cli::exit_usage);
  CHECK(act({"get", "k", "--format", "xml"}).first == cli::exit_usage);
  CHECK(act({"get", "k", "--format", "csv"}).first == 0);
}

TEST_CASE("errors and exceptions become exit codes") {
  const auto status = [](cli::Action action) {
    Tool tool{"ddb-test", "test"};
    tool.action(std::move(action));
    return run(tool, {});
  };
  CHECK(status([](Context&) -> Result<void> { return fail(Code::unavailable, "no oracle"); }) == cli::exit_unavailable);
  CHECK(status([](Context&) -> Result<void> { throw std::runtime_error{"surprise"}; }) == cli::exit_internal);
  CHECK(status([](Context&) -> Result<void> { throw std::system_error{ENOSPC, std::generic_category(), "write"}; }) == cli::exit_io);
}

TEST_CASE("a tool may act by itself and have commands") {
  std::string acted;
  const auto act = [&](std::vector<const char*> words) {
    Tool tool{"ddb-test", "test"};
    std::vector<std::string> files;
    tool.option("file", files, "files");
    tool.command("status", "say").action([&](Context&) -> Result<void> { acted = "status"; return {}; });
    words.insert(words.begin(), "ddb-test");
    acted.clear();
    return tool.run(static_cast<int>(words.size()), words.data(), [&](Context&) -> Result<void> { acted = "itself"; return {}; });
  };
  CHECK((act({}) == 0 && acted == "itself"));
  CHECK((act({"x"}) == 0 && acted == "itself"));
  CHECK((act({"status"}) == 0 && acted == "status"));
  CHECK((act({"x", "status"}) == cli::exit_usage && acted.empty()));
}

TEST_CASE("the oracles come from the option before the environment") {
  setenv("DDB_ORACLE", "env:1", 1);
  CHECK(cli::oracle_addresses("option:2").value().front().host == "option");
  CHECK(cli::oracle_addresses("").value().front().host == "env");

  setenv("DDB_ORACLE", "nonsense", 1);
  CHECK(cli::oracle_addresses("").error().message.starts_with("DDB_ORACLE: "));

  unsetenv("DDB_ORACLE");
  const auto none = cli::oracle_addresses("");
  REQUIRE_FALSE(none);
  CHECK(none.error().code == Code::usage);
  CHECK(none.error().hint.find("DDB_ORACLE") != std::string::npos);
}
