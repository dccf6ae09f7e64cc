// Groups under random faults: messages lost, doubled and reordered, crashes that lose what was not synced, slow disks,
// partitions, clocks that drift within the bound, changes of membership. The witness checks every step; at the end,
// healed, the group must come together. DDB_SEED=N replays one seed and prints every step.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <deque>

#include "env/random.hpp"
#include "raft/config.hpp"
#include "unit/raft/cluster.hpp"

using namespace ddb;
using namespace ddb::raft;
using namespace ddb::raft::test;

namespace {

constexpr int seeds = 60;
constexpr int steps = 2500;
constexpr size_t members_ever = 9;
constexpr size_t packets_max = 60;
constexpr size_t trace_max = 60;

class Storm {
 public:
  Storm(uint64_t seed, bool loud)
      : random_{seed}, loud_{loud}, cluster_{[this](const std::string& line) { note("  " + line); }} {
    cluster_.options.append_bytes_max = 300;  // so that a follower needs several
    cluster_.options.inflight_messages_max = 3;
    loss_ = 10 + random_.below(100);
    pace_ = 10 + random_.below(150);
    const uint64_t voters = 1 + random_.below(5);
    Config config;
    for (uint64_t id = 1; id <= voters; ++id) config.voters.push_back(ReplicaId{id});
    for (const ReplicaId id : config.voters) spawn(id, config);
  }

  void run() {
    for (int i = 0; i < steps && witness().failures().empty(); ++i) step();
    calm();
  }

  Witness& witness() { return cluster_.witness(); }
  std::string trace() const {
    std::string out;
    for (const std::string& line : trace_) out += line + "\n";
    return out;
  }

 private:
  void note(const std::string& line) {
    if (loud_) fmt::print("{}\n", line);
    trace_.push_back(line);
    if (trace_.size() > trace_max) trace_.pop_front();
  }

  void spawn(ReplicaId id, const Config& config) {
    cluster_.spawn(id, config);
    cluster_.node(id).clock_rate = 0.96 + 0.01 * static_cast<double>(random_.below(9));
  }

  ReplicaId any() {
    auto at = cluster_.nodes().begin();
    std::advance(at, random_.below(cluster_.nodes().size()));
    return at->first;
  }

  // Mostly one that leads.
  ReplicaId leader_or_any() {
    for (const auto& [id, node] : cluster_.nodes())
      if (node.raft && node.raft->role() == Role::leader && !random_.one_in(4)) return id;
    return any();
  }

  void step() {
    const uint64_t dice = random_.below(1000);
    if (dice < 650) return packet();
    if (dice < 740) return time();
    if (dice < 820) return disk(any());
    const ReplicaId id = leader_or_any();
    if (!cluster_.up(id)) {
      restart(id);
    } else if (dice < 890) {
      propose(id);
    } else if (dice < 930) {
      read(id);
    } else if (dice < 945) {
      reconfigure(id);
    } else if (dice < 955) {
      note(fmt::format("transfer from {}", id.value));
      (void)cluster_.transfer(id, any());
    } else if (dice < 970) {
      compact(id);
    } else if (dice < 980) {
      note(fmt::format("crash {}", id.value));
      cluster_.crash(id);
    } else if (dice < 988) {
      partition();
    } else if (dice < 992) {
      note(fmt::format("pause {}", id.value));
      paused_ = random_.one_in(2) ? id : ReplicaId{};
    } else {
      note(fmt::format("campaign {}", id.value));
      cluster_.campaign(id);
    }
  }

  void packet() {
    auto& packets = cluster_.packets();
    if (packets.empty()) return time();
    // Mostly in order, as one connection would.
    const size_t at = random_.one_in(4) ? random_.below(packets.size()) : 0;
    const std::string text = render(packets[at].message);
    if (packets[at].message.to == paused_ && packets.size() <= packets_max) return;
    if (packets.size() > packets_max || random_.one_in(loss_)) {
      note("lost " + text);
      return cluster_.lose(at);
    }
    if (random_.one_in(loss_)) packets.push_back(packets[at]);
    note(text);
    cluster_.deliver(at);
  }

  void time() {
    cluster_.pass(std::chrono::milliseconds{random_.below(random_.one_in(30) ? 800 : pace_)});
    for (const auto& [id, node] : cluster_.nodes())
      if (node.raft && id != paused_ && !random_.one_in(10)) cluster_.tick(id);
  }

  void disk(ReplicaId id) {
    if (!cluster_.up(id)) return;
    Node& node = cluster_.node(id);
    if (random_.one_in(4)) node.holds_writes = random_.one_in(3);
    node.holds_apply = random_.one_in(8);
    if (!node.holds_apply) cluster_.apply(id);
    note(fmt::format("disk of {}", id.value));
    if (node.holds_writes) {
      cluster_.write_one(id);
    } else {
      cluster_.write_all(id);
    }
  }

  void propose(ReplicaId id) {
    const std::string data = fmt::format("p{}", ++proposals_);
    note(fmt::format("propose {} at {}", data, id.value));
    (void)cluster_.propose(id, data);
  }

  void read(ReplicaId id) {
    const std::string name = fmt::format("r{}", ++reads_);
    note(fmt::format("read {} at {}", name, id.value));
    if (random_.one_in(2)) {
      cluster_.read(id, name);
    } else {
      cluster_.lease_read(id, name);
    }
  }

  void compact(ReplicaId id) {
    const Raft& raft = cluster_.raft(id);
    const uint64_t spare = raft.applied_index().value - raft.base().index.value;
    if (spare == 0) return;
    const LogIndex index = raft.base().index.plus(1 + random_.below(spare));
    note(fmt::format("compact {} to {}", id.value, index.value));
    cluster_.compact(id, index);
  }

  void restart(ReplicaId id) {
    note(fmt::format("restart {}", id.value));
    cluster_.restart(id);
  }

  void partition() {
    if (!random_.one_in(4)) {
      note("heal");
      return cluster_.heal();
    }
    const bool alone = random_.one_in(2);
    const ReplicaId one = leader_or_any();
    std::vector<std::set<ReplicaId>> sides(2);
    for (const auto& [id, node] : cluster_.nodes()) sides[alone ? id == one : random_.below(2)].insert(id);
    note("cut");
    cluster_.cut(sides);
  }

  void reconfigure(ReplicaId id) {
    const Config from = cluster_.raft(id).config();
    std::vector<MemberChange> changes;
    for (uint64_t i = 0; i <= random_.below(3); ++i) changes.push_back(change(from));
    const auto to = is_joint(from)       ? leave_joint(from)
                    : random_.one_in(2) ? enter_joint(from, random_.one_in(2), changes)
                                        : simple_change(from, changes);
    if (!to) return;
    note(fmt::format("conf {}: {}", id.value, render(*to)));
    (void)cluster_.propose_config(id, *to);
  }

  MemberChange change(const Config& from) {
    const auto members = members_of(from);
    if (random_.one_in(2) && cluster_.nodes().size() < members_ever) {  // ids never return
      const ReplicaId fresh{cluster_.nodes().size() + 1};
      spawn(fresh, {});
      return {MemberChange::Op::learner, fresh};
    }
    const uint64_t op = random_.below(members.size() > 3 ? 3 : 2);
    return {static_cast<MemberChange::Op>(op), members.empty() ? ReplicaId{} : members[random_.below(members.size())]};
  }

  // Everything works again: somebody leads, serves, and all its members agree.
  void calm() {
    if (!witness().failures().empty()) return;
    cluster_.heal();
    for (const auto& [id, unused] : cluster_.nodes()) {
      if (!cluster_.up(id)) restart(id);
      Node& node = cluster_.node(id);
      node.holds_writes = node.holds_apply = false;
      cluster_.write_all(id);
      cluster_.apply(id);
    }
    settle(120);
    const Node* leader = nullptr;
    for (const auto& [id, node] : cluster_.nodes())
      if (node.raft->in_own_term() && (!leader || node.raft->term() > leader->raft->term())) leader = &node;
    if (!leader) return witness().fail("healed, but nobody leads");
    (void)cluster_.propose(leader->options.id, "last");
    settle(5);
    if (cluster_.proposals().at("last").outcome != "ok") witness().fail("healed, but a write fails");
    for (const ReplicaId id : members_of(leader->raft->config()))
      if (cluster_.node(id).state != leader->state)
        witness().fail(fmt::format("healed, but {} does not catch up with {}", id.value, leader->options.id.value));
  }

  void settle(int ticks) {
    for (int i = 0; i < ticks; ++i) {
      cluster_.pass(100ms);
      for (const auto& [id, unused] : cluster_.nodes()) cluster_.tick(id);
      while (!cluster_.packets().empty() && witness().failures().empty()) {
        note(render(cluster_.packets()[0].message));
        cluster_.deliver(0);
      }
    }
  }

  ddb::Random random_;
  uint64_t loss_ = 0;  // one message in so many is lost, and as many come twice
  uint64_t pace_ = 0;  // milliseconds that pass in one step
  ReplicaId paused_;   // its process is stopped; what clients asked for reaches it first when it goes on
  bool loud_;
  std::deque<std::string> trace_;
  Cluster cluster_;
  int proposals_ = 0;
  int reads_ = 0;
};

void run(uint64_t seed, bool loud) {
  Storm storm{seed, loud};
  storm.run();
  for (const std::string& failure : storm.witness().failures())
    FAIL_CHECK("seed " << seed << ": " << failure << "\nlast steps:\n" << storm.trace());
}

}  // namespace

TEST_CASE("random faults") {
  if (const char* seed = std::getenv("DDB_SEED")) return run(std::stoull(seed), true);
  const char* more = std::getenv("DDB_SEEDS");
  const uint64_t count = more ? std::stoull(more) : seeds;
  for (uint64_t seed = 1; seed <= count; ++seed) run(seed, false);
}
