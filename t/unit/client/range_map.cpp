#include "client/range_map.hpp"

#include <doctest/doctest.h>

using namespace ddb;
using namespace ddb::client;

namespace {

proto::RangeInfo range(uint64_t id, Bytes start, Bytes end, proto::Epoch epoch, uint64_t leader = 1, uint64_t term = 1) {
  proto::RangeInfo info;
  info.descriptor.id = RangeId{id};
  info.descriptor.span = {std::move(start), std::move(end)};
  info.descriptor.epoch = epoch;
  for (uint64_t i = 1; i <= 3; ++i)
    info.descriptor.replicas.push_back({ReplicaId{i}, StoreId{i}, NodeId{10 + i}, proto::ReplicaRole::voter});
  info.leader = ReplicaId{leader};
  info.term = Term{term};
  return info;
}

uint64_t id_at(const RangeMap& map, BytesView key) {
  const auto* route = map.find(key);
  return route == nullptr ? 0 : route->descriptor.id.value;
}

uint64_t asked(const RangeMap& map) { return RangeMap::targets(*map.find("k")).front().id.value; }

}  // namespace

TEST_CASE("a key is found in the range that holds it, gaps are unknown") {
  RangeMap map;
  map.learn(range(1, "b", "d", {1, 1}));
  map.learn(range(2, "f", "", {1, 1}));
  CHECK(id_at(map, "a") == 0);
  CHECK(id_at(map, "b") == 1);
  CHECK(id_at(map, "czz") == 1);
  CHECK(id_at(map, "d") == 0);
  CHECK(id_at(map, "zzz") == 2);
  CHECK(map.find_below("")->descriptor.id == RangeId{2});
  CHECK(map.find_below("d")->descriptor.id == RangeId{1});
  CHECK(map.find_below("c")->descriptor.id == RangeId{1});
  CHECK(map.find_below("b") == nullptr);
  CHECK(map.find_below("e") == nullptr);
  CHECK(map.find_below("g")->descriptor.id == RangeId{2});
}

TEST_CASE("D1, D4: newer descriptors win, whoever tells them, in any order") {
  const auto whole = range(1, "", "", {1, 1});
  const auto left = range(1, "", "m", {1, 2});
  const auto right = range(2, "m", "", {1, 2});
  SUBCASE("in order") {
    RangeMap map;
    for (const auto& info : {whole, left, right}) map.learn(info);
    CHECK(id_at(map, "a") == 1);
    CHECK(id_at(map, "z") == 2);
  }
  SUBCASE("the right half first: of the whole, what is left is asked on as it was known") {
    RangeMap map;
    for (const auto& info : {whole, right, whole}) map.learn(info);
    CHECK(id_at(map, "a") == 1);
    CHECK(map.find("a")->descriptor.span == env::KeySpan{"", "m"});
    CHECK(map.find("a")->descriptor.epoch == proto::Epoch{1, 1});
    CHECK(id_at(map, "z") == 2);
    map.learn(left);
    map.learn(whole);
    CHECK(map.find("a")->descriptor == left.descriptor);
    CHECK(id_at(map, "z") == 2);
  }
  SUBCASE("the left half first: for the rest it is asked on, as of before, until the right is known") {
    RangeMap map;
    map.learn(whole);
    map.learn(left);
    CHECK(map.find("a")->descriptor == left.descriptor);
    CHECK(id_at(map, "z") == 1);
    CHECK(map.find("z")->descriptor.epoch == proto::Epoch{1, 1});
    map.suspect(RangeId{1}, ReplicaId{1});
    CHECK(RangeMap::targets(*map.find("z")).front().id == ReplicaId{2});
    map.learn(proto::Redirect{.descriptors = {left.descriptor, right.descriptor}, .leader = ReplicaId{3}, .in_doubt = false}, RangeId{1});
    CHECK(id_at(map, "z") == 2);
    CHECK(map.routes().size() == 2);
    // S3: from where the left is led.
    CHECK(RangeMap::targets(*map.find("z")).front().id == ReplicaId{3});
  }
  SUBCASE("what comes late fills the gaps between newer ones") {
    RangeMap map;
    map.learn(range(3, "f", "h", {1, 4}));
    map.learn(range(4, "p", "r", {1, 4}));
    map.learn(range(1, "", "", {1, 2}));
    CHECK(id_at(map, "a") == 1);
    CHECK(id_at(map, "g") == 3);
    CHECK(id_at(map, "k") == 1);
    CHECK(id_at(map, "q") == 4);
    CHECK(id_at(map, "z") == 1);
    map.forget(RangeId{1});
    CHECK(map.routes().size() == 2);
  }
  SUBCASE("a merge takes both away") {
    RangeMap map;
    for (const auto& info : {left, right, range(1, "", "", {1, 3}), right}) map.learn(info);
    CHECK(id_at(map, "z") == 1);
  }
  SUBCASE("neither version of the epoch may be lower") {
    RangeMap map;
    map.learn(range(1, "", "", {5, 1}));
    map.learn(range(1, "", "m", {4, 2}));
    CHECK(id_at(map, "z") == 1);
  }
}

TEST_CASE("the leader: a redirect's word counts at once, a report's by term") {
  RangeMap map;
  map.learn(range(1, "", "", {1, 1}, 1, 5));
  CHECK(asked(map) == 1);
  map.learn(range(1, "", "", {1, 1}, 2, 4));  // an old report
  CHECK(asked(map) == 1);
  map.learn(proto::Redirect{.descriptors = {}, .leader = ReplicaId{3}, .in_doubt = false}, RangeId{1});
  CHECK(asked(map) == 3);
  map.learn(range(1, "", "", {1, 1}, 1, 5));  // the same report again
  CHECK(asked(map) == 3);
  map.learn(range(1, "", "", {2, 1}, 2, 6));
  CHECK(asked(map) == 2);
}

TEST_CASE("replicas that do not answer are passed over in turn") {
  RangeMap map;
  map.learn(range(1, "", "", {1, 1}, 2));
  std::vector<uint64_t> order;
  for (int i = 0; i < 4; ++i) {
    order.push_back(asked(map));
    map.suspect(RangeId{1}, ReplicaId{order.back()});
  }
  CHECK(order == std::vector<uint64_t>{2, 3, 1, 2});
}

TEST_CASE("the leader is asked first, then the others from the next guess on") {
  RangeMap map;
  map.learn(range(1, "", "", {1, 1}, 3));
  map.suspect(RangeId{1}, ReplicaId{1});
  std::vector<uint64_t> order;
  for (const auto& replica : RangeMap::targets(*map.find("k"))) order.push_back(replica.id.value);
  CHECK(order == std::vector<uint64_t>{3, 2, 1});
  CHECK(RangeMap::targets({}).empty());
}

TEST_CASE("nodes have addresses until they are forgotten") {
  RangeMap map;
  proto::NodeInfo node;
  node.node = NodeId{4};
  node.address = "127.0.0.1:7004";
  map.learn(node);
  REQUIRE(map.address(NodeId{4}));
  CHECK(*map.address(NodeId{4}) == "127.0.0.1:7004");
  map.forget(NodeId{4});
  CHECK(!map.address(NodeId{4}));
  map.learn(range(1, "", "", {1, 1}));
  map.forget(RangeId{1});
  CHECK(map.find("k") == nullptr);
}
