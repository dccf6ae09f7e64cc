// Collection of old versions: F3, H2, P9, L3.
#include <doctest/doctest.h>

#include "range/row_hash.hpp"
#include "unit/range/data_group.hpp"

using namespace ddb;
using range::test::DataGroup;

namespace {

constexpr uint64_t second = Timestamp::of(1000, 0).value;
constexpr uint64_t age = 600 * second;

/// A group that collects as it would, in real timestamps, a few versions at a time.
struct Collecting : DataGroup {
  explicit Collecting(uint32_t piece_max = 2) : DataGroup{with(piece_max)} { now = 1'000'000 * second; }
  static range::DataOptions with(uint32_t piece_max) {
    range::DataOptions options;
    options.collect.piece_max = piece_max;
    return options;
  }
  void pass(uint64_t seconds) {
    now += seconds * second;
    allow_threshold(age);
  }
  /// Ticks until the collector rests.
  void collect() {
    for (int ticks = 0; ticks < 100; ++ticks) {
      machine().tick();
      settle();
    }
  }
  size_t versions() { return host().rows[env::Table::data].size(); }
  Timestamp threshold() { return machine().record().threshold; }
};

}  // namespace

TEST_CASE("F3: old versions go, in bounded pieces, and what reads can still see stays") {
  Collecting group;
  for (int i = 0; i < 10; ++i) group.commit_now({DataGroup::put("k", std::to_string(i)), DataGroup::put("l", "x")});
  group.commit_now({DataGroup::erase("l"), DataGroup::put("m", "stays")});
  group.pass(601);
  const Timestamp late = group.commit_now({DataGroup::put("k", "late")});
  group.commit_now({DataGroup::put("k", "later")});
  const size_t entries = group.log.size();
  group.collect();
  CHECK(group.versions() == 4);  // of k: the one that the threshold sees and two above it; m
  CHECK(group.log.size() > entries + 8);
  CHECK(group.value("k") == "later");
  CHECK(group.value("k", late) == "late");
  CHECK(group.value("k", group.threshold()) == "9");
  CHECK(group.value("l") == std::nullopt);
  CHECK(group.value("m") == "stays");
  group.check_replicas_agree();

  const auto& record = group.machine().record();
  uint64_t hash = 0;
  for (const auto& [key, value] : group.host().rows[env::Table::data]) hash += range::row_hash(key, value);
  CHECK(record.hash == hash);
  CHECK(record.versions == 4);
  CHECK(record.rows == 2);
}

TEST_CASE("F3: nothing above what is allowed goes, and a range without garbage stays as it is") {
  Collecting group;
  group.commit_now({DataGroup::put("k", "1")});
  group.pass(3600);
  const size_t entries = group.log.size();
  group.collect();
  CHECK(group.log.size() == entries);  // one live row: no garbage
  group.commit_now({DataGroup::put("k", "2")});
  const Timestamp seen = group.next_timestamp();
  group.commit_now({DataGroup::put("k", "3")});
  group.pass(590);
  group.collect();
  CHECK(group.value("k", seen) == "2");
}

TEST_CASE("R5: a read below the threshold is an error, at it and above it is not") {
  Collecting group;
  group.commit_now({DataGroup::put("k", "1")});
  const Timestamp old = group.next_timestamp();
  group.commit_now({DataGroup::put("k", "2")});
  group.pass(700);
  group.collect();
  REQUIRE(group.threshold() > old);
  CHECK(group.ask<Error>(DataGroup::get(old, {"k"})).code == Code::too_old);
  CHECK(group.ask<Error>(DataGroup::scan(group.threshold().prev(), "", "x")).code == Code::too_old);
  CHECK(group.value("k", group.threshold()) == "2");
}

TEST_CASE("P3: a transaction that began below the threshold is a conflict") {
  Collecting group;
  const Timestamp old = group.next_timestamp();
  group.commit_now({DataGroup::put("k", "1")});
  group.commit_now({DataGroup::erase("k")});  // once collected, nothing shows that k changed
  group.pass(700);
  group.collect();
  REQUIRE(group.versions() == 0);
  CHECK(group.ask<Error>(group.txn_since(old, {DataGroup::put("k", "2")})).code == Code::conflict);
  CHECK(group.ask<Error>(group.txn_since(old, {DataGroup::put("j", "2")}, {env::point_span("k")})).code == Code::conflict);
}

TEST_CASE("P9: an attempt older than the threshold, and without a record, gets `unknown outcome`") {
  Collecting group;
  const auto never_sent = group.txn({DataGroup::put("n", "never")});
  const auto kept = group.txn({DataGroup::put("l", "kept")});
  group.ask<proto::CommitReply>(kept);
  const auto overwritten = group.txn({DataGroup::put("k", "1")});
  group.ask<proto::CommitReply>(overwritten);
  group.commit_now({DataGroup::put("k", "2")});
  group.pass(700);
  group.collect();
  for (const auto& commit : {never_sent, overwritten}) {
    CHECK(group.ask<Error>(commit).code == Code::unknown_outcome);
    CHECK(group.ask<Error>(proto::SettleRequest{commit.attempt, commit.writes[0].key}).code == Code::unknown_outcome);
  }
  CHECK(group.ask<proto::CommitReply>(kept).commit_ts == kept.attempt.c0);  // its version is live: so is its record
  CHECK(group.value("n") == std::nullopt);
}

TEST_CASE("P9: a record outlasts its version's being overwritten until the threshold passes its C0") {
  Collecting group;
  const auto commit = group.txn({DataGroup::put("k", "1")});
  group.ask<proto::CommitReply>(commit);
  group.commit_now({DataGroup::erase("k")});
  group.pass(500);
  group.commit_now({DataGroup::put("g", "1")});
  group.commit_now({DataGroup::put("g", "2")});
  group.collect();
  CHECK(group.ask<proto::CommitReply>(commit).commit_ts == commit.attempt.c0);
}

TEST_CASE("L3: the threshold waits for commits under way, and holds up those after it, and reads") {
  Collecting group;
  group.commit_now({DataGroup::put("g", "1")});
  group.commit_now({DataGroup::put("g", "2")});
  group.pass(700);
  const auto before = group.send(group.txn({DataGroup::put("k", "v")}));
  group.give();
  REQUIRE(group.host().proposals.size() == 1);
  group.machine().tick();
  group.give();
  CHECK(group.host().proposals.size() == 1);
  const auto after = group.send(group.txn({DataGroup::put("j", "v")}));
  group.give();
  CHECK(group.host().proposals.size() == 1);
  group.commit(1);
  CHECK(group.answered(before));
  REQUIRE(group.host().proposals.size() == 1);  // the threshold, alone
  const auto read = group.send(DataGroup::get(group.next_timestamp(), {"q"}));
  group.give();
  CHECK_FALSE(group.answered(read));
  group.commit(1);
  CHECK(group.threshold() > Timestamp{});
  CHECK(group.answered(read));
  group.settle();
  CHECK(group.answered(after));
}

TEST_CASE("collection goes on after a change of leaders, and a log that is full does not stop it for good") {
  Collecting group;
  for (int i = 0; i < 6; ++i) group.commit_now({DataGroup::put("k", std::to_string(i))});
  group.pass(700);
  group.machine().tick();
  group.give();
  group.elect(1);
  group.give();
  group.host().full = true;
  group.machine().tick();
  group.give();
  group.host().full = false;
  group.commit_now({DataGroup::put("j", "its latch is free")});
  group.pass(100);
  group.collect();
  CHECK(group.versions() == 2);
  group.check_replicas_agree();
}

TEST_CASE("L1: a leader that has no lease for the rest of its term collects by its quorum's word") {
  Collecting group;
  for (int i = 0; i < 6; ++i) group.commit_now({DataGroup::put("k", std::to_string(i))});
  group.pass(700);
  group.host().lease = false;
  group.machine().tick();
  group.settle();
  CHECK(group.threshold() > Timestamp{});
  group.collect();
  CHECK(group.versions() == 1);
  group.check_replicas_agree();
}

TEST_CASE("collection stops at a damaged row and goes on around it") {
  Collecting group;
  for (const char* key : {"a", "k"}) {
    group.commit_now({DataGroup::put(key, "1")});
    group.commit_now({DataGroup::put(key, "2")});
  }
  group.pass(700);
  auto& rows = group.host().rows[env::Table::data];
  rows.begin()->second.back() ^= 1;
  group.collect();
  CHECK(group.versions() == 3);
  CHECK(group.ask<Error>(DataGroup::get(group.next_timestamp(), {"a"})).code == Code::bad_data);
}

TEST_CASE("F3: what a collecting entry erases is decided when it is applied, by state and entry alone") {
  Collecting group{1000};
  group.commit_now({DataGroup::put("k", "1")});
  group.commit_now({DataGroup::put("k", "2")});
  group.pass(700);
  group.machine().tick();
  group.give();
  group.commit();  // the threshold
  group.machine().tick();
  REQUIRE(group.host().proposals.size() == 1);
  const auto writer = group.send(group.txn({DataGroup::put("k", "3")}));
  group.settle();
  CHECK(group.answered(writer));
  CHECK(group.value("k") == "3");
  CHECK(group.versions() == 2);
  group.check_replicas_agree();
}

namespace {

/// `group` hears that what begins with d is dropped, now.
Timestamp drop_d(DataGroup& group) {
  const Timestamp at = group.next_timestamp();
  for (auto& member : group.members) member.host.allowed.dropped = {{{"d", "e"}, at}};
  return at;
}

}  // namespace

TEST_CASE("H3: a dropped table goes in bounded pieces, once the threshold has passed the drop") {
  Collecting group;
  std::vector<env::Write> rows;
  for (char c = 'a'; c <= 'j'; ++c) rows.push_back(DataGroup::put(Bytes{"d"} + c, "row"));
  group.commit_now(rows);
  group.commit_now({DataGroup::put("da", "newer")});
  group.commit_now({DataGroup::put("c", "stays"), DataGroup::put("e", "stays")});
  const Timestamp reading = group.next_timestamp();
  drop_d(group);
  group.pass(590);
  group.collect();
  CHECK(group.value("da", reading) == "newer");  // old readers go on, and find all of it
  CHECK(group.host().clear.empty());
  group.pass(11);
  const size_t entries = group.log.size();
  group.collect();
  CHECK(group.threshold() > reading);
  CHECK(group.versions() == 2);
  CHECK(group.log.size() >= entries + 6);
  CHECK(group.machine().record().rows == 2);
  CHECK(group.machine().record().versions == 2);
  REQUIRE(!group.host().clear.empty());
  CHECK(group.host().clear.front() == env::KeySpan{"d", "e"});
  CHECK(group.value("c") == "stays");
  CHECK(group.value("e") == "stays");
  group.check_replicas_agree();
}

TEST_CASE("H3: a lock in a dropped table is not clear, and may be what makes its transaction committed (V3)") {
  Collecting group;
  const auto txn = group.txn({DataGroup::put("d", "v")});
  group.ask<proto::PrepareReply>(
      proto::PrepareRequest{txn.attempt, "d", txn.read_ts, txn.writes, {}, proto::RecordKind::staging, {"d", "z"}});
  drop_d(group);
  group.pass(700);
  group.collect();
  CHECK(group.threshold() > txn.attempt.c0);
  CHECK(group.host().clear.empty());
  CHECK(group.ask<proto::QueryLocksReply>(proto::QueryLocksRequest{txn.attempt, {"d"}}).all);
  group.ask<proto::SettleReply>(proto::DecideRequest{txn.attempt, "d", txn.attempt.c0, {"d"}});
  group.pass(100);
  group.collect();
  CHECK(group.versions() == 0);
  CHECK(group.host().clear.size() == 1);
  CHECK(group.machine().record().records == 1);  // F3: z may still be locked
  group.check_replicas_agree();
}

TEST_CASE("H3: a lock in a dropped table whose coordinator is lost is swept (V4), so that the table is clear one day") {
  Collecting group;
  const auto txn = group.txn({DataGroup::put("d", "v")});
  group.ask<proto::PrepareReply>(proto::PrepareRequest{txn.attempt, "z", txn.read_ts, txn.writes, {}, proto::RecordKind::none, {}});
  drop_d(group);
  group.pass(700);
  group.collect();
  CHECK(group.host().clear.empty());
  group.host().orphans.clear();
  group.host().clock += std::chrono::minutes{1};
  group.collect();
  REQUIRE(!group.host().orphans.empty());
  CHECK(group.host().orphans[0] == proto::Locked{txn.attempt, "z", {"d"}});
  SUBCASE("it was committed") { group.ask<proto::Done>(proto::ResolveRequest{txn.attempt, txn.attempt.c0, {"d"}}); }
  SUBCASE("it was aborted") { group.ask<proto::Done>(proto::ResolveRequest{txn.attempt, std::nullopt, {"d"}}); }
  group.pass(100);
  group.collect();
  CHECK(group.versions() == 0);
  CHECK(group.host().clear == std::vector<env::KeySpan>{{"d", "e"}});
}

TEST_CASE("H3: an entry that is ahead of the threshold clears nothing; what is younger than it stays") {
  Collecting group;
  group.commit_now({DataGroup::put("d", "old")});
  const Timestamp at = drop_d(group);
  const auto left_by = [&](Timestamp dropped) {
    range::DataState state;
    state.load(group.host().rows, group.host().range.id);
    env::WriteBatch out;
    REQUIRE(state.apply(LogIndex{1}, {group.epoch().split, range::CollectCommand{{"d", "e"}, 10, dropped}}, group.host().range, group.host().rows, out));
    return state.record().versions;
  };
  CHECK(left_by(at) == 1);
  group.pass(700);
  group.commit_now({DataGroup::put("d", "late")});
  group.machine().tick();
  group.settle();  // the threshold
  REQUIRE(group.threshold() > at);
  CHECK(left_by(group.threshold().next()) == 2);
  CHECK(left_by(at) == 1);  // `late`
}
