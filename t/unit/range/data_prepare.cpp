// One range's part of a transaction over several: locks, records, recovery (P3-P9, R2, K1, V1-V5).
#include <doctest/doctest.h>

#include "unit/range/data_group.hpp"

using namespace ddb;
using proto::Attempt;
using proto::RecordKind;
using proto::RecoverReply;
using range::test::DataGroup;

namespace {

proto::PrepareRequest prepare(const proto::CommitRequest& txn, Bytes anchor, RecordKind record = RecordKind::none,
                              std::vector<Bytes> keys = {}) {
  return {txn.attempt, std::move(anchor), txn.read_ts, txn.writes, txn.read_spans, record, std::move(keys)};
}

/// A transaction that writes k here and z elsewhere; its record is here.
proto::PrepareRequest staging(const proto::CommitRequest& txn) {
  return prepare(txn, "k", RecordKind::staging, {"k", "z"});
}

/// One that has its record elsewhere.
proto::PrepareRequest participant(const proto::CommitRequest& txn) { return prepare(txn, "z"); }

proto::CommitRequest put_k(DataGroup& group) { return group.txn({DataGroup::put("k", "v")}); }

/// Enough time for everybody who waits for a lock.
void lose_patience(DataGroup& group) {
  group.settle();
  group.host().clock += std::chrono::seconds{1};
  group.machine().tick();
  group.settle();
}

}  // namespace

TEST_CASE("P6: locks go through the log; the answer is min_commit_ts, and the same when asked again") {
  DataGroup group;
  const auto txn = put_k(group);
  const auto request = group.send(participant(txn));
  group.give();
  CHECK_FALSE(group.answered(request));
  group.settle();
  CHECK(group.answer<proto::PrepareReply>(request).min_commit_ts == txn.attempt.c0);
  CHECK(group.ask<proto::PrepareReply>(participant(txn)).min_commit_ts == txn.attempt.c0);
  CHECK(group.machine().record().locks == 1);
  CHECK(group.machine().record().versions == 0);
  group.check_replicas_agree();
}

TEST_CASE("V5: a copy of a prepare that comes when some of its locks are resolved is told so: it is no lock that is all there") {
  DataGroup group;
  const auto txn = group.txn({DataGroup::put("k", "v"), DataGroup::put("l", "v")});
  group.ask<proto::PrepareReply>(participant(txn));
  group.ask<proto::Done>(proto::ResolveRequest{txn.attempt, std::nullopt, {"k"}});
  CHECK(group.ask<Error>(participant(txn)).code == Code::conflict);
  CHECK(group.machine().record().locks == 1);
}

TEST_CASE("P5: min_commit_ts is above every read of the written keys; the spans read are closed up to C0") {
  DataGroup group;
  group.commit_now({DataGroup::put("r", "1")});
  const auto txn = group.txn({DataGroup::put("k", "v")}, {env::point_span("r")});
  const Timestamp later = group.next_timestamp();
  CHECK(group.value("k", later) == std::nullopt);
  CHECK(group.ask<proto::PrepareReply>(participant(txn)).min_commit_ts == later.next());
  // Whoever writes what it read commits above its C0.
  const auto writer = group.txn_since(txn.read_ts, {DataGroup::put("r", "2")});
  CHECK(group.ask<proto::CommitReply>(writer).commit_ts > txn.attempt.c0);
}

TEST_CASE("P3, P4: what has changed since read_ts is a conflict for a prepare too, and leaves no lock") {
  DataGroup group;
  const Timestamp begin = group.next_timestamp();
  group.commit_now({DataGroup::put("k", "first")});
  CHECK(group.ask<Error>(participant(group.txn_since(begin, {DataGroup::put("k", "lost")}))).detail == "k");
  CHECK(group.ask<Error>(participant(group.txn_since(begin, {DataGroup::put("l", "x")}, {{"a", "l"}}))).code == Code::conflict);
  CHECK(group.ask<Error>(participant(group.txn({DataGroup::insert("k", "x")}))).code == Code::exists);
  CHECK(group.machine().record().locks == 0);
}

TEST_CASE("R2: a lock above read_ts is invisible; one that may commit below holds the reader up until it is decided") {
  DataGroup group;
  group.commit_now({DataGroup::put("k", "old")});
  const Timestamp before = group.next_timestamp();
  const auto txn = put_k(group);
  group.ask<proto::PrepareReply>(participant(txn));
  CHECK(group.value("k", before) == "old");
  const auto point = group.send(DataGroup::get(group.next_timestamp(), {"k"}));
  const auto page = group.send(DataGroup::scan(group.next_timestamp(), "a", "m"));
  group.settle();
  CHECK_FALSE(group.answered(point));
  CHECK_FALSE(group.answered(page));
  SUBCASE("committed") {
    group.ask<proto::Done>(proto::ResolveRequest{txn.attempt, txn.attempt.c0, {"k"}});
    CHECK(group.answer<proto::ReadReply>(point).values[0] == "v");
    CHECK(group.answer<proto::ReadReply>(page).rows == std::vector<env::KeyValue>{{"k", "v"}});
    CHECK(group.machine().record().rows == 1);
  }
  SUBCASE("aborted") {
    group.ask<proto::Done>(proto::ResolveRequest{txn.attempt, std::nullopt, {"k"}});
    CHECK(group.answer<proto::ReadReply>(point).values[0] == "old");
    CHECK(group.answer<proto::ReadReply>(page).rows == std::vector<env::KeyValue>{{"k", "old"}});
  }
  SUBCASE("K1: nobody decides it: after a while the reader is told whom to ask about") {
    lose_patience(group);
    const auto locked = group.answer<proto::Locked>(point);
    CHECK(locked == proto::Locked{txn.attempt, "z", {"k"}});
    CHECK(group.answer<proto::Locked>(page) == locked);
  }
  CHECK(group.machine().record().locks == (group.answered(point) && group.machine().record().locks > 0 ? 1 : 0));
  group.check_replicas_agree();
}

TEST_CASE("K1: writers wait for a lock without a latch, in order; those in vain are told") {
  DataGroup group;
  const auto txn = put_k(group);
  const Timestamp old = group.next_timestamp();
  group.ask<proto::PrepareReply>(participant(txn));
  const auto commit = group.send(group.txn({DataGroup::put("k", "w")}));
  const auto other = group.send(participant(group.txn_since(old, {DataGroup::put("k", "x")})));
  const auto resolver = group.send(proto::ResolveRequest{{txn.attempt.id, old}, std::nullopt, {"k"}});
  group.settle();
  CHECK_FALSE(group.answered(commit));
  (void)group.answer<proto::Done>(resolver);  // V1: not its attempt: nothing
  CHECK(group.machine().record().locks == 1);
  SUBCASE("the lock goes") {
    group.ask<proto::Done>(proto::ResolveRequest{txn.attempt, std::nullopt, {"k"}});
    (void)group.answer<proto::CommitReply>(commit);
    CHECK(group.answer<Error>(other).code == Code::conflict);  // the first of them has written it
  }
  SUBCASE("the lock stays") {
    lose_patience(group);
    CHECK(group.answer<proto::Locked>(commit).attempt == txn.attempt);
    CHECK(group.answer<proto::Locked>(other).attempt == txn.attempt);
  }
  SUBCASE("leadership goes") {
    group.elect(1);
    (void)group.answer<proto::Redirect>(commit);
    (void)group.answer<proto::Redirect>(other);
  }
}

TEST_CASE("K1: one lock after another is waited for no longer than one") {
  DataGroup group;
  const auto first = put_k(group);
  group.ask<proto::PrepareReply>(participant(first));
  const auto second = group.txn({DataGroup::put("l", "v")});
  group.ask<proto::PrepareReply>(participant(second));
  const auto commit = group.send(group.txn({DataGroup::put("k", "w"), DataGroup::put("l", "w")}));
  group.settle();
  group.host().clock += group.options.lock_patience_younger - std::chrono::milliseconds{50};
  group.ask<proto::Done>(proto::ResolveRequest{first.attempt, std::nullopt, {"k"}});
  CHECK_FALSE(group.answered(commit));
  group.host().clock += std::chrono::milliseconds{50};
  group.machine().tick();
  group.settle();
  CHECK(group.answer<proto::Locked>(commit).attempt == second.attempt);
}

TEST_CASE("P4: another's lock in a span that was read is in the way, one's own is not") {
  DataGroup group;
  const auto txn = put_k(group);
  group.ask<proto::PrepareReply>(participant(txn));
  const Timestamp at = group.next_timestamp();
  group.ask<proto::Done>(proto::ValidateRequest{txn.attempt, txn.read_ts, at, {{"a", "m"}}});
  const auto other = group.txn({});
  const auto validate = group.send(proto::ValidateRequest{other.attempt, other.read_ts, other.attempt.c0, {{"a", "m"}}});
  lose_patience(group);
  CHECK(group.answer<proto::Locked>(validate).keys == std::vector<Bytes>{"k"});
  // A validation is a read: nothing commits at or below it afterwards.
  CHECK(group.commit_now({DataGroup::put("b", "1")}) > at);
}

TEST_CASE("P7, P9: a decision is the record's, once and for all; the range's own locks go with it") {
  DataGroup group;
  const auto txn = put_k(group);
  group.ask<proto::PrepareReply>(staging(txn));
  const Timestamp c = group.next_timestamp();
  CHECK(group.ask<proto::SettleReply>(proto::DecideRequest{txn.attempt, "k", c, {"k"}}).commit_ts == c);
  CHECK(group.value("k", c) == "v");
  CHECK(group.value("k", c.prev()) == std::nullopt);
  CHECK(group.ask<proto::SettleReply>(proto::DecideRequest{txn.attempt, "k", group.next_timestamp(), {}}).commit_ts == c);
  CHECK(group.ask<proto::SettleReply>(proto::SettleRequest{txn.attempt, "k"}).commit_ts == c);
  const auto recovered = group.ask<RecoverReply>(proto::RecoverRequest{txn.attempt, "k"});
  CHECK(recovered == RecoverReply{RecoverReply::State::committed, c, {"z"}});
  // V5: a late copy of the prepare finds the verdict.
  CHECK(group.ask<proto::SettleReply>(staging(txn)).commit_ts == c);
  CHECK(group.machine().record().locks == 0);
  group.check_replicas_agree();
}

TEST_CASE("P11, V2: an attempt that is settled without a record, or before it is decided, is aborted for ever") {
  DataGroup group;
  const auto txn = put_k(group);
  SUBCASE("STAGING") { group.ask<proto::PrepareReply>(staging(txn)); }
  SUBCASE("PENDING") { group.ask<proto::PrepareReply>(prepare(txn, "k", RecordKind::pending)); }
  SUBCASE("none yet") {}
  CHECK(group.ask<proto::SettleReply>(proto::SettleRequest{txn.attempt, "k"}).commit_ts == std::nullopt);
  CHECK(group.ask<Error>(staging(txn)).code == Code::conflict);
  CHECK(group.ask<proto::SettleReply>(proto::DecideRequest{txn.attempt, "k", txn.attempt.c0, {}}).commit_ts == std::nullopt);
  CHECK(group.ask<RecoverReply>(proto::RecoverRequest{txn.attempt, "k"}).state == RecoverReply::State::aborted);
  group.elect(1);  // another leader's floor is above C0
  group.give();
  CHECK(group.ask<Error>(staging(txn)).code == Code::conflict);
  CHECK(group.machine().record().records == 0);
  group.ask<proto::Done>(proto::ResolveRequest{txn.attempt, std::nullopt, {"k"}});
  CHECK(group.machine().record().locks == 0);
  group.check_replicas_agree();
}

TEST_CASE("V3: the question for locks closes their keys at C0 to the attempt") {
  DataGroup group;
  const auto txn = put_k(group);
  const proto::QueryLocksRequest question{txn.attempt, {"k"}};
  SUBCASE("there at C0") {
    group.ask<proto::PrepareReply>(participant(txn));
    CHECK(group.ask<proto::QueryLocksReply>(question).all);
  }
  SUBCASE("there, but above C0") {
    (void)group.value("k", group.next_timestamp());
    group.ask<proto::PrepareReply>(participant(txn));
    CHECK_FALSE(group.ask<proto::QueryLocksReply>(question).all);
  }
  SUBCASE("not there: it may come later, but not at C0") {
    CHECK_FALSE(group.ask<proto::QueryLocksReply>(question).all);
    CHECK(group.ask<proto::PrepareReply>(participant(txn)).min_commit_ts > txn.attempt.c0);
  }
  SUBCASE("of another attempt of the same transaction") {
    group.ask<proto::PrepareReply>(participant(txn));
    CHECK_FALSE(group.ask<proto::QueryLocksReply>(proto::QueryLocksRequest{{txn.attempt.id, txn.attempt.c0.next()}, {"k"}}).all);
  }
}

TEST_CASE("V4: a PENDING record is left alone for as long as its coordinator may work on it") {
  DataGroup group;
  const auto txn = put_k(group);
  group.ask<proto::PrepareReply>(prepare(txn, "k", RecordKind::pending));
  const proto::RecoverRequest recover{txn.attempt, "k"};
  CHECK(group.ask<RecoverReply>(recover).state == RecoverReply::State::pending);
  group.host().clock += group.options.pending_patience;
  CHECK(group.ask<RecoverReply>(recover).state == RecoverReply::State::aborted);
  CHECK(group.ask<proto::SettleReply>(proto::DecideRequest{txn.attempt, "k", txn.attempt.c0, {}}).commit_ts == std::nullopt);
  group.check_replicas_agree();
}

TEST_CASE("a new leader finds locks and records where they were; a commit decided before is not forgotten") {
  DataGroup group;
  const auto txn = put_k(group);
  group.ask<proto::PrepareReply>(staging(txn));
  group.elect(1);
  group.give();
  CHECK(group.ask<proto::PrepareReply>(staging(txn)).min_commit_ts == txn.attempt.c0);
  CHECK(group.ask<RecoverReply>(proto::RecoverRequest{txn.attempt, "k"}) ==
        RecoverReply{RecoverReply::State::staging, {}, {"k", "z"}});
  CHECK(group.ask<proto::QueryLocksReply>(proto::QueryLocksRequest{txn.attempt, {"k"}}).all);
  const auto decide = group.send(proto::DecideRequest{txn.attempt, "k", txn.attempt.c0, {"k"}});
  group.elect(0, 1);  // proposed, replicated, not answered
  group.give();
  CHECK(group.answer<proto::Redirect>(decide).in_doubt);
  CHECK(group.ask<proto::SettleReply>(proto::SettleRequest{txn.attempt, "k"}).commit_ts == txn.attempt.c0);
  CHECK(group.value("k") == "v");
  group.check_replicas_agree();
}

TEST_CASE("A7: past the first mark nothing new is prepared; what is decided is finished") {
  DataGroup group;
  const auto txn = put_k(group);
  group.ask<proto::PrepareReply>(staging(txn));
  group.host().disk_full = true;
  CHECK(group.ask<Error>(participant(group.txn({DataGroup::put("l", "w")}))).code == Code::store_full);
  CHECK(group.ask<proto::SettleReply>(proto::DecideRequest{txn.attempt, "k", txn.attempt.c0, {}}).commit_ts == txn.attempt.c0);
  group.ask<proto::Done>(proto::ResolveRequest{txn.attempt, txn.attempt.c0, {"k"}});
  CHECK(group.value("k") == "v");
}

TEST_CASE("P9: a record goes once its locks are resolved and the threshold has passed its C0") {
  DataGroup group;
  const auto txn = put_k(group);
  group.ask<proto::PrepareReply>(staging(txn));
  group.ask<proto::SettleReply>(proto::DecideRequest{txn.attempt, "k", txn.attempt.c0, {"k"}});
  const auto collect = [&] {
    for (int i = 0; i < 4; ++i) {
      group.next_timestamp();
      group.allow_threshold(0);
      group.machine().tick();
      group.settle();
    }
  };
  collect();
  CHECK(group.machine().record().threshold >= txn.attempt.c0);
  CHECK(group.machine().record().records == 1);  // z may still be locked
  CHECK(group.ask<proto::SettleReply>(proto::SettleRequest{txn.attempt, "k"}).commit_ts == txn.attempt.c0);
  group.ask<proto::Done>(proto::ForgetRequest{txn.attempt, "k"});
  collect();
  CHECK(group.machine().record().records == 0);
  CHECK(group.ask<Error>(proto::SettleRequest{txn.attempt, "k"}).code == Code::unknown_outcome);
  CHECK(group.ask<Error>(staging(txn)).code == Code::unknown_outcome);
  CHECK(group.value("k") == "v");
  group.check_replicas_agree();
}
