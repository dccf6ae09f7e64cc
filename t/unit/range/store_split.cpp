// What a split means for the stores it happens on: births, crashes, stragglers (A5, C1, C2, C3, S2, S3, S4, L2).
#include <doctest/doctest.h>

#include "unit/range/split_group.hpp"

using namespace ddb;
using range::test::Node;
using range::test::SplitGroup;

namespace {

constexpr RangeId left{1};
constexpr RangeId right{2};

void fill(SplitGroup& group) {
  for (const char* key : {"a", "b", "k", "m", "p"}) group.put(left, key, key);
}

bool born(const Node& node) { return node.replica(right) != nullptr && node.replica(right)->initialised(); }

/// The others of a store.
std::array<size_t, 2> others(size_t i) { return {(i + 1) % 3, (i + 2) % 3}; }

}  // namespace

TEST_CASE("S1, S3: both halves serve at once, led by the same store, with every row in place") {
  SplitGroup group;
  fill(group);
  Node& first = group.leader_of(left);
  const auto descriptor = group.split(left, "k", right);
  group.settle();
  CHECK(group.leader(right) == &first);  // no time has passed
  CHECK(group.get(right, "m") == "m");
  CHECK(group.get(left, "a") == "a");
  group.put(right, "k", "new");
  group.run(std::chrono::milliseconds{300});
  for (auto& node : group.nodes) {
    CHECK(born(node));
    CHECK(node.replica(right)->descriptor() == descriptor);
    CHECK(node.replica(left)->descriptor().span.end == "k");
    CHECK(node.replica(right)->raft().base() == range::initial_base);
    CHECK(node.replica(right)->status().hash == group[0].replica(right)->status().hash);
  }
}

TEST_CASE("a request of the old epoch is told of both halves; one to a store that knows nothing learns nothing wrong") {
  SplitGroup group;
  fill(group);
  Node& first = group.leader_of(left);
  group.split(left, "k", right);
  const proto::RangeRequest stale{{1, 1}, proto::ReadRequest{group.next_timestamp(), {"m"}, {}, false, 0, 0}};
  first.core->request({range::ConnectionId{1}, 77}, left, codec::encode(stale), group.now);
  group.settle();
  const auto told = std::get<proto::Redirect>(group.replies.at(77));
  REQUIRE(told.descriptors.size() == 2);
  CHECK(told.descriptors[0].span.end == "k");
  CHECK(told.descriptors[1].id == right);
}

TEST_CASE("test 11: the right half acknowledges, the store crashes before a flush: the log counts in votes (A5, C1)") {
  SplitGroup group;
  fill(group);
  for (size_t i = 0; i < 3; ++i) group.flush(i);
  const size_t lead = group.index_of(group.leader_of(left));
  const auto [one, two] = others(lead);
  group.split(left, "k", right);
  group.filter = [two = two](size_t, size_t to, const auto& message) { return to != two || message.range != right; };
  group.put(right, "m", "acknowledged by two");
  // The one that acknowledged it comes back; the leader does not: who has it must win.
  group.crash(one);
  group.crash(lead);
  group.heal();
  group.restart(one);
  REQUIRE_FALSE(group[one].failure);
  REQUIRE(born(group[one]));
  CHECK(group.get(right, "m") == "acknowledged by two");
  CHECK(group.leader(right) == &group[one]);
}

TEST_CASE("A5: the log tells of the split before it tells of the right half; without that the store does not start") {
  SplitGroup group;
  fill(group);
  std::array<size_t, 3> flushed{};  // batches: they cannot be missing
  for (size_t i = 0; i < 3; ++i) {
    group.flush(i);
    flushed[i] = group[i].log.size();
  }
  group.split(left, "k", right);
  group.put(right, "m", "new");
  group.run(std::chrono::milliseconds{300});
  for (size_t i = 0; i < 3; ++i) {
    group.crash(i);
    // Cut anywhere in the log: it starts, and never with rows or votes of a range that is not there.
    const auto whole = group[i].log;
    REQUIRE(whole.size() > flushed[i] + 3);
    for (size_t kept = whole.size(); kept >= flushed[i]; --kept) {
      group[i].log.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(kept));
      group.restart(i);
      REQUIRE_FALSE(group[i].failure);
      group.crash(i);
    }
    // The mutation: had the commit not been written.
    group[i].log = whole;
    for (auto& batch : group[i].log) {
      for (auto& record : batch.records) {
        if (record.key.range == left && record.hard_state) record.hard_state->commit = {};
      }
    }
    group.restart(i);
    REQUIRE(group[i].failure);
    CHECK(group[i].failure->code == Code::bad_data);
    group[i].log = whole;
    group.restart(i);
  }
  CHECK(group.get(right, "m") == "new");
}

TEST_CASE("a crash right after the flush that bears the right half, or with half of its log in it") {
  for (const bool flush_late : {false, true}) {
    SplitGroup group;
    fill(group);
    group.split(left, "k", right);
    if (flush_late) group.put(right, "m", "new");
    for (size_t i = 0; i < 3; ++i) group.flush(i);
    if (!flush_late) group.put(right, "m", "new");
    for (size_t i = 0; i < 3; ++i) {
      group.crash(i);
      group.restart(i);
      REQUIRE_FALSE(group[i].failure);
      CHECK(born(group[i]));
    }
    CHECK(group.get(right, "m") == "new");
    CHECK(group.get(left, "a") == "a");
  }
}

TEST_CASE("C1, S4, test 12: vote and snapshot for the right half come before the split: the vote is kept, the snapshot refused") {
  SplitGroup group;
  fill(group);
  const size_t lead = group.index_of(group.leader_of(left));
  const auto [one, slow] = others(lead);
  // The slow one hears nothing of the left any more.
  group.filter = [slow = slow](size_t, size_t to, const auto& message) { return to != slow || message.range != left; };
  group.split(left, "k", right);
  group.put(right, "m", "new");
  REQUIRE(group[slow].replica(right) != nullptr);
  CHECK_FALSE(born(group[slow]));
  const auto vote = group[slow].replica(right)->raft().hard_state();
  CHECK(vote.term > range::initial_base.term);

  group.flush(lead);
  group.run(std::chrono::seconds{10});  // snapshots of the right half are offered
  CHECK_FALSE(born(group[slow]));
  CHECK(group[slow].rows_in({"k", ""}) == 3);
  CHECK(group[slow].replica(left)->descriptor().span.end.empty());

  // Also over a crash: of the vote the log knows.
  group.crash(slow);
  group.restart(slow);
  REQUIRE_FALSE(group[slow].failure);
  CHECK(group[slow].replica(right)->raft().hard_state().term >= vote.term);

  group.heal();
  group.run_until([&] { return born(group[slow]); });
  const auto kept = group[slow].replica(right)->raft().hard_state();
  CHECK(kept.term >= vote.term);
  if (kept.term == vote.term) CHECK(kept.vote == vote.vote);
  group.run_until([&] {
    return group[slow].replica(right)->raft().applied_index() == group[lead].replica(right)->raft().applied_index();
  });
  group.crash(one);  // its word is needed now
  group.put(right, "p", "newer");
  CHECK(group[slow].rows_in({"k", ""}) == 5);
}

TEST_CASE("C2, C5: a first range that is still being born holds its span against a snapshot of what it has split off") {
  SplitGroup group;
  const size_t lead = group.index_of(group.leader_of(left));
  const size_t late = others(lead)[1];
  group.crash(late);
  group[late].wipe();
  fill(group);
  group.split(left, "k", right);
  const Bytes big(1 << 10, 'x');
  for (int i = 0; i < 40; ++i) group.put(right, "q", big);  // the right half's log is cut: it needs a snapshot
  for (size_t i = 0; i < 3; ++i) {
    if (i != late) group.flush(i);
  }
  group[late].flush_held = true;  // and so it stays unborn
  group.restart(late);
  const auto offered_in_vain = [&] {
    group.run(std::chrono::seconds{5});
    const auto* offered = group[late].replica(right);
    return group[late].replica(left) == nullptr && offered != nullptr && !offered->switching() && !born(group[late]);
  };
  CHECK(offered_in_vain());

  // While the flush that it waits for is on its way, too.
  env::WriteBatch records;
  const auto checkpoint = group[late].core->checkpoint(records);
  CHECK(offered_in_vain());
  group[late].state.apply(records);
  group[late].durable = group[late].state;
  group[late].core->flushed(checkpoint, group.now);
  group[late].flush_held = false;
  group.run_until([&] {
    return born(group[late]) && group[late].replica(left)->descriptor() == group[lead].replica(left)->descriptor() &&
           !group[late].replica(right)->installing() &&
           group[late].replica(right)->raft().applied_index() == group[lead].replica(right)->raft().applied_index();
  });
  CHECK(group[late].rows_in({}) == group[lead].rows_in({}));
}

TEST_CASE("C2: a snapshot about to be switched to holds its span against that of a half of it") {
  SplitGroup group;
  fill(group);
  const size_t late = others(group.index_of(group.leader_of(left)))[1];
  const Bytes big(1 << 10, 'x');
  for (int i = 0; i < 40; ++i) group.put(left, "c", big);
  for (size_t i = 0; i < 3; ++i) group.flush(i);
  group.run(std::chrono::seconds{1});
  // It has lost all but its name in the range; who leads next does not know better, and gives it all.
  for (size_t i = 0; i < 3; ++i) group.crash(i);
  group[late].wipe();
  range::ReplicaRecord nothing;
  nothing.replica = ReplicaId{late + 1};
  env::WriteBatch trace;
  trace.put(env::Table::range, range::record_key(left), codec::encode(nothing));
  group[late].durable.apply(trace);
  for (size_t i = 0; i < 3; ++i) group.restart(i);
  group[late].flush_held = true;
  group.run_until([&] { return group[late].replica(left)->switching(); });

  // Another leads the right half: a store sends one snapshot at a time.
  const size_t lead = group.index_of(group.leader_of(left));
  group.filter = [&](size_t from, size_t, const auto& message) { return message.range != right || from != lead; };
  group.split(left, "k", right);
  const size_t one = 3 - lead - late;
  group.run_until([&] { return group[one].replica(right)->raft().role() == raft::Role::leader; });
  group.heal();
  REQUIRE(&group.leader_of(right) == &group[one]);
  for (int i = 0; i < 40; ++i) group.put(right, "q", big);
  group.flush(one);
  group.run(std::chrono::seconds{5});
  CHECK_FALSE(born(group[late]));
  REQUIRE(group[late].replica(right) != nullptr);
  CHECK_FALSE(group[late].replica(right)->switching());
  group[late].flush_held = false;
  group.run_until([&] { return born(group[late]) && !group[late].replica(right)->installing(); });
  CHECK(group[late].replica(left)->descriptor() == group[lead].replica(left)->descriptor());
}

TEST_CASE("S2, C3, test 13: the right half was added again before a slow left splits: the newer replica lives, old rows go") {
  SplitGroup group;
  fill(group);
  const size_t lead = group.index_of(group.leader_of(left));
  const size_t slow = others(lead)[1];
  group.filter = [slow](size_t, size_t to, const auto&) { return to != slow; };
  group.split(left, "k", right);
  // A message to a replica of the right half that came after the first ones.
  proto::PeerBatch batch{1, group[lead].self.store, group[slow].self.store, group[lead].self.incarnation, {}};
  batch.messages.push_back({right, ReplicaId{1}, ReplicaId{9}, {2, 2},
                            proto::RaftMessage{ReplicaId{1}, ReplicaId{9}, Term{40}, proto::Heartbeat{}}});
  group[slow].core->peer(batch, group.now);
  group.settle();
  REQUIRE(group[slow].replica(right) != nullptr);
  REQUIRE(group[slow].replica(right)->id() == ReplicaId{9});

  group.heal();
  group.run_until([&] { return group[slow].replica(left)->descriptor().span.end == "k"; });
  CHECK(group[slow].replica(right)->id() == ReplicaId{9});
  CHECK_FALSE(born(group[slow]));
  group.run(std::chrono::milliseconds{100});
  CHECK(group[slow].rows_in({"k", ""}) == 0);
  CHECK(group[slow].rows_in({"", "k"}) == 2);
}

TEST_CASE("C3: a snapshot of the left that is past the split clears what the left gave up, and the right comes by its own") {
  SplitGroup group;
  fill(group);
  const size_t lead = group.index_of(group.leader_of(left));
  const size_t slow = others(lead)[1];
  group.isolate(slow);
  group.put(left, "b", "2");
  group.split(left, "k", right);
  group.put(right, "m", "2");
  const Bytes big(1 << 10, 'x');
  for (int i = 0; i < 40; ++i) group.put(left, "c", big);  // the log is cut above the slow one
  for (int i = 0; i < 40; ++i) group.put(right, "q", big);
  for (size_t i = 0; i < 3; ++i) group.flush(i);
  group.put(left, "b", "3");
  group.put(right, "m", "3");
  group.run(std::chrono::seconds{1});
  for (size_t i = 0; i < 3; ++i) group.flush(i);
  REQUIRE(group[lead].replica(left)->raft().base().index > group[slow].replica(left)->raft().last().index);
  // Whether the right half comes here or not, nobody is left to whom these rows belong.
  group.filter = [](size_t, size_t, const auto& message) { return message.range != right; };
  group.run_until([&] { return group[slow].replica(left)->descriptor() == group[lead].replica(left)->descriptor(); });
  group.run(std::chrono::seconds{1});
  CHECK(group[slow].rows_in({"k", ""}) == 0);
  group.heal();
  group.run_until([&] {
    return born(group[slow]) && !group[slow].replica(right)->installing() &&
           group[slow].replica(right)->raft().applied_index() == group[lead].replica(right)->raft().applied_index();
  });
  for (const auto table : {env::Table::data, env::Table::lock, env::Table::txn}) {
    CHECK(group[slow].state[table] == group[lead].state[table]);
  }
  CHECK(group[slow].replica(left)->descriptor() == group[lead].replica(left)->descriptor());
}

TEST_CASE("F4: a snapshot asked for before a split, and made after it, is not sent: rows and descriptor are of one moment") {
  SplitGroup group;
  fill(group);
  const size_t lead = group.index_of(group.leader_of(left));
  const size_t slow = others(lead)[1];
  group.isolate(slow);
  const Bytes big(1 << 10, 'x');
  for (int i = 0; i < 40; ++i) group.put(left, "c", big);
  for (size_t i = 0; i < 3; ++i) group.flush(i);
  group.run(std::chrono::seconds{1});
  group[lead].snapshots_held = true;
  group.filter = [slow](size_t, size_t to, const auto& message) { return to != slow || message.range != right; };
  group.run_until([&] { return !group[lead].to_make.empty(); });
  group.split(left, "k", right);
  group.flush(lead);
  group[lead].snapshots_held = false;
  for (const auto& make : group[lead].to_make) make();
  group.run_until([&] {
    return group[slow].replica(left)->descriptor() == group[lead].replica(left)->descriptor() &&
           !group[slow].replica(left)->installing();
  });
  CHECK(group[slow].rows_in({"", "k"}) == group[lead].rows_in({"", "k"}));
  group.run(std::chrono::seconds{1});
  CHECK(group[slow].rows_in({"k", ""}) == 0);
}

TEST_CASE("D3: what is not meant for this store, or comes from another cluster, changes nothing") {
  SplitGroup group;
  fill(group);
  Node& first = group.leader_of(left);
  const Term term = first.replica(left)->term();
  Node& second = group[others(group.index_of(first))[0]];
  for (const bool foreign : {false, true}) {
    proto::PeerBatch batch{foreign ? 2U : 1U, second.self.store, foreign ? first.self.store : StoreId{999}, second.self.incarnation, {}};
    const auto& members = first.replica(left)->descriptor().replicas;
    const ReplicaId from = members[group.index_of(second)].id;
    batch.messages.push_back({left, from, first.replica(left)->id(), {1, 1},
                              proto::RaftMessage{from, first.replica(left)->id(), term.next(), proto::Heartbeat{}}});
    first.core->peer(batch, group.now);
    first.core->settle(group.now);
    CHECK(first.replica(left)->term() == term);
    CHECK(first.replica(left)->leads());
  }
}

TEST_CASE("L2, test 14: B leads the right half first, then A, which led the left: A's floor is above B's reads") {
  SplitGroup group;
  fill(group);
  const size_t a = group.index_of(group.leader_of(left));
  // A splits but is not heard in the right half: B is elected there.
  group.filter = [a](size_t from, size_t to, const auto& message) { return message.range != right || (from != a && to != a); };
  group.split(left, "k", right);
  group.run_until([&] { return group.leader(right) != nullptr && group.leader(right) != &group[a]; });
  Node& reader = *group.leader(right);
  const Timestamp read_at{group.timestamp += 1'000'000};
  group.timestamp = read_at.value + 10;
  CHECK(group.ask<proto::ReadReply>(reader, right, proto::ReadRequest{read_at, {"m"}, {}, false, 0, 0}).values[0] == "m");
  // B and the third are gone from the right half for long enough: A leads it.
  group.heal();
  group.crash(group.index_of(reader));
  group.run_until([&] { return group.leader(right) != nullptr; });
  const proto::CommitRequest below{{Timestamp{2}, Timestamp{read_at.value - 5}}, Timestamp{read_at.value - 5}, {{env::WriteKind::put, "m", "late"}}, {}};
  CHECK(group.ask<Error>(group.leader_of(right), right, below).code == Code::conflict);
}
