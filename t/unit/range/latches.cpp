#include "range/latches.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <set>

#include "env/random.hpp"
#include "mvcc/key.hpp"

using namespace ddb;
using range::Latches;

namespace {

using Ids = std::vector<Latches::OwnerId>;

Latches::Want writes(std::vector<Bytes> keys) { return {.keys = std::move(keys), .records = {}, .shared = {}}; }
Latches::Want shares(std::vector<env::KeySpan> spans) { return {.keys = {}, .records = {}, .shared = std::move(spans)}; }

Ids release(Latches& latches, Latches::OwnerId owner) {
  Ids ready;
  latches.release(owner, ready);
  return ready;
}

}  // namespace

TEST_CASE("latches: writers of a key go one by one, in order; of different keys at once") {
  Latches latches;
  CHECK(latches.acquire(1, writes({"a", "b"})));
  CHECK(latches.acquire(2, writes({"c"})));
  CHECK_FALSE(latches.acquire(3, writes({"b", "c"})));
  CHECK_FALSE(latches.acquire(4, writes({"c"})));
  CHECK(release(latches, 1).empty());
  CHECK(release(latches, 2) == Ids{3});
  CHECK(release(latches, 3) == Ids{4});
  CHECK(release(latches, 4).empty());
  CHECK(latches.idle());
}

TEST_CASE("latches: sharers go together, and a writer among them is not overtaken") {
  Latches latches;
  CHECK(latches.acquire(1, shares({{"a", "f"}})));
  CHECK(latches.acquire(2, shares({env::point_span("b")})));
  CHECK_FALSE(latches.acquire(3, writes({"b"})));
  CHECK_FALSE(latches.acquire(4, shares({env::point_span("b")})));
  CHECK_FALSE(latches.acquire(5, shares({{"a", ""}})));
  CHECK(release(latches, 1).empty());
  CHECK(release(latches, 2) == Ids{3});
  CHECK(release(latches, 3) == Ids{4, 5});
}

TEST_CASE("latches: nobody waits for himself") {
  Latches latches;
  CHECK(latches.acquire(1, {.keys = {"a"}, .records = {"a"}, .shared = {{"", ""}, env::point_span("a")}}));
  CHECK(release(latches, 1).empty());
  CHECK(latches.idle());
}

TEST_CASE("latches: records are no keys") {
  Latches latches;
  CHECK(latches.acquire(1, writes({"a"})));
  CHECK(latches.acquire(2, {.keys = {}, .records = {"a"}, .shared = {}}));
  CHECK_FALSE(latches.acquire(3, {.keys = {}, .records = {"a"}, .shared = {}}));
}

TEST_CASE("R1: a read waits for who holds its keys, not for who queues behind him") {
  Latches latches;
  CHECK(latches.acquire(1, writes({"b"})));
  CHECK_FALSE(latches.acquire(2, writes({"b"})));
  CHECK_FALSE(latches.wait(3, {"b"}, {}));
  CHECK_FALSE(latches.wait(4, {}, {{"a", "c"}}));
  CHECK(latches.wait(5, {"a"}, {{"c", ""}}));
  CHECK(release(latches, 1) == Ids{2, 3, 4});
  CHECK(latches.wait(6, {"a"}, {}));
  CHECK(release(latches, 2).empty());
}

TEST_CASE("L3: who wants everything waits for all before him, and all after him wait") {
  Latches latches;
  CHECK(latches.acquire(1, writes({"a"})));
  CHECK(latches.acquire(2, shares({{"x", "z"}})));
  CHECK_FALSE(latches.acquire(3, {.keys = {}, .records = {}, .shared = {}, .all = true}));
  CHECK(latches.wait(4, {"q"}, {}));  // it holds nothing yet
  CHECK_FALSE(latches.acquire(5, writes({"q"})));
  CHECK(release(latches, 2).empty());
  CHECK(release(latches, 1) == Ids{3});
  CHECK_FALSE(latches.wait(6, {"q"}, {}));
  CHECK(release(latches, 3) == Ids{5, 6});
  CHECK(latches.acquire(7, writes({"r"})));
}

TEST_CASE("latches: no two that conflict ever hold, all get their turn, in order among those that conflict") {
  struct Holder {
    Latches::Want want;
    bool holds = false;
  };
  const auto conflict = [](const Latches::Want& a, const Latches::Want& b) {
    if (a.all || b.all) return true;
    const auto covered = [](const Latches::Want& by, const Bytes& key) {
      return std::find(by.keys.begin(), by.keys.end(), key) != by.keys.end() ||
             std::any_of(by.shared.begin(), by.shared.end(), [&](const auto& s) { return env::contains(s, key); });
    };
    return std::any_of(a.keys.begin(), a.keys.end(), [&](const Bytes& k) { return covered(b, k); }) ||
           std::any_of(b.keys.begin(), b.keys.end(), [&](const Bytes& k) { return covered(a, k); });
  };
  const auto random_want = [](Random& random) {
    Latches::Want want;
    std::set<Bytes> keys;
    for (uint64_t n = random.below(3); n > 0; --n) keys.insert(Bytes(1, static_cast<char>('a' + random.below(6))));
    want.keys.assign(keys.begin(), keys.end());
    for (uint64_t n = random.below(3); n > 0; --n) {
      const Bytes start(1, static_cast<char>('a' + random.below(6)));
      const Bytes end(1, static_cast<char>(start[0] + static_cast<char>(random.below(3))));
      want.shared.push_back(random.one_in(2) ? env::point_span(start) : env::KeySpan{start, end});
    }
    want.all = random.one_in(40);
    return want;
  };

  Random random{9};
  Latches latches;
  std::map<Latches::OwnerId, Holder> owners;
  Latches::OwnerId last = 0;
  for (int step = 0; step < 20'000; ++step) {
    const bool closing = step > 19'900;
    if (!closing && owners.size() < 12 && random.one_in(2)) {
      auto& owner = owners[++last];
      owner.want = random_want(random);
      owner.holds = latches.acquire(last, owner.want);
    } else if (!owners.empty()) {
      Ids holders;
      for (const auto& [id, owner] : owners) {
        if (owner.holds) holders.push_back(id);
      }
      REQUIRE_FALSE(holders.empty());  // no deadlock
      const auto chosen = holders[random.below(holders.size())];
      Ids ready;
      latches.release(chosen, ready);
      owners.erase(chosen);
      for (const auto id : ready) owners.at(id).holds = true;
    }
    for (const auto& [id, owner] : owners) {
      for (const auto& [other, theirs] : owners) {
        if (other >= id) break;
        // Who came later and conflicts does not hold while the earlier is there, holding or not.
        if (conflict(owner.want, theirs.want)) REQUIRE_FALSE(owner.holds);
      }
    }
  }
  CHECK(owners.empty());
  CHECK(latches.idle());
}
