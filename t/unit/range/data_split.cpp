// A range splits: what the leader lets in and when, what every replica does, who is told what (S1, D1, D2, L3, H1).
#include <doctest/doctest.h>

#include "range/row_hash.hpp"
#include "unit/range/data_group.hpp"

using namespace ddb;
using range::test::DataGroup;

namespace {

constexpr RangeId right_id{8};

proto::SplitRequest at(Bytes key) { return {std::move(key), right_id}; }

void fill(DataGroup& group) {
  for (const char* key : {"a", "b", "k", "m", "p"}) group.commit_now({DataGroup::put(key, key)});
}

DataGroup three_replicas() {
  DataGroup group;
  for (auto& member : group.members) {
    member.host.range.replicas = {{ReplicaId{4}, StoreId{1}, NodeId{1}, proto::ReplicaRole::voter},
                                  {ReplicaId{6}, StoreId{2}, NodeId{2}, proto::ReplicaRole::voter},
                                  {ReplicaId{9}, StoreId{3}, NodeId{3}, proto::ReplicaRole::learner}};
  }
  return group;
}

range::DataRecord record_of(DataGroup& group, RangeId range) {
  const auto stored = group.host().rows.get(env::Table::range, range::data_record_key(range));
  REQUIRE(stored);
  return *codec::decode<range::DataRecord>(*stored);
}

}  // namespace

TEST_CASE("S1, D1: both halves, one split version higher, on the same stores in the same roles; the right's ids begin at 1") {
  DataGroup group = three_replicas();
  const auto right = group.ask<proto::SplitReply>(at("k")).range;
  const auto& left = group.host().range;
  CHECK(left.id == RangeId{7});
  CHECK(left.span == env::KeySpan{"", "k"});
  CHECK(left.epoch == proto::Epoch{1, 2});
  CHECK(left.next_replica == ReplicaId{3});
  CHECK(right.id == right_id);
  CHECK(right.span == env::KeySpan{"k", "x"});
  CHECK(right.epoch == proto::Epoch{1, 2});
  CHECK(right.next_replica == ReplicaId{4});
  REQUIRE(right.replicas.size() == 3);
  for (size_t i = 0; i < 3; ++i) {
    CHECK(right.replicas[i].id == ReplicaId{i + 1});
    CHECK(right.replicas[i].store == left.replicas[i].store);
    CHECK(right.replicas[i].role == left.replicas[i].role);
  }
  group.check_replicas_agree();
}

TEST_CASE("S1: rows stay where they are; thresholds are copied; counts are parted") {
  DataGroup group;
  fill(group);
  group.ask<proto::SplitReply>(at("k"));
  CHECK(group.value("b") == "b");
  const auto left = group.machine().record(), right = record_of(group, right_id);
  CHECK(left.rows == 2);
  CHECK(right.rows == 3);
  CHECK(left.versions + right.versions == 5);
  CHECK(left.bytes > 0);
  CHECK(right.bytes > left.bytes);
  CHECK(right.threshold == left.threshold);
  CHECK(group.host().rows[env::Table::data].size() == 5);
  group.check_replicas_agree();
}

TEST_CASE("H1: after a split each half sums up what has changed since, and scan minus sum is the same on all replicas") {
  DataGroup group;
  fill(group);
  group.ask<proto::SplitReply>(at("k"));
  CHECK(group.machine().hash() == 0);
  CHECK(record_of(group, right_id).hash == 0);
  group.commit_now({DataGroup::put("a", "new")});
  group.check_replicas_agree();
  for (auto& member : group.members) {
    uint64_t scan = 0, since = 0;
    for (const auto& [key, value] : member.host.rows[env::Table::data]) {
      if (key < mvcc::encode_key("k")) scan += range::row_hash(key, value);
      if (BytesView{key}.starts_with(mvcc::encode_key("a")) && since == 0) since = range::row_hash(key, value);
    }
    CHECK(scan != member.machine->hash());
    CHECK(member.machine->hash() == since);  // the newest version of "a" alone
  }
}

TEST_CASE("counts that are but estimates never fall below zero") {
  DataGroup group;
  fill(group);
  proto::SplitRequest wrong = at("k");
  group.ask<proto::SplitReply>(wrong);
  for (const char* key : {"a", "b"}) group.commit_now({DataGroup::erase(key)});
  CHECK(group.machine().record().rows == 0);
}

TEST_CASE("L3: a split waits for commits under way, and holds off all that come after, until it is applied") {
  DataGroup group;
  fill(group);
  const auto before = group.send(group.txn({DataGroup::put("a", "1")}));
  group.give();
  REQUIRE(group.host().proposals.size() == 1);
  const auto split = group.send(at("k"));
  const auto commit = group.send(group.txn({DataGroup::put("b", "2")}));
  group.give();
  CHECK(group.host().proposals.size() == 1);  // the split is not evaluated yet
  group.commit();
  CHECK(group.answered(before));
  REQUIRE(group.host().proposals.size() == 1);  // the split alone
  const auto read = group.send(DataGroup::get(group.next_timestamp(), {"m"}));
  group.give();
  CHECK_FALSE(group.answered(read));
  group.commit();
  CHECK(group.answer<proto::SplitReply>(split).range.id == right_id);
  // Those who waited were evaluated after it, at the new epoch: nothing was done, and both halves are named.
  for (const auto request : {commit, read}) {
    const auto told = group.answer<proto::Redirect>(request);
    CHECK_FALSE(told.in_doubt);
    REQUIRE(told.descriptors.size() == 2);
    CHECK(told.descriptors[0] == group.host().range);
    CHECK(told.descriptors[1].id == right_id);
  }
  group.settle();
  CHECK(group.value("b") == "b");
}

TEST_CASE("L3: a read that came before the split is answered from before it") {
  DataGroup group;
  fill(group);
  group.host().lease = false;
  const auto read = group.send(DataGroup::get(group.next_timestamp(), {"m"}));
  const auto split = group.send(at("k"));
  group.settle();
  CHECK(group.answered(split));
  CHECK(group.answered(read));
}

TEST_CASE("D2: what was evaluated before a split and comes after it in the log is a no-op, and says so") {
  DataGroup group;
  fill(group);
  // Two leaderships: the split is in the log, ahead of a command of the epoch before it.
  group.send(at("k"));
  group.settle();
  const Bytes stale = codec::encode(range::DataCommand{
      1, range::CommitCommand{{Timestamp{5}, Timestamp{6}}, group.next_timestamp(), {{"a", "stale"}}, 0}});
  group.log.push_back(stale);
  group.check_replicas_agree();
  CHECK(group.value("a") == "a");
  // Of another configuration: a split is not applied either.
  proto::RangeDescriptor next = group.host().range;
  next.epoch.conf += 1;
  group.log.push_back(codec::encode(range::DataCommand{2, range::SplitCommand{next, next, {}}}));
  group.check_replicas_agree();
  CHECK(group.host().range.span.end == "k");
}

TEST_CASE("a split where a range begins changes nothing, and says which range that is") {
  DataGroup group;
  CHECK(group.ask<proto::SplitReply>(at("k")).range.id == right_id);
  group.check_replicas_agree();
  for (auto& member : group.members) member.host.range = member.host.neighbours.front();  // as of the right half
  CHECK(group.ask<proto::SplitReply>(proto::SplitRequest{"k", RangeId{99}}).range == group.host().range);
  CHECK(group.host().range.epoch.split == 2);
}

TEST_CASE("S1: no split while the configuration changes, none into a range that was there before, none without lease") {
  DataGroup group;
  group.host().settled = false;
  CHECK(group.refusal(group.send(at("k"))) == Code::try_again);
  group.host().settled = true;
  group.host().traces.insert(right_id);
  CHECK(group.refusal(group.send(at("k"))) == Code::refused);
  group.host().traces.clear();
  CHECK(group.refusal(group.send(proto::SplitRequest{"k", RangeId{}})) == Code::usage);
  group.host().lease = false;
  const auto split = group.send(at("k"));
  group.give();
  CHECK(group.host().proposals.empty());
  group.settle();
  CHECK(group.answered(split));
}

TEST_CASE("a leader deposed before its split is applied answers in doubt; the next one carries on from either") {
  for (const size_t surviving : {0, 1}) {
    DataGroup group;
    fill(group);
    const auto split = group.send(at("k"));
    REQUIRE(group.host().proposals.size() == 1);
    group.elect(1, surviving);
    CHECK(group.answer<proto::Redirect>(split).in_doubt);
    group.give();
    CHECK(group.host().range.epoch.split == 1 + surviving);
    CHECK(group.value("a") == "a");
  }
}
