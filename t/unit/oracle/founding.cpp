#include "oracle/founding.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <set>

#include "env/random.hpp"
#include "oracle/machine.hpp"
#include "unit/oracle/fake_group.hpp"

using namespace ddb;
using namespace ddb::oracle;

namespace {

const std::vector<std::string> three{"a:1", "b:2", "c:3"};

/// Members, their disks, and the messages between them.
class World {
 public:
  struct Member {
    StoreId store;
    FoundingState disk;
    std::unique_ptr<Founding> core;
    std::vector<proto::FoundingRecord> accepted;  // ever, by this directory
  };

  explicit World(size_t size = 3) {
    names.assign(three.begin(), three.begin() + static_cast<long>(size));
    members.resize(size);
    for (size_t i = 0; i < size; ++i) wipe(i);
  }
  void wipe(size_t i) {
    members[i].store = StoreId{++last_store};
    members[i].disk = {};
    members[i].accepted.clear();
    restart(i);
  }
  void restart(size_t i) {
    auto& member = members[i];
    member.core = std::make_unique<Founding>(names, static_cast<uint32_t>(i), member.store, ++last_cluster, member.disk);
  }
  void tick(size_t i) { obey(i, members[i].core->tick()); }
  /// With `crash`, the member dies after what it wants to keep is kept, and says nothing.
  void obey(size_t i, Founding::Effects effects, bool crash = false) {
    auto& member = members[i];
    if (effects.save) {
      member.disk = member.core->state();
      CHECK(member.disk.record);
      member.accepted.push_back(*member.disk.record);
      CHECK(member.accepted.front() == *member.disk.record);  // one, ever
      ever.insert({member.store, member.disk.record->cluster});
    } else {
      CHECK(member.disk == member.core->state());  // what it says is on its disk
    }
    if (crash) return restart(i);
    for (auto& message : effects.messages) network.push_back(std::move(message));
  }
  void deliver(size_t n, bool crash = false) {
    const auto message = network[n];
    network.erase(network.begin() + static_cast<long>(n));
    obey(message.to, members[message.to].core->receive(message), crash);
  }
  void settle() {
    for (int round = 0; round < 10; ++round) {
      for (size_t i = 0; i < members.size(); ++i) tick(i);
      for (int limit = 0; !network.empty() && limit < 1000; ++limit) deliver(0);
      CHECK(network.empty());  // they fall silent
    }
  }
  bool complete() const {
    return std::ranges::all_of(members, [](const Member& member) { return member.core->complete(); });
  }
  /// Z2: those that may vote agree, and each directory that the record names has accepted it.
  void check_safe() const {
    const FoundingState* agreed = nullptr;
    for (const auto& member : members) {
      const auto& state = member.core->state();
      if (!state.complete) continue;
      CHECK((agreed == nullptr || *agreed == state));
      agreed = &state;
      for (const auto& named : state.record->members) CHECK(ever.contains({named.store, state.record->cluster}));
    }
  }

  std::vector<std::string> names;
  std::vector<Member> members;
  std::vector<proto::FoundingMessage> network;
  std::set<std::pair<StoreId, uint64_t>> ever;  // which directory accepted which cluster
  uint64_t last_store = 100;
  uint64_t last_cluster = 1000;
};

}  // namespace

TEST_CASE("a one-member oracle founds itself") {
  World world{1};
  world.tick(0);
  REQUIRE(world.complete());
  CHECK(world.members[0].disk.record->members ==
        std::vector<proto::FoundingMember>{{"a:1", world.members[0].store}});
}

TEST_CASE("three empty directories found one oracle, which names them all (Z2)") {
  World world;
  world.settle();
  REQUIRE(world.complete());
  const auto& record = *world.members[0].disk.record;
  CHECK(record.cluster != 0);
  for (size_t i = 0; i < 3; ++i) {
    CHECK(world.members[i].disk.record == record);
    CHECK(record.members[i] == proto::FoundingMember{three[i], world.members[i].store});
  }
}

TEST_CASE("nobody votes before all have accepted (Z2)") {
  World world;
  for (int round = 0; round < 20; ++round) {
    world.tick(0);
    world.tick(1);
    std::erase_if(world.network, [](const auto& message) { return message.to == 2; });
    while (!world.network.empty()) world.deliver(0);
  }
  CHECK_FALSE(world.members[0].core->complete());
  CHECK_FALSE(world.members[1].core->complete());
  CHECK(world.members[0].core->missing() == std::vector<std::string>{"c:3"});
  world.settle();
  CHECK(world.complete());
}

TEST_CASE("a directory emptied after it accepted is not taken back") {
  for (const size_t wiped : {0U, 1U, 2U}) {
    World world;
    world.settle();
    const auto record = world.members[(wiped + 1) % 3].disk.record;
    world.wipe(wiped);
    world.settle();
    CHECK_FALSE(world.members[wiped].disk.record);
    CHECK_FALSE(world.members[wiped].core->trouble().empty());
    CHECK(world.members[(wiped + 1) % 3].disk.record == record);
    CHECK(world.members[(wiped + 1) % 3].core->trouble().empty());
  }
}

TEST_CASE("two emptied directories cannot found a second oracle beside the third") {
  World world;
  world.settle();
  world.wipe(0);
  world.wipe(1);
  world.settle();
  CHECK_FALSE(world.members[0].disk.record);
  CHECK_FALSE(world.members[1].disk.record);
  world.wipe(2);  // all of them: that is a new oracle
  world.settle();
  CHECK(world.complete());
}

TEST_CASE("members that list different peers say so and found nothing") {
  World world;
  world.members[1].core = std::make_unique<Founding>(std::vector<std::string>{"a:1", "b:2", "d:4"}, 1,
                                                     world.members[1].store, 9, FoundingState{});
  world.settle();
  for (const auto& member : world.members) CHECK_FALSE(member.disk.record);
  CHECK(world.members[1].core->trouble().find("--peers") != std::string::npos);
  world.restart(1);
  world.settle();
  CHECK(world.complete());
  CHECK(world.members[0].core->trouble().empty());
}

TEST_CASE("messages from nowhere change nothing") {
  World world;
  for (const auto& message : {proto::FoundingMessage{0, 7, three, StoreId{5}, {}, false, {}},
                              proto::FoundingMessage{9, 0, three, StoreId{5}, {}, false, {}},
                              proto::FoundingMessage{0, 0, three, StoreId{5}, {}, true, {}}}) {
    const auto effects = world.members[0].core->receive(message);
    CHECK_FALSE(effects.save);
    CHECK(effects.messages.empty());
  }
}

TEST_CASE("whatever is lost, doubled, delayed, restarted or emptied, no two oracles come of it (Z2)") {
  size_t founded = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Random random{seed};
    World world;
    const bool wipes = random.one_in(2);
    for (int step = 0; step < 300; ++step) {
      const size_t i = random.below(3);
      switch (random.below(12)) {
        case 0: case 1: case 2: world.tick(i); break;
        case 3: world.restart(i); break;
        case 4: if (wipes && random.one_in(10)) world.wipe(i); break;
        case 5: if (!world.network.empty()) world.network.push_back(world.network[random.below(world.network.size())]); break;
        case 6: if (!world.network.empty()) world.network.erase(world.network.begin() + static_cast<long>(random.below(world.network.size()))); break;
        default: if (!world.network.empty()) world.deliver(random.below(world.network.size()), random.one_in(8));
      }
      if (world.network.size() > 30) world.network.resize(30);
      world.check_safe();
    }
    if (!wipes) {
      world.settle();
      CHECK(world.complete());
    }
    founded += world.complete();
  }
  CHECK(founded > 150);
}

TEST_CASE("what a founded member starts from is the same everywhere") {
  const auto record = three_members();
  const auto range = founding_descriptor(record);
  CHECK(range.id == proto::oracle_range);
  REQUIRE(range.replicas.size() == 3);
  CHECK(range.replicas[2] == proto::ReplicaInfo{ReplicaId{3}, StoreId{33}, {}, proto::ReplicaRole::voter});
  CHECK(range.next_replica == ReplicaId{4});
  env::WriteBatch first, second;
  found(record, 3, first);
  found(record, 3, second);
  MemoryState a, b;
  a.apply(first);
  b.apply(second);
  CHECK(a.tables == b.tables);
}
