#include "mvcc/read_floor.hpp"

#include <doctest/doctest.h>

#include <map>

#include "env/random.hpp"
#include "mvcc/key.hpp"

using namespace ddb;

namespace {

Bytes numbered(uint64_t n) { return "k" + std::to_string(1'000'000 + n); }

}  // namespace

TEST_CASE("R3: the floor of a span is that of all its keys and gaps, and of no others") {
  mvcc::ReadFloor floor;
  floor.raise(env::KeySpan{"b", "d"}, Timestamp{5});
  CHECK(floor.at("a") == Timestamp{0});
  CHECK(floor.at("b") == Timestamp{5});
  CHECK(floor.at("c and never written") == Timestamp{5});
  CHECK(floor.at("d") == Timestamp{0});
  floor.raise(env::KeySpan{"c", ""}, Timestamp{9});
  CHECK(floor.at("b") == Timestamp{5});
  CHECK(floor.at("c") == Timestamp{9});
  CHECK(floor.at("zzz") == Timestamp{9});
  floor.raise(env::KeySpan{"", ""}, Timestamp{7});
  CHECK(floor.at("") == Timestamp{7});
  CHECK(floor.at("c") == Timestamp{9});
}

TEST_CASE("a floor never sinks") {
  mvcc::ReadFloor floor;
  floor.raise("k", Timestamp{9});
  floor.raise("k", Timestamp{3});
  floor.raise(env::point_span("k"), Timestamp{2});
  floor.raise_all(Timestamp{4});
  floor.raise_all(Timestamp{1});
  CHECK(floor.at("k") == Timestamp{9});
  CHECK(floor.at("other") >= Timestamp{4});
}

TEST_CASE("spans are kept exactly until the bound") {
  Random random{4};
  mvcc::ReadFloor floor;
  std::map<uint64_t, Timestamp> model;
  for (int i = 0; i < 2000; ++i) {
    const uint64_t start = random.below(300);
    const uint64_t end = start + random.below(20);
    const Timestamp ts{random.below(1000)};
    floor.raise(env::KeySpan{numbered(start), numbered(end)}, ts);
    for (uint64_t n = start; n < end; ++n) model[n] = std::max(model[n], ts);
    const uint64_t probe = random.below(330);
    REQUIRE(floor.at(numbered(probe)) == model[probe]);
  }
}

TEST_CASE("over its bounds the floor answers higher than the truth, never lower") {
  Random random{5};
  mvcc::ReadFloor floor;
  std::map<uint64_t, Timestamp> model;
  constexpr uint64_t keys = 40'000;
  for (uint64_t now = 1; now < 100'000; ++now) {
    const uint64_t n = random.below(keys);
    if (random.one_in(2)) {
      floor.raise(numbered(n), Timestamp{now});
    } else {
      floor.raise(env::point_span(numbered(n)), Timestamp{now});
    }
    model[n] = Timestamp{now};
    const uint64_t probe = random.below(keys);
    REQUIRE(floor.at(numbered(probe)) >= model[probe]);
    REQUIRE(floor.at(numbered(probe)) <= Timestamp{now});
  }
  CHECK(floor.at("unread") < Timestamp{99'000});  // what is fresh is still told apart
}
