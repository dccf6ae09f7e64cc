#include "gateway/named_txn.hpp"

#include <doctest/doctest.h>

#include <string>

#include "unit/sql/memory_kv.hpp"

using namespace ddb;
using gateway::NamedKv;
using gateway::Outcome;

namespace {

const env::Write row{env::WriteKind::put, "row", "value"};

std::unique_ptr<env::KvTxn> begin(env::Kv& kv) {
  auto txn = kv.begin({});
  REQUIRE(txn);
  return *std::move(txn);
}

bool has_row(const test::MemoryKv& kv) { return !kv.all({"row", "rox"}).empty(); }

}  // namespace

TEST_CASE("the name of a committed transaction says so, and cannot commit another") {
  test::MemoryKv kv;
  NamedKv named{kv, "x", Timestamp{7}};
  REQUIRE(begin(named)->commit({row}));
  CHECK(named.finish());
  const auto settled = gateway::settle_outcome(kv, "x");
  REQUIRE(settled);
  CHECK(settled->outcome == Outcome::committed);
  CHECK(settled->since == Timestamp{7});

  NamedKv again{kv, "x", Timestamp{8}};
  const auto refused = begin(again)->commit({{env::WriteKind::put, "other", ""}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::refused);
  CHECK(kv.all({"other", "othes"}).empty());
}

TEST_CASE("who asks first closes the name: a transaction under way can no longer commit") {
  test::MemoryKv kv;
  NamedKv named{kv, "x", Timestamp{1}};
  const auto under_way = begin(named);
  const auto later = begin(named);
  CHECK(gateway::settle_outcome(kv, "x")->outcome == Outcome::aborted);
  CHECK_FALSE(under_way->commit({row}));
  CHECK_FALSE(later->commit({row}));
  CHECK(begin(named)->commit({row}).error().code == Code::refused);
  CHECK_FALSE(has_row(kv));
  CHECK(gateway::settle_outcome(kv, "x")->outcome == Outcome::aborted);
  CHECK(gateway::settle_outcome(kv, "y")->outcome == Outcome::aborted);  // every name by itself
}

TEST_CASE("a commit between the question and its closing of the name is the answer") {
  test::MemoryKv kv;
  NamedKv named{kv, "x", Timestamp{1}};
  bool commits = true;
  kv.on_request = [&](const char* request) -> Result<void> {
    if (std::string_view{request} == "commit" && std::exchange(commits, false)) REQUIRE(begin(named)->commit({row}));
    return {};
  };
  CHECK(gateway::settle_outcome(kv, "x")->outcome == Outcome::committed);
}

TEST_CASE("looking decides nothing") {
  test::MemoryKv kv;
  const auto lookup = gateway::find_outcome(kv, "x");
  REQUIRE(lookup);
  CHECK_FALSE(lookup->known);
  NamedKv named{kv, "x", lookup->read_ts};
  CHECK(begin(named)->commit({row}));
  CHECK(gateway::find_outcome(kv, "x")->known->outcome == Outcome::committed);
}

TEST_CASE("what reads and writes nothing has an outcome too") {
  test::MemoryKv kv;
  NamedKv reads{kv, "reads", Timestamp{1}};
  REQUIRE(begin(reads)->commit({}));
  NamedKv nothing{kv, "nothing", Timestamp{1}};
  REQUIRE(nothing.finish());
  CHECK(gateway::settle_outcome(kv, "reads")->outcome == Outcome::committed);
  CHECK(gateway::settle_outcome(kv, "nothing")->outcome == Outcome::committed);
}

TEST_CASE("a conflict leaves the name open") {
  test::MemoryKv kv;
  NamedKv named{kv, "x", Timestamp{1}};
  const auto late = begin(named);
  REQUIRE(begin(kv)->commit({row}));
  CHECK(late->commit({row}).error().code == Code::conflict);
  CHECK(begin(named)->commit({row}));
}

TEST_CASE("a forgotten name is new") {
  test::MemoryKv kv;
  CHECK(gateway::settle_outcome(kv, "x")->outcome == Outcome::aborted);
  CHECK(gateway::forget_outcome(kv, "x"));
  CHECK(kv.all().empty());
  NamedKv named{kv, "x", Timestamp{1}};
  CHECK(begin(named)->commit({row}));
}

TEST_CASE("names have bounds") {
  CHECK_FALSE(gateway::check_txn_name(""));
  CHECK(gateway::check_txn_name(std::string(gateway::txn_name_bytes_max, 'x')));
  CHECK_FALSE(gateway::check_txn_name(std::string(gateway::txn_name_bytes_max + 1, 'x')));
}
