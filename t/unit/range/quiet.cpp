// Quiet groups (Q1-Q3, L4), and what a quorum's word is worth without the store's lease (D5).
#include <doctest/doctest.h>

#include "unit/range/store_group.hpp"

using namespace ddb;
using namespace ddb::range;
using namespace std::chrono_literals;
using ddb::range::test::StoreGroup;

namespace {

/// A group that has elected its leader and gone quiet.
size_t put_to_sleep(StoreGroup& group) {
  group.run(5s);
  const auto leader = group.leader();
  REQUIRE(leader);
  REQUIRE(group.quiet() == StoreGroup::count);
  return *leader;
}

size_t answers(const StoreGroup& group, size_t member, BytesView what) {
  size_t n = 0;
  for (const auto& [body, number] : group.members[member].replies) n += body == what;
  return n;
}

bool is_rest(const proto::PeerMessage& message) { return std::holds_alternative<proto::Rest>(message.body); }

}  // namespace

TEST_CASE("an idle group costs no message and next to no tick (Q1, Q2)") {
  StoreGroup group{200};
  put_to_sleep(group);
  group.run(20s);  // paced elections come to their end (Q3)
  for (uint64_t range = 1; range <= 200; ++range) CHECK(group.quiet(RangeId{range}) == 3);
  group.messages = 0;
  for (auto& member : group.members) member.ticks = 0;
  group.run(10s);
  CHECK(group.messages == 0);
  for (const auto& member : group.members) CHECK(member.ticks <= 40);
}

TEST_CASE("a request wakes a quiet group, which has no lease until it has asked its quorum (L4)") {
  StoreGroup group;
  const size_t leader = put_to_sleep(group);
  CHECK_FALSE(group.replica(leader).lease_valid());
  group.request(leader, 1);
  group.run(20ms);
  CHECK(answers(group, leader, "yes") == 1);
  group.run(100ms);
  CHECK(group.replica(leader).lease_valid());
  CHECK(group.quiet() == 0);
  group.run(1s);
  CHECK(group.quiet() == 3);
}

TEST_CASE("a follower that lacks something does not agree, and the leader goes on (Q1)") {
  StoreGroup group;
  const size_t leader = put_to_sleep(group);
  const size_t behind = (leader + 1) % 3;
  proto::Rest rest{group.replica(leader).term(), group.replica(leader).raft().last()};
  rest.last.index = rest.last.index.next();
  const auto& from = group.replica(leader);
  group.members[behind].store->peer({1, StoreId{100 + leader}, StoreId{100 + behind}, Incarnation{1},
                                     {{RangeId{1}, from.id(), ReplicaId{behind + 1}, {1, 1}, rest}}}, group.now);
  CHECK_FALSE(group.replica(behind).quiet());
  group.run(20ms);
  CHECK_FALSE(group.replica(leader).quiet());
  group.run(2s);
  CHECK(group.leader() == leader);
  CHECK(group.quiet() == 3);
}

TEST_CASE("a group does not rest while a member cannot make its log durable (Q1)") {
  StoreGroup group;
  const size_t leader = put_to_sleep(group);
  const size_t slow = (leader + 1) % 3;
  group.members[slow].disk_stalls = true;
  group.kill(leader);  // so that there is a new leader's entry, which the slow one cannot hold
  group.run(500ms);
  group.start(leader);
  group.run(10s);
  REQUIRE(group.leader());
  CHECK(group.quiet() == 0);
  group.members[slow].disk_stalls = false;
  group.run(10s);
  CHECK(group.quiet() == 3);
}

TEST_CASE("who was not told to rest finds a leader that leads, not an election (L4)") {
  StoreGroup group;
  const size_t leader = put_to_sleep(group);
  const Term term = group.replica(leader).term();
  const size_t deaf = (leader + 1) % 3;
  group.loses = [&](size_t, size_t to, const proto::PeerMessage& message) { return to == deaf && is_rest(message); };
  for (uint64_t i = 0; i < 20; ++i) {
    group.request(leader, i);
    group.run(4s);  // the group sleeps but for one, whose timer runs out
    REQUIRE(group.replica(leader).term() == term);
  }
  CHECK(answers(group, leader, "yes") == 20);
}

TEST_CASE("a quiet leader that dies is followed by another within the usual time (Q2)") {
  StoreGroup group;
  const size_t dead = put_to_sleep(group);
  group.kill(dead);
  group.run(4s);
  const auto next = group.leader();
  REQUIRE(next);
  group.request(*next, 1);
  group.run(50ms);
  CHECK(answers(group, *next, "yes") == 1);
  // Back again, it is woken by the new leader and learns who that is (Q3).
  group.start(dead);
  group.run(3s);
  CHECK(group.replica(dead).leader() == group.replica(*next).id());
  CHECK(group.quiet() == 3);
  CHECK(group.leader() == next);
}

TEST_CASE("a quiet leader restarted faster than it is missed is noticed by its incarnation (Q2)") {
  StoreGroup group;
  const size_t leader = put_to_sleep(group);
  group.kill(leader);
  group.start(leader);
  group.run(5s);
  CHECK(group.leader());
  CHECK(group.quiet() == 3);
}

TEST_CASE("a quiet leader whose disk stalls says so, and hands over (Q2, A8)") {
  StoreGroup group{2};
  const size_t leader = put_to_sleep(group);
  group.members[leader].disk_stalls = true;
  group.members[leader].writing = group.members[leader].store->cover_batch(group.now);
  group.run(8s);
  const auto next = group.leader();
  REQUIRE(next);
  CHECK(*next != leader);
}

TEST_CASE("after a restart few replicas wake at a time (Q3)") {
  StoreGroup group{100};
  put_to_sleep(group);
  group.run(20s);
  for (size_t i = 0; i < 3; ++i) group.kill(i);
  for (size_t i = 0; i < 3; ++i) group.start(i);
  const auto awake = [&](size_t i) {
    size_t n = 0;
    for (uint64_t range = 1; range <= 100; ++range) n += !group.replica(i, RangeId{range}).quiet();
    return n;
  };
  CHECK(awake(0) == 0);
  group.run(StoreGroup::step);
  CHECK(awake(0) <= Quiet::wakes_per_tick);
  group.run(30s);
  for (uint64_t range = 1; range <= 100; ++range) {
    REQUIRE(group.leader(RangeId{range}));
    CHECK(group.quiet(RangeId{range}) == 3);
  }
}

TEST_CASE("after a restart a requested replica wakes first (Q3)") {
  StoreGroup group{100};
  put_to_sleep(group);
  group.run(20s);
  for (size_t i = 0; i < 3; ++i) group.kill(i);
  for (size_t i = 0; i < 3; ++i) group.start(i);
  group.request(1, 1, RangeId{100});
  CHECK_FALSE(group.replica(1, RangeId{100}).quiet());
}

TEST_CASE("a quorum's word is not passed on while the store's lease has run out (D5)") {
  StoreGroup group{1, true};
  group.run(5s);
  const auto leader = group.leader();
  REQUIRE(leader);
  group.request(*leader, 1);
  group.run(50ms);
  REQUIRE(answers(group, *leader, "yes") == 1);

  group.oracle_answers = false;
  group.run(std::chrono::milliseconds{proto::store_lease_ms} + 1s);
  group.request(*leader, 2);
  group.run(500ms);
  CHECK(group.leader() == leader);  // groups go on
  CHECK(group.members[*leader].replies.size() == 1);

  group.oracle_answers = true;
  group.run(1s);
  CHECK(answers(group, *leader, "yes") == 2);
}
