#include "oracle/metadata.hpp"

#include "unit/oracle/fake_group.hpp"

using namespace ddb;
using namespace ddb::oracle;
using namespace std::chrono_literals;
using proto::MetaTxnRequest;

namespace {

env::MetaOp put_op(Bytes key, Bytes value) { return {std::move(key), std::move(value), {}, {}}; }
env::MetaOp erase_op(Bytes key, Bytes end = {}) { return {std::move(key), std::nullopt, std::move(end), {}}; }

env::MetaTxnResult txn(FakeGroup& group, std::vector<env::MetaCompare> compares, std::vector<env::MetaOp> ops,
                       uint64_t id = 0) {
  return group.ask<env::MetaTxnResult>(MetaTxnRequest{std::move(compares), std::move(ops), id});
}

}  // namespace

TEST_CASE("a new oracle has its settings at revision 1") {
  FakeGroup group;
  const auto settings = group.get(proto::config_prefix, prefix_end(proto::config_prefix));
  REQUIRE(settings.size() == 1);
  CHECK(settings[0].key == proto::config_replicas);
  CHECK(settings[0].value == "3");
  CHECK(settings[0].mod_revision == Revision{1});
}

TEST_CASE("revisions rise by one with each change; entries know when they came and how often they were written") {
  FakeGroup group;
  CHECK(group.put("a", "1") == Revision{2});
  CHECK(group.put("b", "1") == Revision{3});
  CHECK(group.put("a", "2") == Revision{4});
  const auto both = group.get("a", "c");
  REQUIRE(both.size() == 2);
  CHECK(both[0] == env::MetaEntry{"a", "2", Revision{2}, Revision{4}, 2, {}});
  CHECK(both[1] == env::MetaEntry{"b", "1", Revision{3}, Revision{3}, 1, {}});
  CHECK(group.erase("a") == Revision{5});
  CHECK(group.get("a").empty());
  CHECK(group.put("a", "3") == Revision{6});
  CHECK(group.get("a").at(0) == env::MetaEntry{"a", "3", Revision{6}, Revision{6}, 1, {}});
}

TEST_CASE("deleting nothing uses no revision") {
  FakeGroup group;
  CHECK(group.erase("none") == Revision{1});
  CHECK(group.erase("x", "z") == Revision{1});
}

TEST_CASE("a range ends before its end, and an empty end means one key") {
  FakeGroup group;
  for (const char* key : {"a", "ab", "b", "c"}) group.put(key, "v");
  CHECK(group.get("a").size() == 1);
  CHECK(group.get("a", "b").size() == 2);
  CHECK(group.get("a", "c").size() == 3);
  CHECK(group.get("b", "a").empty());
  CHECK(group.get("", "\xff").size() == 5);
}

TEST_CASE("a transaction happens at one revision when all compares hold, else not at all") {
  FakeGroup group;
  const Revision a = group.put("a", "1");
  const auto done = txn(group, {{"a", a}, {"b", {}}}, {put_op("a", "2"), put_op("b", "1"), erase_op("none")});
  CHECK(done == env::MetaTxnResult{true, Revision{3}});
  CHECK(group.get("a").at(0).mod_revision == Revision{3});
  CHECK(group.get("b").at(0).mod_revision == Revision{3});
  const auto failed = txn(group, {{"a", a}}, {put_op("a", "3"), put_op("c", "1")});
  CHECK(failed == env::MetaTxnResult{false, Revision{3}});
  CHECK(group.get("a").at(0).value == "2");
  CHECK(group.get("c").empty());
}

TEST_CASE("of two that compare the same revision one wins") {
  FakeGroup group;
  const auto first = group.send(MetaTxnRequest{{{"lock", {}}}, {put_op("lock", "first")}, 0});
  const auto second = group.send(MetaTxnRequest{{{"lock", {}}}, {put_op("lock", "second")}, 0});
  group.commit();
  CHECK(std::get<env::MetaTxnResult>(group.answers(first).at(0)).succeeded);
  CHECK_FALSE(std::get<env::MetaTxnResult>(group.answers(second).at(0)).succeeded);
  CHECK(group.get("lock").at(0).value == "first");
}

TEST_CASE("operations of one transaction see those before them; each key changes once") {
  FakeGroup group;
  group.put("k1", "old");
  group.put("k2", "old");
  CHECK(txn(group, {}, {erase_op("k", "l"), put_op("k2", "a"), put_op("k2", "b"), put_op("k3", "c"), erase_op("k3")})
            .revision == Revision{4});
  const auto left = group.get("k", "l");
  REQUIRE(left.size() == 1);
  CHECK(left[0] == env::MetaEntry{"k2", "b", Revision{4}, Revision{4}, 2, {}});
  CHECK(txn(group, {}, {put_op("k4", "a"), erase_op("k", "l"), put_op("k5", "b")}).revision == Revision{5});
  CHECK(group.get("k", "l").size() == 1);
}

TEST_CASE("a retry finds the first outcome, whatever has happened since (SAFETY 2)") {
  FakeGroup group;
  const MetaTxnRequest request{{{"n", {}}}, {put_op("n", "1")}, 4711};
  CHECK(group.ask<env::MetaTxnResult>(request) == env::MetaTxnResult{true, Revision{2}});
  group.put("n", "2");
  CHECK(group.ask<env::MetaTxnResult>(request) == env::MetaTxnResult{true, Revision{2}});
  CHECK(group.get("n").at(0).value == "2");
  // Nor does a "no" become a "yes".
  const MetaTxnRequest late{{{"n", {}}}, {put_op("n", "3")}, 4712};
  CHECK_FALSE(group.ask<env::MetaTxnResult>(late).succeeded);
  group.erase("n");
  CHECK_FALSE(group.ask<env::MetaTxnResult>(late).succeeded);
}

TEST_CASE("a retry after the leader is gone finds the outcome: applied once, answered never (SAFETY 2)") {
  FakeGroup group;
  group.commit();
  const MetaTxnRequest request{{}, {put_op("n", "1")}, 99};
  const auto token = group.send(request);
  group.elect(1, 1);
  const auto answers = group.answers_of(0, token);
  REQUIRE(answers.size() == 1);
  CHECK(std::get<Error>(answers[0]).code == Code::unknown_outcome);
  CHECK(group.ask<env::MetaTxnResult>(request).succeeded);
  CHECK(group.get("n").at(0).version == 1);
  group.restart(2);
  group.elect(2);
  CHECK(group.ask<env::MetaTxnResult>(request).succeeded);
  CHECK(group.get("n").at(0).version == 1);
}

TEST_CASE("outcomes are forgotten after five minutes of the log's own time, and are bounded") {
  FakeGroup group{{.remembered_max = 3}};
  group.commit();
  for (uint64_t id = 1; id <= 3; ++id) txn(group, {}, {put_op("k", "v")}, id);
  CHECK(group.refusal(MetaTxnRequest{{}, {put_op("k", "v")}, 4}) == Code::try_again);
  group.run(299s);
  CHECK(group.refusal(MetaTxnRequest{{}, {put_op("k", "v")}, 4}) == Code::try_again);
  group.run(15s);
  CHECK(txn(group, {}, {put_op("k", "v")}, 4).succeeded);
  for (const auto& [key, value] : group.host().rows.tables[0]) {
    if (key.starts_with(remembered_rows)) CHECK(row_id(key) == 4);
    if (key.starts_with(forgettable_rows)) CHECK(row_id(key) == 3);
  }
}

TEST_CASE("a leap of the clock ahead forgets no outcome that a client may still ask for") {
  FakeGroup group;
  group.run(400s);
  const MetaTxnRequest request{{}, {put_op("n", "1")}, 99};
  CHECK(group.ask<env::MetaTxnResult>(request).succeeded);
  group.members[1].host.wall += 3'600'000;
  group.restart(1);
  group.elect(1);
  group.run(100s);
  CHECK(group.ask<env::MetaTxnResult>(request).succeeded);
  CHECK(group.get("n").at(0).version == 1);
  group.run(300s);
  txn(group, {}, {put_op("k", "v")}, 100);
  for (const auto& [key, value] : group.host().rows.tables[0]) {
    if (key.starts_with(remembered_rows)) CHECK(row_id(key) == 100);
  }
}

TEST_CASE("limits are stated and refused before anything is proposed") {
  FakeGroup group;
  group.commit();
  CHECK(group.refusal(MetaTxnRequest{{}, {put_op("", "v")}, 0}) == Code::usage);
  CHECK(group.refusal(MetaTxnRequest{{}, {put_op("\xff", "v")}, 0}) == Code::usage);
  CHECK(group.refusal(MetaTxnRequest{{}, {put_op(Bytes(meta_key_bytes_max + 1, 'k'), "v")}, 0}) == Code::too_long);
  CHECK(group.refusal(MetaTxnRequest{{}, {put_op("k", Bytes(meta_txn_bytes_max, 'v'))}, 0}) == Code::too_long);
  CHECK(group.refusal(MetaTxnRequest{{}, std::vector<env::MetaOp>(meta_txn_ops_max + 1, put_op("k", ""))}) ==
        Code::too_long);
  const auto lease = group.ask<proto::LeaseReply>(proto::LeaseGrantRequest{10'000}).lease;
  group.put(Bytes(meta_key_bytes_max, 'k'), "the longest, under a lease", lease);
}

TEST_CASE("an answer above the limit is refused, not cut") {
  FakeGroup group;
  for (int i = 0; i < 33; ++i) group.put("big/" + std::to_string(i), Bytes(1'000'000, 'x'));
  CHECK(group.get("big/1", "big/2").size() == 11);
  group.put("big/z", Bytes(1'000'000, 'x'));
  CHECK(group.refusal(proto::MetaRangeRequest{"big/", "big0"}) == Code::too_long);
}

TEST_CASE("a member that does not lead names the one that does; a leader yet to serve names nobody") {
  FakeGroup group;
  const auto token = group.send_to(1, proto::MetaRangeRequest{"a", {}});
  CHECK(std::get<proto::OracleRedirect>(group.answers_of(1, token).at(0)).leader == "a:1");
  group.members[1].host.known_leader = ReplicaId{};
  const auto unknown = group.send_to(1, proto::MetaRangeRequest{"a", {}});
  CHECK(std::get<proto::OracleRedirect>(group.answers_of(1, unknown).at(0)).leader.empty());
  group.host().leading = false;
  const auto self = group.send(proto::MetaRangeRequest{"a", {}});
  CHECK(std::get<proto::OracleRedirect>(group.answers(self).at(0)).leader.empty());
}

TEST_CASE("an overloaded leader says so") {
  FakeGroup group{{.pending_max = 2}};
  group.send(MetaTxnRequest{{}, {put_op("k", "v")}, 0});
  group.send(MetaTxnRequest{{}, {put_op("k", "v")}, 0});
  const auto third = group.send(MetaTxnRequest{{}, {put_op("k", "v")}, 0});
  CHECK(std::get<Error>(group.answers(third).at(0)).code == Code::try_again);
  group.commit();
  group.host().full = true;
  const auto full = group.send(MetaTxnRequest{{}, {put_op("k", "v")}, 0});
  CHECK(std::get<Error>(group.answers(full).at(0)).code == Code::try_again);
}

TEST_CASE("on a disk that is nearly full nothing new is stored; time, reads and deletions go on (A7)") {
  FakeGroup group;
  group.put("k", "v");
  group.host().space_is_low = true;
  CHECK(group.refusal(MetaTxnRequest{{}, {put_op("k", "w")}, 0}) == Code::store_full);
  CHECK(group.refusal(proto::LeaseGrantRequest{10'000}) == Code::store_full);
  group.timestamp();
  CHECK(group.get("k").at(0).value == "v");
  group.erase("k");
  CHECK(group.get("k").empty());
  group.host().space_is_low = false;
  group.put("k", "w");
}

TEST_CASE("members that applied the same log agree, to the byte; one that differs has another hash") {
  FakeGroup group;
  Random random{7};
  for (int i = 0; i < 200; ++i) {
    const Bytes key = "k" + std::to_string(random.below(20));
    if (random.one_in(3)) {
      group.erase(key);
    } else {
      group.put(key, std::to_string(i));
    }
    if (random.one_in(20)) group.flush(random.below(3));
    if (random.one_in(20)) group.run(2s);
  }
  group.restart(1);
  group.catch_up(2);
  CHECK(group.members[1].host.rows.tables == group.host().rows.tables);
  CHECK(group.members[2].host.rows.tables == group.host().rows.tables);
  CHECK(group.members[1].machine->hash() == group.machine().hash());
  FakeGroup other;
  other.put("k", "something else");
  CHECK(other.machine().hash() != group.machine().hash());
}

TEST_CASE("what a snapshot copies is all there is") {
  FakeGroup group;
  group.put("k", "v", group.ask<proto::LeaseReply>(proto::LeaseGrantRequest{10'000}).lease);
  txn(group, {}, {put_op("l", "w")}, 5);
  group.ask<proto::RegisterStoreReply>(proto::RegisterStoreRequest{StoreId{5}, Incarnation{1}, "n:1", "", 0, 1, {}});
  MemoryState copy;
  env::WriteBatch rows;
  for (const auto& span : group.machine().spans({})) {
    for (const auto& [key, value] : group.host().rows.tables[static_cast<size_t>(span.table)]) {
      if (key >= span.start && (span.end.empty() || key < span.end)) rows.put(span.table, key, value);
    }
  }
  copy.apply(rows);
  CHECK(copy.tables == group.host().rows.tables);
  group.members[1].durable = copy;
  group.members[1].durable_applied = group.log.size();
  group.restart(1);
  CHECK(group.members[1].machine->hash() == group.machine().hash());
  CHECK(group.members[1].machine->cluster() == 77);
}
