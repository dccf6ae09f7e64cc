// What a leader may do and when: L1, L2, L3, D2, bounds on what waits.
#include <doctest/doctest.h>

#include "unit/range/data_group.hpp"

using namespace ddb;
using range::test::DataGroup;

TEST_CASE("L1: without its lease a leader asks a quorum before it reads, once for all who wait") {
  DataGroup group;
  group.commit_now({DataGroup::put("k", "v")});
  const Timestamp ts = group.next_timestamp();
  group.host().lease = false;
  const auto first = group.send(DataGroup::get(ts, {"k"}));
  group.give();
  const auto second = group.send(DataGroup::get(ts, {"k"}));
  const auto third = group.send(DataGroup::scan(ts, "", "x"));
  CHECK_FALSE(group.answered(first));
  CHECK(group.host().confirms.size() == 1);
  group.confirm();
  CHECK(group.answer<proto::ReadReply>(first).values[0] == "v");
  CHECK_FALSE(group.answered(second));  // it came after the question had left
  CHECK(group.host().confirms.size() == 1);
  group.confirm();
  CHECK(group.answered(second));
  CHECK(group.answered(third));
}

TEST_CASE("L1: nothing is validated, settled or acknowledged without lease or quorum") {
  DataGroup group;
  const auto commit = group.txn({DataGroup::put("k", "v")});
  group.host().lease = false;
  const auto request = group.send(commit);
  const auto settle = group.send(proto::SettleRequest{{Timestamp{5}, Timestamp{6}}, "q"});
  group.give();
  CHECK(group.host().proposals.empty());
  CHECK_FALSE(group.answered(settle));
  group.confirm();
  CHECK(group.answered(settle));
  CHECK(group.host().proposals.empty());  // the commit came after that question had left
  group.confirm();
  REQUIRE(group.host().proposals.size() == 1);
  group.commit();
  CHECK_FALSE(group.answered(request));  // applied, and the lease (D5) is not back
  group.confirm();
  CHECK(group.answer<proto::CommitReply>(request).commit_ts == commit.attempt.c0);
}

TEST_CASE("L1: a quorum that could not be asked sends its waiters elsewhere") {
  DataGroup group;
  group.host().lease = false;
  const auto read = group.send(DataGroup::get(group.next_timestamp(), {"k"}));
  group.give();
  const uint64_t cookie = group.host().confirms.at(0);
  group.host().confirms.clear();
  group.machine().dropped(cookie);
  CHECK_FALSE(group.answer<proto::Redirect>(read).in_doubt);
}

TEST_CASE("R3: a read that waits for its quorum is not passed by a commit below it") {
  DataGroup group;
  const auto commit = group.txn({DataGroup::put("k", "v")});
  const Timestamp above = group.next_timestamp();
  group.value("other");  // the leader has heard of all these
  group.host().lease = false;
  const auto read = group.send(DataGroup::get(above, {"k"}));
  group.host().lease = true;  // the lease comes back before the quorum answers
  const auto write = group.send(commit);
  group.confirm();
  CHECK(group.answer<proto::ReadReply>(read).values[0] == std::nullopt);
  group.settle();
  CHECK(group.answer<proto::CommitReply>(write).commit_ts > above);
}

TEST_CASE("L2: a new leader evaluates no write before it has a timestamp of its term") {
  DataGroup group;
  const auto commit = group.txn({DataGroup::put("k", "v")});
  group.value("k");  // this replica has heard of all timestamps above, when it comes to lead again
  group.elect(0);
  const auto request = group.send(commit);
  const auto settle = group.send(proto::SettleRequest{{Timestamp{5}, Timestamp{6}}, "q"});
  const auto read = group.send(DataGroup::get(commit.read_ts, {"k"}));
  CHECK(group.host().proposals.empty());
  CHECK_FALSE(group.answered(request));
  CHECK_FALSE(group.answered(settle));
  CHECK(group.answered(read));  // reads need the lease only
  group.settle();
  CHECK(group.answered(request));
  CHECK(group.answered(settle));
}

TEST_CASE("L2: a commit under a new leader is above all that the old one let others read") {
  DataGroup group;
  const Timestamp begin = group.next_timestamp();
  const Timestamp c0 = group.next_timestamp();
  const Timestamp read_at = group.next_timestamp();
  CHECK(group.value("k", read_at) == std::nullopt);
  group.elect(1);
  const proto::CommitRequest commit{{begin, c0}, begin, {DataGroup::put("k", "v")}, {}};
  const auto request = group.send(commit);
  group.settle();
  // The floor of its record key is the same fresh timestamp: an attempt from before is not taken up (V2).
  CHECK(group.refusal(request) == Code::conflict);
  CHECK(group.value("k", read_at) == std::nullopt);
}

TEST_CASE("L2: nothing evaluated under one leadership is proposed in another") {
  DataGroup group;
  const auto commit = group.txn({DataGroup::put("k", "v")});
  group.value("k", group.next_timestamp());  // the commit needs a fresh timestamp
  const auto request = group.send(commit);
  REQUIRE(group.host().wanted.size() == 1);
  const uint64_t stale = group.host().wanted[0];
  group.elect(0);
  group.machine().timestamp(stale, group.next_timestamp());
  group.settle();
  CHECK_FALSE(group.answer<proto::Redirect>(request).in_doubt);
  CHECK(group.log.empty());
}

TEST_CASE("losing leadership: who had proposed is in doubt, others are not, and repeating tells") {
  DataGroup group;
  const auto lost = group.txn({DataGroup::put("a", "1")});
  const auto kept = group.txn({DataGroup::put("b", "2")});
  const auto behind = group.txn({DataGroup::put("b", "3")});
  const auto r1 = group.send(kept);
  group.give();
  const auto r2 = group.send(lost);
  const auto r3 = group.send(behind);
  const auto r4 = group.send(DataGroup::get(behind.read_ts, {"b"}));
  group.give();
  REQUIRE(group.host().proposals.size() == 2);
  group.elect(1, 1);
  CHECK(group.answer<proto::Redirect>(r1).in_doubt);
  CHECK(group.answer<proto::Redirect>(r2).in_doubt);
  CHECK_FALSE(group.answer<proto::Redirect>(r3).in_doubt);
  CHECK_FALSE(group.answer<proto::Redirect>(r4).in_doubt);
  CHECK(group.answer<proto::Redirect>(r4).descriptors == std::vector{group.host().range});
  group.settle();
  CHECK(group.ask<proto::CommitReply>(kept).commit_ts == kept.attempt.c0);
  CHECK(group.ask<Error>(lost).code == Code::conflict);
  CHECK(group.value("a") == std::nullopt);
  CHECK(group.value("b") == "2");
}

TEST_CASE("losing leadership between apply and quorum: what was applied is in doubt to the client, and found") {
  DataGroup group;
  const auto first = group.txn({DataGroup::put("a", "1")});
  const auto second = group.txn({DataGroup::put("b", "2")});
  const auto r1 = group.send(first);
  const auto r2 = group.send(second);
  group.give();
  group.host().lease = false;
  group.commit();
  const auto read = group.send(DataGroup::get(first.read_ts, {"a"}));
  group.elect(1);
  CHECK(group.answer<proto::Redirect>(r1).in_doubt);
  CHECK(group.answer<proto::Redirect>(r2).in_doubt);
  CHECK_FALSE(group.answer<proto::Redirect>(read).in_doubt);
  CHECK(group.ask<proto::CommitReply>(first).commit_ts == first.attempt.c0);
  CHECK(group.ask<proto::CommitReply>(second).commit_ts == second.attempt.c0);
}

TEST_CASE("a replica that does not lead names the leader") {
  DataGroup group;
  group.elect(1);
  group.leader = 0;
  const auto read = group.send(DataGroup::get(Timestamp{1}, {"k"}));
  CHECK(group.answer<proto::Redirect>(read).leader == ReplicaId{2});
}

TEST_CASE("D2: what was evaluated before a split does nothing after it, on any replica") {
  DataGroup group;
  const auto commit = group.txn({DataGroup::put("k", "v")});
  const auto request = group.send(commit);
  const auto waiting = group.send(DataGroup::get(commit.read_ts, {"k"}));
  group.give();
  for (auto& member : group.members) member.host.range.epoch.split = 2;
  group.commit();
  CHECK_FALSE(group.answer<proto::Redirect>(request).in_doubt);
  CHECK(group.answer<proto::Redirect>(waiting).descriptors.at(0).epoch.split == 2);  // R1: checked after waiting
  CHECK(group.value("k") == std::nullopt);
  group.check_replicas_agree();
}

TEST_CASE("D2: a request routed by another split version, or outside the range, is redirected") {
  DataGroup group;
  const Timestamp ts = group.next_timestamp();
  CHECK(group.answer<proto::Redirect>(group.send({{1, 2}, DataGroup::get(ts, {"k"})})).descriptors.size() == 1);
  const auto conf_differs = group.send({{9, 1}, DataGroup::get(ts, {"k"})});
  group.settle();
  CHECK(group.answered(conf_differs));
  (void)group.answer<proto::ReadReply>(conf_differs);
  (void)group.answer<proto::Redirect>(group.send(DataGroup::get(ts, {"k", "x"})));
  (void)group.answer<proto::Redirect>(group.send(DataGroup::scan(ts, "k", "")));
  (void)group.answer<proto::Redirect>(group.send(group.txn({DataGroup::put("y", "")})));
  (void)group.answer<proto::Redirect>(group.send(group.txn({DataGroup::put("k", "")}, {{"a", "z"}})));
  (void)group.answer<proto::Redirect>(group.send(proto::SettleRequest{{ts, ts}, "x"}));
}

TEST_CASE("requests over the bounds are refused for now, and room comes back") {
  range::DataOptions options;
  options.requests_max = 2;
  DataGroup group{options};
  const auto first = group.txn({DataGroup::put("a", "")});
  const auto r1 = group.send(first);
  const auto r2 = group.send(group.txn({DataGroup::put("a", "")}));
  CHECK(group.refusal(group.send(group.txn({DataGroup::put("b", "")}))) == Code::try_again);
  group.settle();
  CHECK(group.answered(r1));
  CHECK(group.answered(r2));
  group.commit_now({DataGroup::put("b", "")});

  options.request_bytes_max = 200;
  DataGroup small{options};
  CHECK(small.refusal(small.send(small.txn({DataGroup::put("a", Bytes(300, 'x'))}))) == Code::try_again);
  small.commit_now({DataGroup::put("a", "x")});
}

TEST_CASE("a log that takes no more proposals refuses the commit for good") {
  DataGroup group;
  group.host().full = true;
  CHECK(group.ask<Error>(group.txn({DataGroup::put("k", "v")})).code == Code::try_again);
  group.host().full = false;
  group.commit_now({DataGroup::put("k", "w")});  // its latch is free
}

TEST_CASE("A7: past the first mark nothing new is written; reads, settling and repetitions are answered") {
  DataGroup group;
  const auto before = group.txn({DataGroup::put("k", "v")});
  group.ask<proto::CommitReply>(before);
  group.host().disk_full = true;
  const auto refused = group.txn({DataGroup::put("k", "w")});
  CHECK(group.ask<Error>(refused).code == Code::store_full);
  CHECK(group.value("k") == "v");
  CHECK(group.ask<proto::CommitReply>(before).commit_ts == before.attempt.c0);
  CHECK(group.ask<proto::SettleReply>(proto::SettleRequest{refused.attempt, "k"}).commit_ts == std::nullopt);
  group.host().disk_full = false;
  group.commit_now({DataGroup::put("k", "w")});
}

TEST_CASE("requests that make no sense are refused") {
  DataGroup group;
  const auto refused = [&](proto::RangeRequestBody body) { return group.refusal(group.send(std::move(body))); };
  const auto good = group.txn({DataGroup::put("k", "v")});
  const auto with = [&](auto change) {
    auto bad = good;
    change(bad);
    return bad;
  };
  CHECK(refused(with([](auto& c) { c.writes.clear(); })) == Code::usage);
  CHECK(refused(with([](auto& c) { c.writes.push_back(c.writes[0]); })) == Code::usage);
  CHECK(refused(with([](auto& c) { c.writes[0].kind = env::WriteKind{9}; })) == Code::usage);
  CHECK(refused(with([](auto& c) { c.attempt.id = {}; })) == Code::usage);
  CHECK(refused(with([](auto& c) { c.attempt.c0 = c.read_ts.prev(); })) == Code::usage);
  CHECK(refused(with([](auto& c) { c.writes[0].key = Bytes(502, 'k'); })) == Code::too_long);
  CHECK(refused(with([](auto& c) { c.writes[0].value = Bytes((16 << 20) + 1, 'v'); })) == Code::too_long);
  CHECK(refused(DataGroup::get(good.read_ts, {Bytes(502, 'k')})) == Code::too_long);
  CHECK(refused(DataGroup::scan(good.read_ts, "a", "b", 0)) == Code::usage);
  group.machine().request({range::ConnectionId{1}, ++group.last_request}, "garbage");
  CHECK(group.refusal(group.last_request) == Code::bad_data);
}
