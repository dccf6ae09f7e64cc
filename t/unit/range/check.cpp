// Replicas are compared, and the odd one stands aside (H1).
#include <algorithm>

#include "codec/checked.hpp"
#include "range/judge.hpp"
#include "unit/range/split_group.hpp"

using namespace ddb;
using namespace ddb::range;
using namespace ddb::range::test;

namespace {

constexpr RangeId first{1};

proto::CheckAnswer sums_to(uint64_t hash, uint64_t damaged = 0) { return {LogIndex{9}, true, hash, damaged, {}}; }
std::vector<ReplicaId> ids(std::initializer_list<uint64_t> values) {
  std::vector<ReplicaId> out;
  for (const uint64_t value : values) out.push_back(ReplicaId{value});
  return out;
}

/// A group with rows in it, all of them flushed.
class Checked : public SplitGroup {
 public:
  Checked() {
    for (const char* key : {"a", "b", "k", "m", "z"}) put(first, key, "row of " + Bytes{key});
    run(std::chrono::seconds{1});
    flush_all();
  }
  void flush_all() {
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (nodes[i].core) flush(i);
    }
  }
  const proto::Health& health(size_t i, RangeId range = first) { return *nodes[i].replica(range)->health(); }

  /// Asks for a check, and waits until every living replica knows what came of it.
  void check(RangeId range = first) {
    const LogIndex before = leader_of(range).replica(range)->health()->check;
    CHECK(leader_of(range).core->check({range}, now) == 1);
    await_verdict(range, before);
  }
  void await_verdict(RangeId range, LogIndex before) {
    for (int i = 0; i < 800; ++i) {
      run(std::chrono::milliseconds{20});
      flush_all();
      const bool known = std::ranges::all_of(nodes, [&](Node& node) {
        if (!node.core) return true;
        const auto* health = node.replica(range)->health();
        return health->check > before && health->concluded;
      });
      if (known) return;
    }
    FAIL("there is no verdict");
  }

  /// Changes what one stopped store holds of the newest version of `key`.
  void damage(size_t i, const Bytes& key, bool with_crc) {
    crash(i);
    auto& rows = nodes[i].durable[env::Table::data];
    const auto row = rows.lower_bound(mvcc::encode_key(key));
    REQUIRE(row != rows.end());
    Bytes payload{row->second.substr(0, row->second.size() - 4)};
    payload.back() ^= 1;
    row->second = with_crc ? codec::seal(row->first, payload) : payload + row->second.substr(row->second.size() - 4);
    restart(i);
    run(std::chrono::seconds{3});
  }
  size_t follower() {
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (nodes[i].core && !nodes[i].leads(first)) return i;
    }
    FAIL("there is none");
    return 0;
  }
};

}  // namespace

TEST_CASE("H1: who is damaged, and when nobody can tell") {
  const auto members = ids({1, 2, 3});
  auto all_same = judge(members, {}, {{ReplicaId{1}, sums_to(7)}, {ReplicaId{2}, sums_to(7)}, {ReplicaId{3}, sums_to(7)}});
  CHECK(all_same.damaged.empty());
  CHECK(!all_same.stopped);
  CHECK(judge(members, {}, {{ReplicaId{1}, sums_to(7)}, {ReplicaId{2}, sums_to(8)}, {ReplicaId{3}, sums_to(7)}}).damaged == ids({2}));
  CHECK(judge(members, {}, {{ReplicaId{1}, sums_to(7)}, {ReplicaId{2}, sums_to(7, 1)}, {ReplicaId{3}, sums_to(7)}}).damaged == ids({2}));
  const auto torn = judge(members, {}, {{ReplicaId{1}, sums_to(7)}, {ReplicaId{2}, sums_to(8)}});
  CHECK(torn.stopped);
  CHECK(torn.damaged.empty());
  CHECK(torn.silent == ids({3}));
  CHECK(judge(members, {}, {{ReplicaId{1}, sums_to(7)}, {ReplicaId{2}, sums_to(8)}, {ReplicaId{3}, sums_to(9)}}).stopped);
  // Its own rows speak against one, nothing against the other.
  const auto one_left = judge(members, {}, {{ReplicaId{1}, sums_to(7)}, {ReplicaId{2}, sums_to(8, 2)}});
  CHECK(one_left.damaged == ids({2}));
  CHECK(!one_left.stopped);
  // Known before: it has no voice.
  CHECK(judge(members, ids({2}), {{ReplicaId{1}, sums_to(7)}, {ReplicaId{2}, sums_to(8)}, {ReplicaId{3}, sums_to(8)}}).stopped);
  CHECK(judge(members, ids({2}), {{ReplicaId{1}, sums_to(7)}, {ReplicaId{3}, sums_to(7)}}).silent.empty());
  CHECK(judge(ids({1}), {}, {{ReplicaId{1}, sums_to(7, 1)}}).stopped);
}

TEST_CASE("H1: what a command names twice counts once") {
  proto::RangeDescriptor range{first, {}, {1, 1}, {}, {}};
  ddb::test::MemoryState rows;
  DataState state;
  const auto apply = [&](CommandBody body) {
    env::WriteBatch out;
    REQUIRE(state.apply(LogIndex{1}, {1, std::move(body)}, range, rows, out));
    rows.apply(out);
    RowSum sum;
    for (const env::Table table : {env::Table::data, env::Table::lock, env::Table::txn}) {
      env::WriteBatch all;
      for (const auto& [key, value] : rows[table]) all.put(table, key, value);
      sum.add(all);
    }
    CHECK(sum.hash == state.record().hash);
  };
  const proto::Attempt attempt{Timestamp{5}, Timestamp{6}};
  PrepareCommand prepare{attempt, "a", Timestamp{6}, {}, proto::RecordKind::staging, {"a", "b"}};
  prepare.writes = {{"a", "1", 1}, {"b", "2", 1}};
  apply(prepare);
  apply(DecideCommand{attempt, "a", Timestamp{6}, {"a", "a"}});
  CHECK(state.record().locks == 1);
  apply(ResolveCommand{attempt, Timestamp{6}, {"b", "b"}});
  CHECK(state.record().rows == 2);
  apply(ForgetCommand{{{attempt, "a"}, {attempt, "a"}}});
  CHECK(state.record().records == 1);
}

TEST_CASE("H1: sound replicas agree, whatever they wrote since, collected, split, or were given by a snapshot") {
  Checked group;
  group.check();
  const auto said = group.health(0);
  CHECK(said.damaged.empty());
  CHECK(said.silent.empty());
  CHECK(!said.stopped);
  CHECK(said.checked_at);
  group.put(first, "a", "another");
  group.split(first, "g", RangeId{2});
  group.run(std::chrono::seconds{2});
  group.put(RangeId{2}, "n", "right");
  group.check(first);
  group.check(RangeId{2});
  for (size_t i = 0; i < 3; ++i) {
    CHECK(group.health(i).damaged.empty());
    CHECK(group.health(i, RangeId{2}).damaged.empty());
    CHECK(group[i].warnings.empty());
  }
}

TEST_CASE("H1: a row that its checksum gives away damages its replica") {
  Checked group;
  const size_t odd = group.follower();
  group.damage(odd, "k", false);
  group.check();
  const auto id = group[odd].replica(first)->id();
  for (size_t i = 0; i < 3; ++i) CHECK(group.health(i).damaged == std::vector{id});
  CHECK(group[odd].replica(first)->damaged());
  CHECK(group.get(first, "k") == "row of k");
}

TEST_CASE("H1: two replicas that are damaged alike do not outvote the sound one, for their checksums give them away") {
  Checked group;
  const size_t sound = group.index_of(group.leader_of(first));
  for (size_t i = 0; i < 3; ++i) {
    if (i != sound) group.damage(i, "k", false);
  }
  group.run_until([&] { return group.leader(first) != nullptr; });
  group.check();
  CHECK(group.health(sound).damaged.size() == 2);
  CHECK(!group[sound].replica(first)->damaged());
  group.run_until([&] { return group.leader(first) != nullptr && group[sound].leads(first); });
  CHECK(group.get(first, "k") == "row of k");
}

TEST_CASE("H1: a row that was changed with its checksum is found by comparison; its replica neither serves nor leads") {
  Checked group;
  const size_t odd = group.follower();
  group.damage(odd, "k", true);
  group.check();
  const auto id = group[odd].replica(first)->id();
  for (size_t i = 0; i < 3; ++i) CHECK(group.health(i).damaged == std::vector{id});
  CHECK(!group[odd].warnings.empty());

  // It hears nobody, and asks for no votes.
  group.isolate(odd);
  group.run(std::chrono::seconds{5});
  CHECK(group[odd].replica(first)->raft().role() == raft::Role::follower);
  group.heal();
  group.run(std::chrono::seconds{1});
  // Its leader dies: it votes, for the other one.
  const size_t leader = group.index_of(group.leader_of(first));
  group.crash(leader);
  group.run_until([&] { return group.leader(first) != nullptr; });
  CHECK(!group[odd].leads(first));
  CHECK(group.get(first, "k") == "row of k");
  group.put(first, "k", "newer");
  // It knows when it comes back.
  group.restart(leader);
  group.flush_all();
  group.crash(odd);
  group.restart(odd);
  group.run(std::chrono::seconds{3});
  CHECK(group[odd].replica(first)->damaged());
  // And so do both halves of its range.
  group.split(first, "g", RangeId{2});
  group.run(std::chrono::seconds{2});
  CHECK(group[odd].replica(first)->damaged());
  CHECK(group[odd].replica(RangeId{2})->damaged());
}

TEST_CASE("H1: a leader that is the odd one serves nobody from the verdict on, and hands over") {
  Checked group;
  const size_t odd = group.index_of(group.leader_of(first));
  group.damage(odd, "k", true);
  group.run_until([&] { return group.leader(first) != nullptr; });
  // Back to the one that was damaged.
  for (int i = 0; i < 40 && !group[odd].leads(first); ++i) {
    group.leader_of(first).core->drain(group.now);
    group.run(std::chrono::milliseconds{500});
  }
  REQUIRE(group[odd].leads(first));
  CHECK(group.get(first, "k") != "row of k");
  group.check();
  CHECK(group.health(odd).damaged == std::vector{group[odd].replica(first)->id()});
  group.run_until([&] { return group.leader(first) != nullptr && !group[odd].leads(first); });
  CHECK(group.get(first, "k") == "row of k");
}

TEST_CASE("H1: whoever meets damage has it looked for") {
  Checked group;
  const size_t odd = group.index_of(group.leader_of(first));
  group.damage(odd, "k", false);
  for (int i = 0; i < 40 && !group[odd].leads(first); ++i) {
    group.leader_of(first).core->drain(group.now);
    group.run(std::chrono::milliseconds{500});
  }
  REQUIRE(group[odd].leads(first));
  const LogIndex before = group.health(odd).check;
  CHECK(group.ask<Error>(group[odd], first, proto::ReadRequest{group.next_timestamp(), {"k"}, {}, false, 0, 0}).code == Code::bad_data);
  group.await_verdict(first, before);
  group.run_until([&] { return group.leader(first) != nullptr && !group[odd].leads(first); });
  CHECK(group.get(first, "k") == "row of k");
}

TEST_CASE("H1: without a majority the range stops, until one agrees") {
  Checked group;
  const size_t odd = group.follower();
  group.damage(odd, "k", true);
  const size_t third = 3 - odd - group.index_of(group.leader_of(first));
  group.crash(third);
  group.check();
  CHECK(group.health(odd).stopped);
  CHECK(group.health(odd).damaged.empty());
  auto& leader = group.leader_of(first);
  CHECK(group.ask<Error>(leader, first, proto::ReadRequest{group.next_timestamp(), {"a"}, {}, false, 0, 0}).code == Code::bad_data);
  group.restart(third);
  group.run(std::chrono::seconds{3});
  group.check();
  CHECK(!group.health(odd).stopped);
  CHECK(group.health(odd).damaged == std::vector{group[odd].replica(first)->id()});
  CHECK(group.get(first, "k") == "row of k");
}

TEST_CASE("H1: who leads next goes on with a check; ranges are checked by themselves in their time") {
  Checked group;
  const LogIndex before = group.health(0).check;
  for (auto& node : group.nodes) node.flush_held = true;  // no scan before it
  CHECK(group.leader_of(first).core->check({}, group.now) == 1);
  group.run(std::chrono::milliseconds{200});
  const size_t begun_by = group.index_of(group.leader_of(first));
  group.crash(begun_by);
  group.run_until([&] { return group.leader(first) != nullptr; });
  for (auto& node : group.nodes) node.flush_held = false;
  group.await_verdict(first, before);
  CHECK(group.health(group.follower()).silent == std::vector{ReplicaId{begun_by + 1}});
  group.restart(begun_by);
  group.run(std::chrono::seconds{3});

  group.meta[proto::config_check_interval] = {proto::config_check_interval, "0", {}, {}, 1, {}};
  const LogIndex last = group.health(group.follower()).check;
  group.timestamp = Timestamp::of(48 * 3'600'000, 0).value;
  group.run(std::chrono::seconds{130});
  CHECK(group.health(group.follower()).check == last);
  group.meta.clear();
  group.run(std::chrono::seconds{70});
  group.await_verdict(first, last);
}
