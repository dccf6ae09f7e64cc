// What a lost coordinator leaves, found without anybody meeting it (V4).
#include <doctest/doctest.h>

#include "unit/range/data_group.hpp"

using namespace ddb;
using proto::RecordKind;
using proto::RecoverReply;
using range::test::DataGroup;

namespace {

proto::PrepareRequest prepare(const proto::CommitRequest& txn, Bytes anchor, RecordKind record = RecordKind::none,
                              std::vector<Bytes> keys = {}) {
  return {txn.attempt, std::move(anchor), txn.read_ts, txn.writes, txn.read_spans, record, std::move(keys)};
}

/// What the leader says to be orphaned by the end of `time`, ticking.
std::vector<proto::Locked> after(DataGroup& group, std::chrono::milliseconds time) {
  group.host().orphans.clear();
  for (; time.count() > 0; time -= std::chrono::milliseconds{500}) {
    group.host().clock += std::chrono::milliseconds{500};
    group.machine().tick();
    group.settle();
  }
  return group.host().orphans;
}

using std::chrono::seconds;

}  // namespace

TEST_CASE("V4: a lock that has been there for long is to be recovered through its anchor, until it is gone") {
  DataGroup group;
  const auto txn = group.txn({DataGroup::put("k", "v"), DataGroup::put("l", "v")});
  group.ask<proto::PrepareReply>(prepare(txn, "z"));
  CHECK(after(group, seconds{9}).empty());
  const auto orphans = after(group, seconds{3});
  REQUIRE(!orphans.empty());
  CHECK(orphans[0] == proto::Locked{txn.attempt, "z", {"k", "l"}});
  CHECK(!after(group, seconds{3}).empty());
  group.ask<proto::Done>(proto::ResolveRequest{txn.attempt, std::nullopt, {"k", "l"}});
  CHECK(after(group, seconds{30}).empty());
}

TEST_CASE("V4: an undecided record is found, and a committed one whose locks nobody has cleared up") {
  DataGroup group;
  const auto txn = group.txn({DataGroup::put("k", "v")});
  group.ask<proto::PrepareReply>(prepare(txn, "k", RecordKind::staging, {"k", "z"}));
  const auto undecided = after(group, seconds{12});
  REQUIRE(!undecided.empty());
  CHECK(undecided[0] == proto::Locked{txn.attempt, "k", {"k"}});
  group.ask<proto::SettleReply>(proto::DecideRequest{txn.attempt, "k", txn.attempt.c0, {"k"}});
  const auto committed = after(group, seconds{12});
  REQUIRE(!committed.empty());
  CHECK(committed[0] == proto::Locked{txn.attempt, "k", {"z"}});
  group.ask<proto::Done>(proto::ForgetRequest{txn.attempt, "k"});
  after(group, seconds{2});
  CHECK(after(group, seconds{30}).empty());
}

TEST_CASE("P9: a committed record that lists no keys is found as well, says where its locks may be, and goes once they have") {
  DataGroup group;
  std::vector<env::Write> writes;
  for (int i = 0; i < 1100; ++i) writes.push_back(DataGroup::put("k" + std::to_string(10'000 + i), "v"));
  const auto txn = group.txn(writes);
  const auto other = group.txn({DataGroup::put("l", "v")});
  group.ask<proto::PrepareReply>(prepare(txn, "k10000", RecordKind::pending));
  group.ask<proto::PrepareReply>(prepare(other, "z"));
  const std::vector<env::KeySpan> spans{{"k", "m"}, {"x", "y"}};
  group.ask<proto::SettleReply>(proto::DecideRequest{txn.attempt, "k10000", txn.attempt.c0, {"k10000"}, spans});
  CHECK(group.ask<RecoverReply>(proto::RecoverRequest{txn.attempt, "k10000"}) ==
        RecoverReply{RecoverReply::State::committed, txn.attempt.c0, {}, spans});

  env::KeySpan left{"k", "m"};
  for (const size_t expected : {1024u, 75u}) {
    const auto found = group.ask<proto::FindLocksReply>(proto::FindLocksRequest{txn.attempt, left});
    CHECK(found.keys.size() == expected);
    CHECK(found.next.has_value() == (expected == 1024));
    if (found.next) left.start = *found.next;
    group.ask<proto::Done>(proto::ResolveRequest{txn.attempt, txn.attempt.c0, found.keys});
  }
  CHECK(group.machine().record().locks == 1);  // another's
  CHECK(group.ask<proto::FindLocksReply>(proto::FindLocksRequest{txn.attempt, spans[0]}) == proto::FindLocksReply{});
  const auto swept = after(group, seconds{20});
  CHECK(std::ranges::find(swept, proto::Locked{txn.attempt, "k10000", {"k10000"}}) != swept.end());  // the record alone
  group.ask<proto::Done>(proto::ForgetRequest{txn.attempt, "k10000"});
  group.allow_threshold(0);
  after(group, seconds{5});
  CHECK(group.machine().record().records == 0);
  group.check_replicas_agree();
}

TEST_CASE("P9: a record whose keys all go with the decision has nothing to wait for") {
  DataGroup group;
  const auto txn = group.txn({DataGroup::put("k", "v"), DataGroup::put("l", "v")});
  group.ask<proto::PrepareReply>(prepare(txn, "k", RecordKind::staging, {"k", "l"}));
  group.ask<proto::SettleReply>(proto::DecideRequest{txn.attempt, "k", txn.attempt.c0, {"k", "l"}});
  group.next_timestamp();
  group.allow_threshold(0);
  CHECK(after(group, seconds{15}).empty());
  CHECK(group.machine().record().records == 0);
}

TEST_CASE("V4: a coordinator at work renews its record: it is neither swept nor taken for abandoned") {
  DataGroup group;
  const auto txn = group.txn({DataGroup::put("k", "v"), DataGroup::put("l", "v")});
  group.ask<proto::PrepareReply>(prepare(txn, "k", RecordKind::pending));
  auto renewal = prepare(txn, "k", RecordKind::pending);
  renewal.writes.pop_back();
  const auto recover = [&] { return group.ask<RecoverReply>(proto::RecoverRequest{txn.attempt, "k"}).state; };
  for (int i = 0; i < 8; ++i) {
    CHECK(after(group, seconds{4}).empty());
    CHECK(recover() == RecoverReply::State::pending);
    group.ask<proto::PrepareReply>(renewal);
  }
  CHECK(group.machine().record().locks == 2);
  SUBCASE("then it is lost") {
    CHECK(!after(group, seconds{12}).empty());
    CHECK(recover() == RecoverReply::State::aborted);
    CHECK(group.ask<Error>(renewal).code == Code::conflict);  // V2: a late renewal makes no record
  }
  SUBCASE("then it commits: a late renewal is told so") {
    group.ask<proto::SettleReply>(proto::DecideRequest{txn.attempt, "k", txn.attempt.c0, {"k", "l"}});
    CHECK(group.ask<proto::SettleReply>(renewal).commit_ts == txn.attempt.c0);
  }
}

TEST_CASE("V4: little is looked at in one tick, and all of it in the end") {
  range::DataOptions options;
  options.sweep.piece_max = 3;
  DataGroup group{options};
  std::set<proto::Attempt> left;
  for (char c = 'a'; c < 'k'; ++c) {
    const auto txn = group.txn({DataGroup::put(Bytes{c}, "v")});
    group.ask<proto::PrepareReply>(prepare(txn, "z"));
    left.insert(txn.attempt);
  }
  after(group, seconds{10});
  for (int ticks = 0; ticks < 20; ++ticks) {
    const auto orphans = after(group, std::chrono::milliseconds{500});
    CHECK(orphans.size() <= 3);
    for (const auto& locked : orphans) left.erase(locked.attempt);
  }
  CHECK(left.empty());
}

TEST_CASE("V4: a new leader counts anew") {
  DataGroup group;
  const auto txn = group.txn({DataGroup::put("k", "v")});
  group.ask<proto::PrepareReply>(prepare(txn, "z"));
  CHECK(after(group, seconds{9}).empty());
  group.elect(1);
  group.settle();
  CHECK(after(group, seconds{9}).empty());
  CHECK(!after(group, seconds{3}).empty());
}
