#include "unit/oracle/fake_group.hpp"

using namespace ddb;
using namespace ddb::oracle;
using namespace std::chrono_literals;
using proto::RegisterMemberRequest;
using proto::RegisterStoreReply;
using proto::RegisterStoreRequest;
using proto::StoreHeartbeatRequest;

namespace {

RegisterStoreRequest store(uint64_t id, uint64_t incarnation, uint64_t cluster = 0, uint64_t boot = 0,
                           std::vector<uint64_t> before = {}) {
  return {StoreId{id}, Incarnation{incarnation}, "node:" + std::to_string(id), "region=eu", cluster, boot, std::move(before)};
}

}  // namespace

TEST_CASE("node ids are given in order, and a store always gets the same (Z3)") {
  FakeGroup group;
  CHECK(group.ask<RegisterStoreReply>(store(900, 1)) == RegisterStoreReply{77, NodeId{1}});
  CHECK(group.ask<RegisterStoreReply>(store(100, 1)).node == NodeId{2});
  CHECK(group.ask<RegisterStoreReply>(store(900, 2, 77)).node == NodeId{1});
  CHECK(group.ask<RegisterStoreReply>(store(500, 1)).node == NodeId{3});
  const auto nodes = group.get(proto::node_prefix, prefix_end(proto::node_prefix));
  REQUIRE(nodes.size() == 3);
  CHECK(nodes[0].key == "node/00000000000000000001");
  CHECK(*codec::decode<proto::NodeInfo>(nodes[0].value) ==
        proto::NodeInfo{NodeId{1}, StoreId{900}, Incarnation{2}, "node:900", "region=eu"});
}

TEST_CASE("only a higher incarnation is taken, or the same start asking again (A6: 22. old copy of a directory)") {
  FakeGroup group;
  group.ask<RegisterStoreReply>(store(9, 5, 0, 111));
  CHECK(group.ask<RegisterStoreReply>(store(9, 5, 0, 111)).node == NodeId{1});  // its first answer was lost
  CHECK(group.refusal(store(9, 5, 77, 222)) == Code::refused);                  // a copy, started too
  CHECK(group.refusal(store(9, 5, 77, 0)) == Code::refused);
  CHECK(group.refusal(store(9, 4, 77, 111)) == Code::refused);
  CHECK(group.ask<RegisterStoreReply>(store(9, 6, 77, 333, {111})).node == NodeId{1});
}

TEST_CASE("A6: an old copy is not let in however high its incarnation gets; the store itself is, whatever it heard") {
  FakeGroup group;
  group.ask<RegisterStoreReply>(store(9, 1, 0, 11));
  // It crashed before it heard of that, started in vain, and again.
  group.ask<RegisterStoreReply>(store(9, 3, 0, 13, {11, 12}));
  // A copy was taken now. The store goes on.
  group.ask<RegisterStoreReply>(store(9, 4, 77, 14, {13}));
  for (uint64_t start = 0; start < 10; ++start) CHECK(group.refusal(store(9, 4 + start, 77, 90 + start, {13, 89})) == Code::refused);
  CHECK(group.refusal(store(9, 3, 0, 13, {11, 12})) == Code::refused);  // a late duplicate
  CHECK(group.ask<RegisterStoreReply>(store(9, 5, 77, 15, {14})).node == NodeId{1});
}

TEST_CASE("a store of another cluster is refused, and so is nonsense") {
  FakeGroup group;
  CHECK(group.refusal(store(9, 1, 78)) == Code::refused);
  CHECK(group.refusal(store(9, 1, 77)) == Code::refused);  // says it is ours, was never seen
  CHECK(group.refusal(store(0, 1)) == Code::usage);
  CHECK(group.refusal(store(9, 0)) == Code::usage);
  CHECK(group.refusal(RegisterStoreRequest{StoreId{9}, Incarnation{1}, "", "", 0, 0, {}}) == Code::usage);
  CHECK(group.get(proto::node_prefix, prefix_end(proto::node_prefix)).empty());
}

TEST_CASE("a heartbeat renews the lease of the registered incarnation alone (D5)") {
  FakeGroup group;
  CHECK(group.refusal(StoreHeartbeatRequest{StoreId{9}, Incarnation{1}}) == Code::refused);
  group.ask<RegisterStoreReply>(store(9, 2));
  CHECK(group.refusal(StoreHeartbeatRequest{StoreId{9}, Incarnation{1}}) == Code::refused);
  CHECK(group.refusal(StoreHeartbeatRequest{StoreId{9}, Incarnation{3}}) == Code::refused);
  group.ask<proto::DoneReply>(StoreHeartbeatRequest{StoreId{9}, Incarnation{2}});
  group.host().lease = false;
  const auto token = group.send(StoreHeartbeatRequest{StoreId{9}, Incarnation{2}});
  CHECK(group.answers(token).empty());  // only the leader's word counts
  group.confirm();
  CHECK(group.answers(token).size() == 1);
}

TEST_CASE("status tells who is there, what the leases have left, and comes from any member") {
  FakeGroup group;
  const auto lease_left = [&] {
    return group.ask<proto::OracleStatusReply>(proto::OracleStatusRequest{}).stores.at(0).lease_ms;
  };
  group.ask<RegisterStoreReply>(store(9, 2));
  group.ask<proto::DoneReply>(StoreHeartbeatRequest{StoreId{9}, Incarnation{2}});
  group.run(10s);
  CHECK(lease_left() == 20'000);
  group.elect(1);
  group.commit();
  CHECK(lease_left() == 30'000);  // the last leader may have renewed it
  group.run(31s);
  CHECK(lease_left() == 0);
  const auto token = group.send_to(2, proto::OracleStatusRequest{});
  const auto answer = group.answers_of(2, token);
  const auto& status = std::get<proto::OracleStatusReply>(answer.at(0));
  CHECK(status.cluster == 77);
  CHECK(status.self == 3);
  CHECK(status.leader == 2);
  CHECK(status.members.size() == 3);
  CHECK(status.members[0] == proto::OracleMember{1, "a:1"});
  CHECK(status.stores.empty());
}

TEST_CASE("members register their address and incarnation in the log (Z1)") {
  FakeGroup group;
  group.ask<proto::DoneReply>(RegisterMemberRequest{2, StoreId{22}, Incarnation{4}, "b:9999", 1});
  CHECK(group.refusal(RegisterMemberRequest{2, StoreId{22}, Incarnation{3}, "b:2", 2}) == Code::refused);
  CHECK(group.refusal(RegisterMemberRequest{2, StoreId{23}, Incarnation{9}, "b:2", 2}) == Code::refused);
  CHECK(group.refusal(RegisterMemberRequest{4, StoreId{44}, Incarnation{9}, "d:4", 2}) == Code::refused);
  for (size_t i = 0; i < 3; ++i) {
    group.catch_up(i);
    CHECK(group.members[i].machine->members().at(1).address == "b:9999");
    CHECK(group.members[i].machine->members().at(1).incarnation == Incarnation{4});
  }
  group.restart(2);
  CHECK(group.members[2].machine->members().at(1).address == "b:9999");
  group.elect(1);
  const auto token = group.send_to(0, proto::MetaRangeRequest{"a", {}});
  CHECK(std::get<proto::OracleRedirect>(group.answers_of(0, token).at(0)).leader == "b:9999");
}
