#include "cli/address.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

using namespace ddb;

TEST_CASE("an address reads as it is written") {
  for (const char* text : {"127.0.0.1:7101", "node-1.example:0", "[::1]:65535"}) {
    const auto address = cli::parse_address(text);
    REQUIRE(address);
    CHECK(cli::to_string(*address) == text);
  }
}

TEST_CASE("what is no address is refused and named") {
  for (const char* text : {"", ":", "host", "host:", ":80", "host:65536", "host:-1", "host:80x", "::1:80", "[]:80", "a b:80", "a,b:80:1"}) {
    const auto address = cli::parse_address(text);
    REQUIRE_FALSE(address);
    CHECK(address.error().code == Code::usage);
    CHECK(address.error().message.find(text) != std::string::npos);
  }
}

TEST_CASE("a list of addresses has no empty places") {
  const auto two = cli::parse_addresses("a:1,b:2");
  REQUIRE(two);
  CHECK(*two == std::vector<cli::Address>{{"a", 1}, {"b", 2}});
  for (const char* text : {"", "a:1,", ",a:1", "a:1,,b:2"}) CHECK_FALSE(cli::parse_addresses(text));
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

TEST_CASE("a daemon stays on loopback unless told otherwise") {
  for (const char* host : {"127.0.0.1", "127.8.9.10", "::1", "localhost"}) CHECK(cli::check_listen({host, 1}, false));
  for (const char* host : {"0.0.0.0", "::", "10.0.0.1", "node.example"}) {
    CHECK(cli::check_listen({host, 1}, false).error().code == Code::refused);
    CHECK(cli::check_listen({host, 1}, true));
  }
}
