// Election timeouts, silence after a restart, leases: what depends on time alone.
#include <doctest/doctest.h>

#include <set>

#include "unit/raft/member.hpp"

using namespace ddb;
using namespace ddb::raft;
using namespace ddb::raft::test;

namespace {

Initial fresh(Config config) {
  return {.hard = {}, .base = {}, .config = std::move(config), .entries = {}, .applied = {}};
}

Initial restarted(Config config, uint64_t term, uint64_t vote) {
  Initial initial = fresh(std::move(config));
  initial.hard = {.term = Term{term}, .vote = ReplicaId{vote}, .commit = {}};
  initial.restarted = true;
  return initial;
}

}  // namespace

TEST_CASE("scenario 12: timeouts are drawn from [T, 2T), anew on each change, and every value occurs") {
  Options options;
  options.election_timeout = 20us;
  options.heartbeat_interval = 2us;
  options.clock_drift_max = 2us;
  Member member{1, fresh(voters({1, 2, 3})), options};
  std::set<Duration> drawn;
  for (int i = 0; i < 1000; ++i) {
    const Duration timeout = member.raft.next_deadline() - member.now;
    CHECK(timeout >= 20us);
    CHECK(timeout < 40us);
    drawn.insert(timeout);
    member.now = member.raft.next_deadline();
    member.raft.tick(member.now);  // a pre-candidate again
    (void)member.take();
  }
  CHECK(drawn.size() == 20);
}

TEST_CASE("L1: a restarted member neither votes nor campaigns for one election timeout") {
  const proto::RequestVote request{.last = {LogIndex{9}, Term{9}}};
  proto::RequestVote transfer = request;
  transfer.transfer = true;
  Member member{1, restarted(voters({1, 2, 3}), 1, 0)};
  CHECK(member.raft.next_deadline() >= member.now + 1000ms);
  member.now += 999ms;
  member.step(2, 2, request);
  member.step(2, 2, transfer);
  member.step(2, 1, transfer);
  member.raft.campaign(member.now);
  for (const RaftMessage& m : member.flush()) {
    const auto* reply = std::get_if<proto::RequestVoteReply>(&m.body);
    CHECK((reply && !reply->granted));
  }
  CHECK(member.raft.term() == Term{1});

  member.now += 1ms;
  member.step(2, 2, request);
  const auto sent = member.flush();
  REQUIRE(find_body<proto::RequestVoteReply>(sent));
  CHECK(find_body<proto::RequestVoteReply>(sent)->granted);
}

TEST_CASE("L1: a restarted member that votes alone waits too, unless its last vote was its own") {
  CHECK(Member{1, restarted(voters({1}), 3, 2)}.raft.next_deadline() == Instant{1s} + 1000ms);
  CHECK(Member{1, restarted(voters({1}), 3, 1)}.raft.next_deadline() == Instant{1s});
  CHECK(Member{1, fresh(voters({1}))}.raft.next_deadline() == Instant{1s});
}

TEST_CASE("L1: who heard from a leader gives no votes for an election timeout, even in another term") {
  Member member{1, fresh(voters({1, 2, 3}))};
  member.step(2, 1, proto::Heartbeat{.commit = {}, .round = 1});
  (void)member.flush();
  // Another member's answer raises the term without ending the promise.
  member.now += 500ms;
  member.step(3, 5, proto::HeartbeatReply{.round = 1});
  CHECK(member.raft.term() == Term{5});
  member.now += 499ms;
  member.step(3, 6, proto::RequestVote{.last = {}});
  member.step(3, 5, proto::RequestVote{.last = {}});
  const auto refused = member.flush();
  REQUIRE(find_body<proto::RequestVoteReply>(refused));
  CHECK(!find_body<proto::RequestVoteReply>(refused)->granted);
  CHECK(member.raft.term() == Term{5});
  member.now += 1ms;
  member.step(3, 6, proto::RequestVote{.last = {}});
  CHECK(find_body<proto::RequestVoteReply>(member.flush())->granted);
}

TEST_CASE("L1: a lease counts from when the heartbeat was sent, not from when it was answered") {
  Member leader{1, fresh(voters({1, 2, 3}))};
  leader.elect();
  REQUIRE(leader.raft.role() == Role::leader);
  CHECK(!leader.raft.lease_valid(leader.now));  // votes are no promise
  const Instant sent = leader.now;
  leader.now += 400ms;
  leader.step(2, 1, proto::HeartbeatReply{.round = 1});
  CHECK(leader.raft.lease_valid(sent + 899ms));
  CHECK(!leader.raft.lease_valid(sent + 900ms));
  // A round that was opened for a read counts from the heartbeat before it.
  leader.step(2, 1, proto::AppendEntriesReply{.match = LogIndex{1}, .hint = {}, .round = 1});
  leader.raft.read_index(1, leader.now);
  leader.step(2, 1, proto::HeartbeatReply{.round = 2});
  CHECK(!leader.raft.lease_valid(sent + 900ms));
  // A bogus round from the future proves nothing.
  leader.step(2, 1, proto::HeartbeatReply{.round = 99});
  CHECK(!leader.raft.lease_valid(sent + 900ms));
}

TEST_CASE("L1: a lease needs a quorum of each configuration in force") {
  Member leader{1, fresh(voters({1, 2, 3}))};
  leader.elect();
  (void)leader.flush();
  leader.step(2, 1, proto::AppendEntriesReply{.match = LogIndex{1}, .hint = {}, .round = 1});
  CHECK(leader.raft.lease_valid(leader.now));
  Config joint = voters({1, 4, 5});
  joint.outgoing = voters({1, 2, 3}).voters;
  REQUIRE(leader.raft.propose_config({joint, {}}, leader.now));
  CHECK(!leader.raft.lease_valid(leader.now));
  leader.step(4, 1, proto::HeartbeatReply{.round = 1});
  CHECK(leader.raft.lease_valid(leader.now));
}

TEST_CASE("Q1, L4: a group at rest is not ticked; woken, its timers begin anew and its lease is confirmed anew") {
  Member leader{1, fresh(voters({1, 2, 3}))};
  leader.elect();
  (void)leader.flush();
  const auto acknowledge = [&](uint64_t from) {
    leader.step(from, 1, proto::AppendEntriesReply{.match = LogIndex{1}, .hint = {}, .round = 1});
    (void)leader.flush();
  };
  acknowledge(2);
  leader.raft.applied(LogIndex{1});
  CHECK(!leader.raft.at_rest());  // 3 does not hold everything
  acknowledge(3);
  CHECK(leader.raft.at_rest());

  leader.now += 3600s;
  leader.raft.wake(leader.now);
  CHECK(!leader.raft.lease_valid(leader.now));
  leader.raft.tick(leader.now);
  CHECK(leader.raft.role() == Role::leader);
  CHECK(find_body<proto::Heartbeat>(leader.flush()));
  leader.step(2, 1, proto::HeartbeatReply{.round = 2});
  CHECK(leader.raft.lease_valid(leader.now));

  Member follower{2, fresh(voters({1, 2, 3}))};
  follower.step(1, 1, proto::Heartbeat{.commit = {}, .round = 1});
  follower.now += 3600s;
  follower.raft.wake(follower.now);
  follower.raft.tick(follower.now);
  CHECK(follower.raft.role() == Role::follower);
  CHECK(follower.raft.next_deadline() >= follower.now + 1000ms);
}

TEST_CASE("a leader or follower need not be looked at before its deadline") {
  Member leader{1, fresh(voters({1, 2, 3}))};
  leader.elect();
  (void)leader.flush();
  CHECK(leader.raft.next_deadline() == leader.now + 100ms);
  leader.raft.tick(leader.now + 99ms);
  CHECK(!leader.raft.has_effects());
  leader.raft.tick(leader.now + 100ms);
  CHECK(leader.raft.has_effects());
  Config config = voters({1, 2});
  config.learners = voters({3}).voters;
  CHECK(Member{3, fresh(config)}.raft.next_deadline() == Instant::max());
}
