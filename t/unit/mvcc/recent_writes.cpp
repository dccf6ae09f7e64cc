#include "mvcc/recent_writes.hpp"

#include <doctest/doctest.h>

#include "env/random.hpp"
#include "mvcc/key.hpp"

using namespace ddb;

namespace {

Bytes numbered(uint64_t n) { return std::to_string(1000 + n); }

}  // namespace

TEST_CASE("what was written before the start is not vouched for") {
  mvcc::RecentWrites recent;
  recent.note("k", Timestamp{9});
  CHECK_FALSE(recent.knows_since(Timestamp{100}));
  recent.start(Timestamp{10});
  CHECK_FALSE(recent.knows_since(Timestamp{9}));
  CHECK(recent.knows_since(Timestamp{10}));
  CHECK(recent.newer_in({"", ""}, Timestamp{10}) == std::nullopt);
}

TEST_CASE("P4: where it vouches for all that is newer, it finds what a list of all writes has") {
  Random random{10};
  mvcc::RecentWrites recent{64};
  recent.start(Timestamp{1});
  std::map<Bytes, Timestamp> model;
  int vouched = 0;
  for (uint64_t now = 2; now < 20'000; ++now) {
    const Bytes key = numbered(random.below(200));
    const Timestamp ts{now > 10 ? now - random.below(10) : now};  // commits apply a little out of order
    recent.note(key, ts);
    model[key] = std::max(model[key], ts);

    const uint64_t start = random.below(200);
    const env::KeySpan span{numbered(start), random.one_in(9) ? Bytes{} : numbered(start + random.below(30))};
    const Timestamp since{now - std::min(now, random.below(120))};
    if (!recent.knows_since(since)) continue;
    ++vouched;
    bool expected = false;
    for (const auto& [written, at] : model) expected |= env::contains(span, written) && at > since;
    const auto found = recent.newer_in(span, since);
    REQUIRE(found.has_value() == expected);
    if (found) REQUIRE(model.at(*found) > since);
  }
  CHECK(vouched > 4000);
  CHECK_FALSE(recent.knows_since(Timestamp{10'000}));  // the old is forgotten
}
