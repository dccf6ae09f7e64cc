// Reads for an update (K3): turns at the leader, and what is read when a turn has come.
#include <doctest/doctest.h>

#include "unit/range/data_group.hpp"

using namespace ddb;
using range::ConnectionId;
using range::test::DataGroup;

namespace {

proto::ReadRequest update(Timestamp id, Bytes key) {
  proto::ReadRequest request = DataGroup::get(id, {std::move(key)});
  request.update_id = id;
  return request;
}

/// n = n + 1 by transaction `id`, which has read `reply`.
proto::CommitRequest increment(DataGroup& group, Timestamp id, const proto::ReadReply& reply) {
  const Timestamp read_ts = std::max(id, reply.read_ts);
  const int n = std::stoi(reply.values[0].value_or("0"));
  return {{id, group.next_timestamp()}, read_ts, {DataGroup::put("k", std::to_string(n + 1))}, {env::point_span("k")}};
}

void pass(DataGroup& group, std::chrono::milliseconds time) {
  group.host().clock += time;
  group.machine().tick();
  group.settle();
}

}  // namespace

TEST_CASE("K3: who comes second waits, and reads what the first has written: no conflict") {
  DataGroup group;
  group.commit_now({DataGroup::put("k", "1")});
  std::vector<Timestamp> ids;
  std::vector<uint64_t> reads;
  for (int i = 0; i < 4; ++i) {
    ids.push_back(group.next_timestamp());
    reads.push_back(group.send(update(ids.back(), "k")));
  }
  group.settle();
  for (size_t i = 0; i < ids.size(); ++i) {
    for (size_t later = i + 1; later < ids.size(); ++later) CHECK_FALSE(group.answered(reads[later]));
    const auto read = group.answer<proto::ReadReply>(reads[i]);
    CHECK(read.values[0] == std::to_string(i + 1));
    CHECK((read.read_ts > ids[i]) == (i > 0));
    group.ask<proto::CommitReply>(increment(group, ids[i], read));
  }
  CHECK(group.value("k") == "5");
}

TEST_CASE("K3: what has changed since read_ts is read at a fresh timestamp, under R1 as ever") {
  DataGroup group;
  const Timestamp id = group.next_timestamp();
  group.commit_now({DataGroup::put("k", "new")});
  const auto txn = group.txn({DataGroup::put("k", "newer")});
  group.value("q");  // by then the leader has heard of all these timestamps
  const uint64_t read = group.send(update(id, "k"));
  CHECK(group.host().wanted.size() == 1);
  // Meanwhile somebody without a slot is about to commit below the fresh timestamp.
  const uint64_t other = group.send(txn);
  CHECK(group.host().proposals.size() == 1);
  group.give();
  CHECK_FALSE(group.answered(read));  // the latch
  group.settle();
  group.answer<proto::CommitReply>(other);
  const auto reply = group.answer<proto::ReadReply>(read);
  CHECK(reply.values[0] == "newer");
  CHECK(reply.read_ts > id);
}

TEST_CASE("K3: a mere read waits for no turn") {
  DataGroup group;
  const Timestamp id = group.next_timestamp();
  group.ask<proto::ReadReply>(update(id, "k"));
  CHECK(group.value("k") == std::nullopt);
  CHECK(group.ask<proto::ReadReply>(update(group.next_timestamp(), "l")).read_ts == Timestamp{});
}

TEST_CASE("K3: an undecided lock is in the way, wherever it may commit") {
  DataGroup group;
  const Timestamp id = group.next_timestamp();
  const auto txn = group.txn({DataGroup::put("k", "v")});  // C0 above the reader's read_ts
  group.ask<proto::PrepareReply>(proto::PrepareRequest{txn.attempt, "z", txn.read_ts, txn.writes, {}, proto::RecordKind::none, {}});
  const uint64_t read = group.send(update(id, "k"));
  group.settle();
  CHECK_FALSE(group.answered(read));
  group.ask<proto::Done>(proto::ResolveRequest{txn.attempt, txn.attempt.c0, {"k"}});
  CHECK(group.answer<proto::ReadReply>(read).values[0] == "v");
}

TEST_CASE("K3: a slot ends with its time, its connection, its holder's word, or the range's leadership") {
  DataGroup group;
  const Timestamp holder = group.next_timestamp();
  group.ask<proto::ReadReply>(update(holder, "k"));
  const uint64_t waiting = group.send(update(group.next_timestamp(), "k"));
  group.settle();
  REQUIRE_FALSE(group.answered(waiting));
  SUBCASE("time") {
    pass(group, std::chrono::milliseconds{499});
    CHECK_FALSE(group.answered(waiting));
    pass(group, std::chrono::milliseconds{1});
  }
  SUBCASE("word") {
    group.ask<proto::Done>(proto::LeaveRequest{holder, "k"});
    group.settle();
  }
  SUBCASE("a commit that fails") {
    group.commit_now({DataGroup::put("k", "x")});
    CHECK(group.ask<Error>(proto::CommitRequest{{holder, group.next_timestamp()}, holder, {DataGroup::put("k", "y")}, {}}).code ==
          Code::conflict);
  }
  SUBCASE("leadership") {
    group.elect(1);
    CHECK_FALSE(group.answer<proto::Redirect>(waiting).in_doubt);
    return;
  }
  group.answer<proto::ReadReply>(waiting);
}

TEST_CASE("K3: a connection that breaks frees what it held and waits for") {
  DataGroup group;
  const auto send = [&](uint64_t connection, Timestamp id) {
    group.machine().request({ConnectionId{connection}, ++group.last_request}, codec::encode(proto::RangeRequest{group.epoch(), update(id, "k")}));
    group.settle();
    return group.last_request;
  };
  send(1, group.next_timestamp());
  send(2, group.next_timestamp());
  const uint64_t third = send(3, group.next_timestamp());
  group.machine().connection_closed(ConnectionId{2});
  CHECK_FALSE(group.answered(third));
  group.machine().connection_closed(ConnectionId{1});
  group.settle();
  group.answer<proto::ReadReply>(third);
}

TEST_CASE("K3: a full queue, and a long wait, are answered try_again") {
  range::DataOptions options;
  options.update_queue.length_max = 2;
  options.update_queue.time_to_live = std::chrono::seconds{10};
  DataGroup group{options};
  group.ask<proto::ReadReply>(update(group.next_timestamp(), "k"));
  const uint64_t waiting = group.send(update(group.next_timestamp(), "k"));
  const uint64_t refused = group.send(update(group.next_timestamp(), "k"));
  group.settle();
  CHECK(group.refusal(refused) == Code::try_again);
  CHECK_FALSE(group.answered(waiting));
  pass(group, std::chrono::seconds{1});
  CHECK(group.refusal(waiting) == Code::try_again);
}

TEST_CASE("K3: who waits when the range is split is sent on") {
  DataGroup group;
  group.ask<proto::ReadReply>(update(group.next_timestamp(), "k"));
  const uint64_t waiting = group.send(update(group.next_timestamp(), "k"));
  group.settle();
  group.ask<proto::SplitReply>(proto::SplitRequest{"g", RangeId{8}});
  CHECK(group.answer<proto::Redirect>(waiting).descriptors.size() == 2);
}

TEST_CASE("K3: losing the slot is safe: who goes on without it meets the conflict") {
  DataGroup group;
  const Timestamp first = group.next_timestamp();
  const auto stale = group.ask<proto::ReadReply>(update(first, "k"));
  const Timestamp second = group.next_timestamp();
  const uint64_t waiting = group.send(update(second, "k"));
  pass(group, std::chrono::milliseconds{500});
  const auto fresh = group.answer<proto::ReadReply>(waiting);
  group.ask<proto::CommitReply>(increment(group, second, fresh));
  CHECK(group.ask<Error>(increment(group, first, stale)).code == Code::conflict);
  CHECK(group.value("k") == "1");
}
