// Back-off, flow, batches and snapshots, where a script would be too long or a peer too strange.
#include <doctest/doctest.h>

#include "codec/archive.hpp"
#include "unit/raft/cluster.hpp"
#include "unit/raft/member.hpp"

using namespace ddb;
using namespace ddb::raft;
using namespace ddb::raft::test;

namespace {

Initial with_log(Config config, const std::vector<uint64_t>& terms) {
  Initial initial{.hard = {}, .base = {}, .config = std::move(config), .entries = log_of(terms), .applied = {}};
  if (!terms.empty()) initial.hard.term = Term{terms.back()};
  return initial;
}

// `count` entries of each term.
std::vector<uint64_t> runs(const std::vector<uint64_t>& terms, size_t count) {
  std::vector<uint64_t> out{1};
  for (const uint64_t term : terms) out.insert(out.end(), count, term);
  return out;
}

}  // namespace

TEST_CASE("scenario 30: 10,000 divergent entries cost a probe per term, not per entry") {
  Cluster cluster{[](const std::string&) {}};
  const Config config = voters({1, 2, 3});
  for (const ReplicaId id : config.voters) cluster.spawn(id, config);
  const ReplicaId leader{1};
  const ReplicaId follower{2};
  cluster.preload(leader, runs({2, 4, 6, 8, 10}, 2000), Term{20}, {});
  cluster.preload(ReplicaId{3}, runs({2, 4, 6, 8, 10}, 2000), Term{20}, {});
  cluster.preload(follower, runs({3, 5, 7, 9}, 2500), Term{20}, {});
  cluster.timeout(leader);
  int refused = 0;
  while (!cluster.packets().empty()) {
    if (const auto* reply = std::get_if<proto::AppendEntriesReply>(&cluster.packets()[0].message.body))
      refused += reply->rejected;
    cluster.deliver(0);
  }
  CHECK(refused <= 10);
  CHECK(cluster.raft(follower).last() == cluster.raft(leader).last());
  CHECK(cluster.node(follower).state == cluster.node(leader).state);
  CHECK(cluster.witness().failures().empty());
}

TEST_CASE("a batch of proposals travels as one message per follower, copied once") {
  Member leader{1, with_log(voters({1, 2, 3}), {})};
  leader.elect();
  leader.step(2, 1, proto::AppendEntriesReply{.match = LogIndex{1}, .hint = {}, .round = 1});
  (void)leader.flush();
  for (int i = 0; i < 10; ++i) REQUIRE(leader.raft.propose("x", leader.now));
  const Effects effects = leader.take();
  CHECK(effects.now.size() == 1);  // 3 has not answered its first append
  CHECK(find_body<proto::AppendEntries>(effects.now, 2)->entries.size() == 10);
  CHECK(effects.entries.size() == 10);
  CHECK(!leader.raft.has_effects());
}

TEST_CASE("B1: a leader's appends are free, a follower's answers wait for the batch") {
  Member leader{1, with_log(voters({1, 2, 3}), {})};
  leader.elect();
  REQUIRE(leader.raft.propose("x", leader.now));
  CHECK(leader.take().after_sync.empty());

  Member follower{2, with_log(voters({1, 2, 3}), {1})};
  follower.step(1, 1, proto::AppendEntries{.prev = {LogIndex{1}, Term{1}}, .commit = {}, .round = 1,
                                           .entries = {{Term{1}, LogIndex{2}, EntryKind::command, "x"}}});
  follower.step(1, 1, proto::Heartbeat{.commit = {}, .round = 2});
  const Effects effects = follower.take();
  CHECK(find_body<proto::HeartbeatReply>(effects.now));  // of a proven term
  CHECK(!find_body<proto::AppendEntriesReply>(effects.now));
  CHECK(find_body<proto::AppendEntriesReply>(effects.after_sync));

  // Of a term that is not proven nothing is free, not even a heartbeat's answer.
  follower.step(1, 7, proto::Heartbeat{.commit = {}, .round = 1});
  const Effects later = follower.take();
  CHECK(later.now.empty());
  CHECK(find_body<proto::HeartbeatReply>(later.after_sync));
}

TEST_CASE("an acknowledgement of entries that were cut off again never leaves") {
  Member follower{3, with_log(voters({1, 2, 3}), {1})};
  follower.step(1, 1, proto::AppendEntries{.prev = {LogIndex{1}, Term{1}}, .commit = {}, .round = 1,
                                           .entries = {{Term{1}, LogIndex{2}, EntryKind::command, "old"}}});
  follower.step(2, 2, proto::AppendEntries{.prev = {LogIndex{1}, Term{1}}, .commit = {}, .round = 1,
                                           .entries = {{Term{2}, LogIndex{2}, EntryKind::command, "new"}}});
  const Effects effects = follower.take();
  REQUIRE(effects.after_sync.size() == 1);
  CHECK(effects.after_sync[0].to == ReplicaId{2});
  REQUIRE(effects.entries.size() == 1);
  CHECK(effects.entries[0].data == "new");
}

TEST_CASE("a new commit index alone asks for no sync") {
  Member follower{2, with_log(voters({1, 2, 3}), {1, 1})};
  follower.step(1, 1, proto::Heartbeat{.commit = LogIndex{2}, .round = 1});
  CHECK(follower.raft.commit_index() == LogIndex{2});
  CHECK(!follower.take().must_sync());
}

TEST_CASE("what a peer says wrongly is refused") {
  Member follower{2, with_log(voters({1, 2, 3}), {1, 1})};
  const auto append = [&](Base prev, std::vector<Entry> entries) {
    follower.step(1, 2, proto::AppendEntries{.prev = prev, .commit = {}, .round = 1, .entries = std::move(entries)});
    (void)follower.flush();
  };
  append({LogIndex{2}, Term{1}}, {{Term{2}, LogIndex{4}, EntryKind::command, "a gap"}});
  append({LogIndex{2}, Term{1}}, {{Term{3}, LogIndex{3}, EntryKind::command, "a term to come"}});
  append({LogIndex{2}, Term{1}}, {{Term{2}, LogIndex{3}, EntryKind::config, "no configuration"}});
  append({LogIndex{2}, Term{1}}, {{Term{2}, LogIndex{3}, EntryKind::config, codec::encode(ConfigChange{})}});
  CHECK(follower.raft.last() == Base{LogIndex{2}, Term{1}});
  follower.step(1, 2, proto::Heartbeat{.commit = LogIndex{99}, .round = 1});
  CHECK(follower.raft.commit_index() == LogIndex{0});
  follower.step(1, 2, proto::InstallSnapshot{.base = {LogIndex{9}, Term{2}}, .config = {}});  // 46: no voters
  CHECK(follower.raft.base() == Base{});

  Member leader{1, with_log(voters({1, 2, 3}), {})};
  leader.elect();
  leader.step(2, 1, proto::AppendEntriesReply{.match = LogIndex{99}, .hint = {}, .round = 1});
  leader.step(8, 1, proto::AppendEntriesReply{.match = LogIndex{1}, .hint = {}, .round = 1});
  CHECK(leader.raft.commit_index() == LogIndex{0});
}

TEST_CASE("a candidate's own vote counts when the batch with it is proven, not an earlier one (thesis 3.8)") {
  Member member{1, with_log(voters({1}), {})};
  member.elect();
  (void)member.flush();
  member.step(2, 5, proto::HeartbeatReply{.round = 1});
  (void)member.take();
  member.raft.tick(member.now);
  (void)member.take();
  member.raft.synced(member.batch.prev());
  CHECK(member.raft.role() == Role::candidate);
  member.raft.synced(member.batch);
  CHECK(member.raft.role() == Role::leader);
  CHECK(member.raft.term() == Term{6});
}

TEST_CASE("scenario 60: the vote of one that is no voter does not count") {
  Member candidate{1, with_log(voters({1, 2, 3}), {})};
  candidate.now = candidate.raft.next_deadline();
  candidate.raft.tick(candidate.now);
  candidate.step(4, 1, proto::RequestVoteReply{.pre = true, .granted = true});
  CHECK(candidate.raft.role() == Role::pre_candidate);
  candidate.step(2, 1, proto::RequestVoteReply{.pre = true, .granted = true});
  CHECK(candidate.raft.role() == Role::candidate);
  (void)candidate.flush();
  candidate.step(4, 1, proto::RequestVoteReply{.pre = false, .granted = true});
  CHECK(candidate.raft.role() == Role::candidate);
}

TEST_CASE("a snapshot of an older term's leader is as good: what it holds is committed") {
  Member follower{2, with_log(voters({1, 2, 3}), {1})};
  follower.step(3, 5, proto::Heartbeat{.commit = {}, .round = 1});
  (void)follower.flush();
  follower.step(1, 4, proto::InstallSnapshot{.base = {LogIndex{9}, Term{2}}, .config = voters({1, 2, 3})});
  const Effects effects = follower.take();
  CHECK(effects.begin == Base{LogIndex{9}, Term{2}});
  CHECK(effects.hard_state->commit == LogIndex{9});
  REQUIRE(effects.after_sync.size() == 1);
  CHECK(effects.after_sync[0].to == ReplicaId{3});
  CHECK(follower.raft.durable_index() < LogIndex{9});
  follower.raft.synced(follower.batch);
  CHECK(follower.raft.durable_index() == LogIndex{9});
}

TEST_CASE("what the log keeps in memory is counted, and given back by compaction") {
  Member leader{1, with_log(voters({1}), {})};
  leader.elect();
  (void)leader.flush();
  const size_t before = leader.raft.log_bytes();
  REQUIRE(leader.raft.propose(Bytes(1000, 'x'), leader.now));
  (void)leader.flush();
  CHECK(leader.raft.log_bytes() >= before + 1000);
  leader.raft.applied(leader.raft.applicable());
  leader.raft.compact(leader.raft.applied_index());
  CHECK(leader.raft.log_bytes() == 0);
  CHECK(leader.raft.last() == Base{LogIndex{2}, Term{1}});
}
