// What commits, at which timestamp, and how often: P3-P5, P8-P11, V2.
#include <doctest/doctest.h>

#include "range/row_hash.hpp"
#include "unit/range/data_group.hpp"

using namespace ddb;
using range::test::DataGroup;

TEST_CASE("P8: a commit is at C0 when nothing is in its way, and answered once applied") {
  DataGroup group;
  const auto commit = group.txn({DataGroup::put("k", "v"), DataGroup::insert("l", "w"), DataGroup::erase("m")});
  const auto request = group.send(commit);
  group.give();
  REQUIRE(group.host().proposals.size() == 1);  // versions and record in one entry
  CHECK_FALSE(group.answered(request));
  group.commit();
  CHECK(group.answer<proto::CommitReply>(request).commit_ts == commit.attempt.c0);
  CHECK(group.value("k") == "v");
  CHECK(group.value("l") == "w");
  CHECK(group.value("m") == std::nullopt);
  CHECK(group.value("k", commit.attempt.c0.prev()) == std::nullopt);
  group.check_replicas_agree();
}

TEST_CASE("P3: a written key with a version newer than read_ts is a conflict, and says which") {
  DataGroup group;
  const auto loser = group.txn({DataGroup::put("a", "lost"), DataGroup::put("k", "lost")});
  group.commit_now({DataGroup::put("k", "first")});
  const auto error = group.ask<Error>(loser);
  CHECK(error.code == Code::conflict);
  CHECK(error.detail == "k");
  CHECK(group.value("a") == std::nullopt);
  CHECK(group.value("k") == "first");
  const auto gone = group.txn({DataGroup::put("k", "lost")});
  group.commit_now({DataGroup::erase("k")});
  CHECK(group.ask<Error>(gone).code == Code::conflict);
}

TEST_CASE("P3: two commits of one key at once: the second sees the first") {
  DataGroup group;
  const Timestamp begin = group.next_timestamp();
  const auto first = group.txn_since(begin, {DataGroup::put("k", "1")});
  const auto second = group.txn_since(begin, {DataGroup::put("k", "2")});
  const auto r1 = group.send(first);
  const auto r2 = group.send(second);
  group.settle();
  (void)group.answer<proto::CommitReply>(r1);
  CHECK(group.answer<Error>(r2).code == Code::conflict);  // an update would be lost
}

TEST_CASE("P4: a key read and changed since is a conflict: no write skew") {
  DataGroup group;
  const Timestamp begin = group.next_timestamp();
  const auto a = group.txn_since(begin, {DataGroup::put("w1", "a")}, {env::point_span("w2")});
  const auto b = group.txn_since(begin, {DataGroup::put("w2", "b")}, {env::point_span("w1")});
  const auto ra = group.send(a);
  const auto rb = group.send(b);
  group.settle();
  (void)group.answer<proto::CommitReply>(ra);
  CHECK(group.answer<Error>(rb).code == Code::conflict);
}

TEST_CASE("P4: a row that appeared in a span that was read is a conflict: no phantoms") {
  DataGroup group;
  const auto reader = group.txn({DataGroup::put("sum", "0")}, {{"r", "s"}});
  group.commit_now({DataGroup::put("r7", "new")});
  CHECK(group.ask<Error>(reader).detail == "r7");
}

TEST_CASE("P4: validation is a read: nothing commits below it in the span afterwards") {
  DataGroup group;
  const auto late = group.txn({DataGroup::put("r7", "phantom")});
  const auto point = group.txn({DataGroup::put("p", "phantom")});
  const auto reader = group.txn({DataGroup::put("sum", "0")}, {{"r", "s"}, env::point_span("p")});
  const Timestamp validated = group.ask<proto::CommitReply>(reader).commit_ts;
  CHECK(group.ask<proto::CommitReply>(late).commit_ts > validated);
  CHECK(group.ask<proto::CommitReply>(point).commit_ts > validated);
}

TEST_CASE("P4: a span being validated is not written meanwhile") {
  DataGroup group;
  const auto reader = group.txn({DataGroup::put("sum", "0")}, {{"r", "s"}});
  group.value("sum");  // the reader will need a fresh timestamp
  const auto r1 = group.send(reader);
  const auto writer = group.txn({DataGroup::put("r7", "new")});
  const auto r2 = group.send(writer);
  CHECK(group.host().proposals.empty());
  group.settle();
  const Timestamp read_until = group.answer<proto::CommitReply>(r1).commit_ts;
  CHECK(group.answer<proto::CommitReply>(r2).commit_ts > read_until);
}

TEST_CASE("P5: C is above every version and every read of the written keys") {
  DataGroup group;
  // Blind writes: read_ts is above C0 of nobody, so only P5 keeps them in order.
  const auto early = group.txn({DataGroup::put("k", "early C0")});
  const Timestamp read_at = group.next_timestamp();
  group.value("k", read_at);
  const Timestamp commit_ts = group.ask<proto::CommitReply>(early).commit_ts;
  CHECK(commit_ts > read_at);
  CHECK(commit_ts.value % 10 == 0);  // P10: a timestamp the oracle gave, not one computed

  auto equal = group.txn({DataGroup::put("k", "same time")});
  equal.read_ts = equal.attempt.c0 = commit_ts;
  equal.attempt.id = Timestamp{1};
  CHECK(group.ask<proto::CommitReply>(equal).commit_ts > commit_ts);
  CHECK(group.value("k", commit_ts) == "early C0");
}

TEST_CASE("P8: reads are validated at the fresh C, not only at C0") {
  DataGroup group;
  const auto reader = group.txn({DataGroup::put("sum", "0")}, {{"r", "s"}});
  group.value("sum");
  const auto r1 = group.send(reader);
  REQUIRE(group.host().wanted.size() == 1);
  group.give();
  group.commit();
  const Timestamp commit_ts = group.answer<proto::CommitReply>(r1).commit_ts;
  auto phantom = group.txn({DataGroup::put("r7", "")});
  phantom.attempt.c0 = commit_ts.prev();
  phantom.read_ts = reader.read_ts;
  CHECK(group.ask<proto::CommitReply>(phantom).commit_ts > commit_ts);
}

TEST_CASE("P8: latches are held while the fresh timestamp is on its way") {
  DataGroup group;
  const auto slow = group.txn({DataGroup::put("k", "slow")});
  group.value("k");
  const auto r1 = group.send(slow);
  REQUIRE(group.host().wanted.size() == 1);
  const auto r2 = group.send(DataGroup::get(slow.read_ts, {"k"}));
  CHECK_FALSE(group.answered(r2));
  group.settle();
  CHECK(group.answered(r1));
  CHECK(group.answered(r2));
}

TEST_CASE("P8: the lease is checked again when the fresh timestamp has come") {
  DataGroup group;
  const auto commit = group.txn({DataGroup::put("k", "v")});
  group.value("k");
  const auto request = group.send(commit);
  group.host().lease = false;
  group.give();
  CHECK(group.host().proposals.empty());
  CHECK(group.host().confirms.size() == 1);
  group.settle();
  CHECK(group.answered(request));
}

TEST_CASE("P8: a fresh timestamp that is not high enough is taken again") {
  range::DataOptions options;
  options.timestamp_slack = std::chrono::milliseconds{1};
  DataGroup group{options};
  const Timestamp ahead{group.now + 1000};
  group.value("k", ahead);  // a client that lies, within the slack
  const auto request = group.send(group.txn({DataGroup::put("k", "v")}));
  group.settle();
  CHECK(group.answer<proto::CommitReply>(request).commit_ts > ahead);
}

TEST_CASE("P8: a repeated request finds its record, whatever came after") {
  DataGroup group;
  const auto commit = group.txn({DataGroup::put("k", "mine"), DataGroup::put("l", "mine")});
  const Timestamp commit_ts = group.ask<proto::CommitReply>(commit).commit_ts;
  group.commit_now({DataGroup::put("k", "theirs")});
  group.commit_now({DataGroup::erase("k")});
  const size_t entries = group.log.size();
  CHECK(group.ask<proto::CommitReply>(commit).commit_ts == commit_ts);
  group.elect(1);
  group.give();
  CHECK(group.ask<proto::CommitReply>(commit).commit_ts == commit_ts);
  CHECK(group.ask<proto::SettleReply>(proto::SettleRequest{commit.attempt, "k"}).commit_ts == commit_ts);
  CHECK(group.log.size() == entries);
}

TEST_CASE("P8: a request repeated while the first is under way is done once") {
  DataGroup group;
  const auto commit = group.txn({DataGroup::insert("k", "v")});
  const auto r1 = group.send(commit);
  const auto r2 = group.send(commit);
  group.settle();
  CHECK(group.answer<proto::CommitReply>(r1) == group.answer<proto::CommitReply>(r2));
  CHECK(group.log.size() == 1);
}

TEST_CASE("insert: a key that exists is named; one that was erased may be inserted") {
  DataGroup group;
  group.commit_now({DataGroup::insert("k", "1")});
  const auto error = group.ask<Error>(group.txn({DataGroup::put("j", ""), DataGroup::insert("k", "2")}));
  CHECK(error.code == Code::exists);
  CHECK(error.detail == "k");
  CHECK(group.value("j") == std::nullopt);
  group.commit_now({DataGroup::erase("k")});
  group.commit_now({DataGroup::insert("k", "3")});
  CHECK(group.value("k") == "3");
}

TEST_CASE("insert: `exists` is true at read_ts; what came later is a conflict") {
  DataGroup group;
  const auto early = group.txn({DataGroup::insert("k", "2")});
  group.commit_now({DataGroup::insert("k", "1")});
  CHECK(group.ask<Error>(early).code == Code::conflict);

  const Timestamp begin = group.next_timestamp();
  const Timestamp old_c0 = group.next_timestamp();
  const auto inserter = group.txn({DataGroup::insert("k", "2")});
  CHECK(group.ask<Error>(inserter).code == Code::exists);
  // It was read: a commit from before may not take the row away below that.
  const proto::CommitRequest eraser{{begin, old_c0}, begin, {DataGroup::erase("k")}, {}};
  CHECK(group.ask<proto::CommitReply>(eraser).commit_ts > inserter.read_ts);
  CHECK(group.ask<Error>(inserter).code == Code::conflict);  // repeated: still not committed
}

TEST_CASE("V2: an attempt without a record is settled as aborted, and stays so") {
  DataGroup group;
  const auto commit = group.txn({DataGroup::put("k", "v")});
  const proto::SettleRequest settle{commit.attempt, "k"};
  CHECK(group.ask<proto::SettleReply>(settle).commit_ts == std::nullopt);
  CHECK(group.log.empty());  // no Raft write
  CHECK(group.ask<Error>(commit).code == Code::conflict);
  auto again = commit;
  again.attempt.c0 = group.next_timestamp();
  CHECK(group.ask<proto::CommitReply>(again).commit_ts == again.attempt.c0);
  CHECK(group.ask<proto::SettleReply>(settle).commit_ts == std::nullopt);  // that attempt, not the transaction
  CHECK(group.ask<proto::SettleReply>(proto::SettleRequest{again.attempt, "k"}).commit_ts == again.attempt.c0);
}

TEST_CASE("V2: settled as aborted is aborted for the next leaders as well") {
  DataGroup group;
  const auto commit = group.txn({DataGroup::put("k", "v")});
  CHECK(group.ask<proto::SettleReply>(proto::SettleRequest{commit.attempt, "k"}).commit_ts == std::nullopt);
  group.elect(1);
  CHECK(group.ask<Error>(commit).code == Code::conflict);
  CHECK(group.value("k") == std::nullopt);
}

TEST_CASE("P11: settling waits for a commit that is on its way") {
  DataGroup group;
  const auto commit = group.txn({DataGroup::put("k", "v")});
  const auto request = group.send(commit);
  group.give();
  const auto settle = group.send(proto::SettleRequest{commit.attempt, "k"});
  CHECK_FALSE(group.answered(settle));
  group.settle();
  CHECK(group.answer<proto::SettleReply>(settle).commit_ts == group.answer<proto::CommitReply>(request).commit_ts);
}

TEST_CASE("P11: a commit that was proposed by a leader that fell is settled by what became of it") {
  for (const size_t surviving : {0, 1}) {
    DataGroup group;
    const auto commit = group.txn({DataGroup::put("k", "v")});
    const auto request = group.send(commit);
    group.give();
    group.elect(1, surviving);
    CHECK(group.answer<proto::Redirect>(request).in_doubt);
    const auto settled = group.ask<proto::SettleReply>(proto::SettleRequest{commit.attempt, "k"});
    CHECK(settled.commit_ts.has_value() == (surviving == 1));
    CHECK(group.value("k").has_value() == (surviving == 1));
  }
}

TEST_CASE("A4, H1: replicas agree, the hash is that of the rows, and counters count") {
  DataGroup group;
  group.commit_now({DataGroup::put("a", "1"), DataGroup::put("b", "1"), DataGroup::insert("c", "1")});
  group.commit_now({DataGroup::put("a", "2"), DataGroup::erase("b"), DataGroup::erase("never there")});
  group.check_replicas_agree();
  const auto& record = group.machine().record();
  uint64_t hash = 0, bytes = 0;
  for (const auto& [key, value] : group.host().rows[env::Table::data]) {
    hash += range::row_hash(key, value);
    bytes += key.size() + value.size();
  }
  CHECK(group.machine().hash() == hash);
  CHECK(hash != 0);
  CHECK(record.bytes == bytes);
  CHECK(record.versions == 6);
  CHECK(record.rows == 2);

  range::DataMachine restarted{group.host(), {}};
  restarted.loaded();
  CHECK(restarted.record() == record);
}

TEST_CASE("what a snapshot copies is all that was ever written, and nothing of the neighbours") {
  DataGroup group;
  for (auto& member : group.members) member.host.range.span = {Bytes{"b\0", 2}, "d"};
  group.commit_now({DataGroup::put(Bytes{"b\0", 2}, "first"), DataGroup::put("c\xff\xff", "last")});
  const auto spans = group.machine().spans(group.host().range);
  const auto covered = [&](env::Table table, BytesView key) {
    return std::any_of(spans.begin(), spans.end(), [&](const env::TableSpan& span) {
      return span.table == table && env::contains(env::KeySpan{span.start, span.end}, key);
    });
  };
  for (const auto table : {env::Table::range, env::Table::data}) {
    CHECK_FALSE(group.host().rows[table].empty());
    for (const auto& [key, value] : group.host().rows[table]) CHECK(covered(table, key));
  }
  for (const char* neighbour : {"b", "d", "a", "dd"}) {
    CHECK_FALSE(covered(env::Table::data, mvcc::version_key(mvcc::encode_key(neighbour), Timestamp{1})));
  }
  CHECK_FALSE(covered(env::Table::range, range::data_record_key(RangeId{6})));
  CHECK_FALSE(covered(env::Table::range, range::data_record_key(RangeId{8})));
}

TEST_CASE("a commit over the size limit is refused, with the limit and its size") {
  range::DataOptions options;
  options.commit_bytes_max = 100;
  DataGroup group{options};
  const auto refused = group.ask<Error>(group.txn({DataGroup::put("k", Bytes(90, 'x')), DataGroup::put("l", Bytes(10, 'x'))}));
  CHECK(refused.code == Code::too_long);
  CHECK(refused.message == "a transaction of 102 bytes is over the limit");
  CHECK(refused.hint == "write up to 100 bytes per range and transaction");
  group.commit_now({DataGroup::put("k", Bytes(99, 'x'))});
}
