#include "oracle/lease.hpp"

#include "unit/oracle/fake_group.hpp"

using namespace ddb;
using namespace ddb::oracle;
using namespace std::chrono_literals;
using proto::LeaseGrantRequest;
using proto::LeaseKeepAliveRequest;
using proto::LeaseReply;
using proto::LeaseRevokeRequest;

namespace {

LeaseId grant(FakeGroup& group, uint64_t ttl_ms) { return group.ask<LeaseReply>(LeaseGrantRequest{ttl_ms}).lease; }

}  // namespace

TEST_CASE("a lease that nobody keeps alive runs out through the log, and its keys go at one revision") {
  FakeGroup group;
  const LeaseId lease = grant(group, 5000);
  group.put("a", "1", lease);
  group.put("b", "1", lease);
  group.put("c", "1");
  group.run(4900ms);
  CHECK(group.get("a", "z").size() >= 3);
  group.run(200ms);
  CHECK(group.get("a").empty());
  CHECK(group.get("b").empty());
  CHECK(group.get("c").size() == 1);
  CHECK(group.refusal(LeaseKeepAliveRequest{lease}) == Code::not_found);
  CHECK(group.put("d", "1") == Revision{6});  // founding, a, b, c, the end of the lease
  for (size_t i = 0; i < 3; ++i) {
    group.catch_up(i);
    for (const auto& [key, value] : group.members[i].host.rows.tables[0]) {
      CHECK_FALSE(key.starts_with(lease_rows));
      CHECK_FALSE(key.starts_with(lease_key_rows));
    }
  }
}

TEST_CASE("a lease kept alive stays") {
  FakeGroup group;
  const LeaseId lease = grant(group, 5000);
  group.put("a", "1", lease);
  for (int i = 0; i < 10; ++i) {
    group.run(3s);
    CHECK(group.ask<LeaseReply>(LeaseKeepAliveRequest{lease}).ttl_ms == 5000);
  }
  CHECK(group.get("a").size() == 1);
}

TEST_CASE("times to live are bounded, and the answer says what was granted") {
  FakeGroup group;
  CHECK(group.ask<LeaseReply>(LeaseGrantRequest{0}).ttl_ms == 500);
  CHECK(group.ask<LeaseReply>(LeaseGrantRequest{UINT64_MAX}).ttl_ms == 24 * 3'600'000);
}

TEST_CASE("a new leader gives every lease its full time anew") {
  FakeGroup group;
  const LeaseId lease = grant(group, 5000);
  group.put("a", "1", lease);
  group.run(4500ms);
  group.elect(1);
  group.run(4500ms);
  CHECK(group.get("a").size() == 1);
  group.run(1s);
  CHECK(group.get("a").empty());
}

TEST_CASE("a leader that was cut off can neither end a lease nor keep one alive") {
  FakeGroup group;
  const LeaseId lease = grant(group, 5000);
  group.put("a", "1", lease);
  group.elect(1, 0, false);
  group.commit();
  group.pass(4s);
  CHECK(group.ask<LeaseReply>(LeaseKeepAliveRequest{lease}).ttl_ms == 5000);
  group.pass(4s);
  group.members[0].machine->tick();  // proposes the end, in vain
  const auto stale = group.send_to(0, LeaseKeepAliveRequest{lease});
  CHECK(group.answers_of(0, stale).empty());
  group.depose(0);
  CHECK(group.get("a").size() == 1);
}

TEST_CASE("a leader that stood still does not count that against the leases") {
  FakeGroup group;
  const LeaseId lease = grant(group, 5000);
  group.put("a", "1", lease);
  group.run(1s);
  group.pass(20s);
  group.tick();
  group.commit();
  CHECK(group.get("a").size() == 1);
  group.run(5s);
  CHECK(group.get("a").empty());
}

TEST_CASE("once its end is in the log a lease cannot be kept alive") {
  FakeGroup group;
  const LeaseId lease = grant(group, 5000);
  group.run(4500ms);
  group.pass(900ms);
  group.host().full = true;
  group.tick();  // the end cannot be proposed: the lease may still be kept
  group.host().full = false;
  CHECK(group.ask<LeaseReply>(LeaseKeepAliveRequest{lease}).lease == lease);
  group.run(4500ms);
  group.pass(900ms);
  group.tick();
  const auto token = group.send(LeaseKeepAliveRequest{lease});
  CHECK(std::get<Error>(group.answers(token).at(0)).code == Code::not_found);
}

TEST_CASE("a revoked lease takes its keys along, and is unknown from then on") {
  FakeGroup group;
  const LeaseId lease = grant(group, 5000);
  group.put("a", "1", lease);
  group.ask<proto::DoneReply>(LeaseRevokeRequest{lease});
  CHECK(group.get("a").empty());
  CHECK(group.refusal(LeaseRevokeRequest{lease}) == Code::not_found);
  CHECK(group.refusal(proto::MetaTxnRequest{{}, {{"a", "1", {}, lease}}, 0}) == Code::not_found);
}

TEST_CASE("a key belongs to the lease of its last write") {
  FakeGroup group;
  const LeaseId first = grant(group, 5000);
  const LeaseId second = grant(group, 5000);
  group.put("moved", "1", first);
  group.put("moved", "2", second);
  group.put("freed", "1", first);
  group.put("freed", "2");
  group.put("gone", "1", first);
  group.erase("gone");
  group.put("gone", "2");
  group.ask<proto::DoneReply>(LeaseRevokeRequest{first});
  CHECK(group.get("moved").size() == 1);
  CHECK(group.get("freed").size() == 1);
  CHECK(group.get("gone").size() == 1);
  group.ask<proto::DoneReply>(LeaseRevokeRequest{second});
  CHECK(group.get("moved").empty());
}

TEST_CASE("a lock's revision fences: who lost it writes no more, and each holder's token is higher (SAFETY 22)") {
  FakeGroup group;
  const auto take = [&](LeaseId lease) {
    return group.ask<env::MetaTxnResult>(proto::MetaTxnRequest{{{"lock", {}}}, {{"lock", "mine", {}, lease}}, 0});
  };
  const auto write = [&](Revision token, const Bytes& value) {
    return group
        .ask<env::MetaTxnResult>(proto::MetaTxnRequest{{{"lock", token}}, {{"data", value, {}, {}}}, 0})
        .succeeded;
  };
  const auto first = take(grant(group, 5000));
  REQUIRE(first.succeeded);
  CHECK_FALSE(take(grant(group, 60'000)).succeeded);
  CHECK(write(first.revision, "by the first"));
  group.run(6s);  // the first holder pauses, its lease runs out
  const auto second = take(grant(group, 60'000));
  REQUIRE(second.succeeded);
  CHECK(second.revision > first.revision);
  CHECK(write(second.revision, "by the second"));
  CHECK_FALSE(write(first.revision, "late"));  // it wakes up, and does not know
  CHECK(group.get("data").at(0).value == "by the second");
}
