#include "net/address.hpp"

#include <doctest/doctest.h>

using namespace ddb;
using net::Address;

TEST_CASE("addresses are host:port, IPv6 in brackets") {
  CHECK(net::parse_address("127.0.0.1:7001") == Address{"127.0.0.1", 7001});
  CHECK(net::parse_address("db.example:0") == Address{"db.example", 0});
  CHECK(net::parse_address("[::1]:65535") == Address{"::1", 65535});
  for (const char* bad : {"", ":", "host", "host:", ":7001", "host:65536", "host:-1", "host:1x", "::1:7001", "[]:1"})
    CHECK_MESSAGE(net::parse_address(bad).error().code == Code::usage, bad);
  for (const char* text : {"127.0.0.1:7001", "[::1]:1"}) CHECK(net::to_string(*net::parse_address(text)) == text);
}

TEST_CASE("a local socket is unix: and its absolute path") {
  const auto local = net::parse_address("unix:/tmp/a b:1");
  REQUIRE(local);
  CHECK(*local == Address{"/tmp/a b:1", 0});
  CHECK(local->is_local());
  CHECK(net::is_loopback(*local));
  CHECK(net::to_string(*local) == "unix:/tmp/a b:1");
  CHECK(net::parse_address("unix:/" + std::string(net::local_path_max - 1, 'x')).has_value());
  CHECK(net::parse_address("unix:/" + std::string(net::local_path_max, 'x')).error().code == Code::usage);
  CHECK(net::parse_address("unix:tmp").error().code == Code::usage);
}

TEST_CASE("a list of addresses is whole or refused") {
  const auto two = net::parse_addresses("a:1,b:2");
  REQUIRE(two);
  CHECK(*two == std::vector<Address>{{"a", 1}, {"b", 2}});
  for (const char* bad : {"", ",", "a:1,", "a:1,,b:2", "a:1,b"}) CHECK(!net::parse_addresses(bad));
}

TEST_CASE("loopback is told by address, not by the look of a name") {
  for (const char* host : {"127.0.0.1", "127.8.9.10", "::1", "localhost"}) CHECK(net::is_loopback({host, 1}));
  for (const char* host : {"0.0.0.0", "10.0.0.1", "127.0.0.1.evil.example", "::", "example"})
    CHECK(!net::is_loopback({host, 1}));
}
