// What a store asks of the oracle: the first range, reports, timestamps (C5, D4, O1).
#include <doctest/doctest.h>

#include "codec/archive.hpp"
#include "proto/meta_keys.hpp"
#include "range/founder.hpp"
#include "range/reporter.hpp"
#include "range/timestamps.hpp"

using namespace ddb;
using namespace ddb::range;

namespace {

constexpr Instant at(int millis) { return Instant{std::chrono::milliseconds{millis}}; }

env::MetaRange one(std::string key, Bytes value, uint64_t revision = 1) {
  return {Revision{revision}, {{std::move(key), std::move(value), Revision{revision}, Revision{revision}, 1, {}}}};
}

/// The only call outstanding.
OracleCall only(OracleCalls& calls) {
  auto taken = calls.take();
  REQUIRE(taken.size() == 1);
  return std::move(taken.front());
}

env::MetaRange nodes(int count) {
  env::MetaRange range{Revision{9}, {}};
  for (int i = 1; i <= count; ++i) {
    const proto::NodeInfo node{NodeId{uint64_t(i)}, StoreId{uint64_t(100 + i)}, Incarnation{1}, "h:1", ""};
    range.entries.push_back({proto::node_prefix + proto::meta_id(uint64_t(i)), codec::encode(node), {}, {}, 1, {}});
  }
  return range;
}

/// Takes a founder as far as its look at the nodes.
OracleCall look_at_nodes(Founder& founder, OracleCalls& calls, Instant now) {
  founder.tick(now);
  calls.answer(only(calls).token, proto::OracleReply{env::MetaRange{}});
  calls.answer(only(calls).token, proto::OracleReply{one(proto::config_replicas, "3")});
  return only(calls);
}

}  // namespace

TEST_CASE("the first range waits for enough nodes, then is drawn up by compare-and-set against none ever (C5)") {
  OracleCalls calls;
  std::optional<proto::RangeDescriptor> found;
  Founder founder{calls, [&](const proto::RangeDescriptor& range) { found = range; }};

  calls.answer(look_at_nodes(founder, calls, at(0)).token, proto::OracleReply{nodes(2)});
  CHECK(calls.empty());

  calls.answer(look_at_nodes(founder, calls, at(1000)).token, proto::OracleReply{nodes(4)});
  const OracleCall draft = only(calls);
  const auto& txn = std::get<proto::MetaTxnRequest>(draft.request);
  REQUIRE(txn.compares.size() == 1);
  CHECK(txn.compares[0] == env::MetaCompare{proto::first_range_key, Revision{}});
  const auto range = codec::decode<proto::RangeDescriptor>(*txn.ops.at(0).value);
  REQUIRE(range);
  CHECK(range->replicas.size() == 3);
  CHECK(range->replicas[2].store == StoreId{103});
  CHECK(range->next_replica == ReplicaId{4});

  // Another store was faster: its draft is the truth.
  calls.answer(draft.token, proto::OracleReply{env::MetaTxnResult{}});
  CHECK_FALSE(found);
  founder.tick(at(2000));
  proto::RangeDescriptor theirs = *range;
  theirs.replicas.pop_back();
  calls.answer(only(calls).token, proto::OracleReply{one(proto::first_range_key, codec::encode(theirs))});
  CHECK(founder.done());
  CHECK(*found == theirs);
  founder.tick(at(3000));
  CHECK(calls.empty());
}

TEST_CASE("a report never replaces newer knowledge, and is repeated until taken (D4)") {
  OracleCalls calls;
  Reporter reporter{calls};
  proto::RangeInfo mine;
  mine.descriptor.id = RangeId{1};
  mine.descriptor.epoch = {2, 3};
  mine.leader = ReplicaId{1};
  mine.term = Term{7};
  const auto key = proto::range_prefix + proto::meta_id(1);

  SUBCASE("nothing there: written against nothing") {
    reporter.report(mine);
    reporter.tick(at(0));
    calls.answer(only(calls).token, proto::OracleReply{env::MetaRange{}});
    calls.answer(only(calls).token, proto::OracleReply{env::MetaRange{}});  // nor of any other range
    const OracleCall write = only(calls);
    CHECK(std::get<proto::MetaTxnRequest>(write.request).compares.at(0).mod_revision == Revision{});
    calls.answer(write.token, fail(Code::unavailable, "lost"));
    reporter.tick(at(50));
    CHECK(calls.empty());  // not at once
    reporter.tick(at(200));
    CHECK_FALSE(calls.empty());
  }
  SUBCASE("a higher split version there: silent, even with a higher configuration here") {
    proto::RangeInfo theirs = mine;
    theirs.descriptor.epoch = {1, 4};
    reporter.report(mine);
    reporter.tick(at(0));
    calls.answer(only(calls).token, proto::OracleReply{one(key, codec::encode(theirs))});
    CHECK(calls.empty());
  }
  SUBCASE("the same epoch: by term") {
    proto::RangeInfo theirs = mine;
    theirs.term = Term{6};
    reporter.report(mine);
    reporter.tick(at(0));
    calls.answer(only(calls).token, proto::OracleReply{one(key, codec::encode(theirs), 5)});
    CHECK(std::get<proto::MetaTxnRequest>(only(calls).request).compares.at(0).mod_revision == Revision{5});
  }
}

TEST_CASE("D4: both halves of a split go into the map together, wherever nothing newer is known of their keys") {
  OracleCalls calls;
  Reporter reporter{calls};
  const auto half = [](uint64_t id, Bytes start, Bytes end, uint64_t split) {
    proto::RangeInfo info;
    info.descriptor.id = RangeId{id};
    info.descriptor.span = {std::move(start), std::move(end)};
    info.descriptor.epoch = {1, split};
    return info;
  };
  const auto key = [](uint64_t id) { return proto::range_prefix + proto::meta_id(id); };
  const auto known = [&](std::vector<proto::RangeInfo> infos) {
    env::MetaRange range{Revision{9}, {}};
    for (const auto& info : infos) {
      const uint64_t id = info.descriptor.id.value;
      range.entries.push_back({key(id), codec::encode(info), {}, Revision{100 + id}, 1, {}});
    }
    return proto::OracleReply{std::move(range)};
  };
  auto mine = half(1, "", "k", 2);
  mine.leader = ReplicaId{1};
  mine.term = Term{7};
  reporter.report(mine, {half(2, "k", "", 2)});
  reporter.tick(at(0));
  calls.answer(only(calls).token, known({half(1, "", "", 1)}));

  SUBCASE("the whole was known: one transaction") {
    calls.answer(only(calls).token, known({half(1, "", "", 1)}));
    const auto txn = std::get<proto::MetaTxnRequest>(only(calls).request);
    REQUIRE(txn.ops.size() == 2);
    CHECK(txn.compares[0] == env::MetaCompare{key(1), Revision{101}});
    CHECK(txn.compares[1] == env::MetaCompare{key(2), Revision{}});
    CHECK(*codec::decode<proto::RangeInfo>(*txn.ops[0].value) == mine);
  }
  SUBCASE("the right half has reported itself, or split again: it is left alone") {
    for (const uint64_t split : {2, 3}) {
      calls.answer(only(calls).token, known({half(1, "", "", 1), half(2, "k", "p", split)}));
      const auto write = only(calls);
      const auto& txn = std::get<proto::MetaTxnRequest>(write.request);
      REQUIRE(txn.ops.size() == 1);
      CHECK(txn.ops[0].key == key(1));
      calls.answer(write.token, fail(Code::unavailable, "lost"));
      reporter.tick(at(1000 * split));
      calls.answer(only(calls).token, known({half(1, "", "", 1)}));
    }
  }
  SUBCASE("another range has the keys by now: a stale report changes nothing") {
    calls.answer(only(calls).token, known({half(3, "", "", 5)}));
    CHECK(calls.empty());
    reporter.tick(at(5000));
    CHECK(calls.empty());
  }
}

TEST_CASE("a response serves only those who waited before its request left (O1)") {
  OracleCalls calls;
  TimestampQueue queue{calls};
  std::vector<Timestamp> got;
  const auto want = [&] { queue.want([&](Timestamp ts) { got.push_back(ts); }); };
  want();
  want();
  queue.pump(at(0));
  const OracleCall first = only(calls);
  CHECK(std::get<proto::TimestampRequest>(first.request).count == 2);
  want();  // too late for it
  queue.pump(at(0));
  CHECK(calls.empty());
  calls.answer(first.token, proto::OracleReply{proto::TimestampReply{Timestamp{50}}});
  CHECK(got == std::vector{Timestamp{50}, Timestamp{51}});
  queue.pump(at(1));
  const OracleCall second = only(calls);
  calls.answer(second.token, fail(Code::unavailable, "lost"));
  queue.pump(at(2));
  CHECK(calls.empty());
  queue.pump(at(100));  // asked again, for the same waiter
  calls.answer(only(calls).token, proto::OracleReply{proto::TimestampReply{Timestamp{90}}});
  CHECK(got.back() == Timestamp{90});
}
