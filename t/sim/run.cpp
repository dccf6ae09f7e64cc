#include "run.hpp"

#include <cstdio>

#include "oracle/machine.hpp"
#include "process.hpp"
#include "range/data_machine.hpp"
#include "workloads.hpp"

namespace sim {

namespace {

constexpr size_t node_count = 3;
constexpr Duration rest = 60s;  // after healing: long enough for every time-out there is

class Run {
 public:
  explicit Run(const RunOptions& options) : options_{options}, world_{options.seed} {}

  RunResult go() {
    RunResult result;
    try {
      build();
      misfortune_ahead();
      world_.run_until(world_.now() + std::chrono::seconds{options_.seconds});
      heal();
      finish();
    } catch (const Violation& violation) {
      result.violation = violation.what;
    }
    result.digest = world_.digest();
    result.tally[steps] = world_.steps();
    result.tally[faults] = faults_;
    for (const auto& client : transactions_) result.tally[transactions] += client->succeeded();
    for (const auto& client : timestamps_) result.tally[timestamps] += client->succeeded();
    for (const auto& client : writers_) result.tally[meta_writes] += client->succeeded();
    return result;
  }

 private:
  void build() {
    const size_t oracle_count = world_.chance(0.8) ? 3 : 1;
    ddb::proto::FoundingRecord founding{1, {}};
    for (size_t i = 1; i <= oracle_count; ++i) oracles_.push_back(make_process("oracle-" + std::to_string(i), true));
    for (const auto& oracle : oracles_) founding.members.push_back({oracle->name(), oracle->store()});
    founding_ = founding;
    for (size_t i = 1; i <= node_count; ++i) nodes_.push_back(make_process("node-" + std::to_string(i), false));
    for (auto* process : all()) process->start();

    for (int i = 0; i < 5; ++i) transactions_.push_back(make_register_client(make_client(), registers_));
    for (int i = 0; i < 2; ++i) transactions_.push_back(make_bank_client(make_client()));
    for (int i = 0; i < 3; ++i) timestamps_.push_back(make_timestamp_client(make_client(), history_));
    for (int i = 0; i < 2; ++i) writers_.push_back(make_meta_writer(make_client(), meta_));
    for (auto* client : clients()) client->start();
    network_.keep_order(next_endpoint_);
    watcher_ = std::make_unique<Watcher>(make_client(), directory_.oracles);
    watcher_->start();
  }

  std::unique_ptr<Process> make_process(std::string name, bool oracle) {
    ProcessOptions options;
    options.name = std::move(name);
    options.endpoint = next_endpoint_++;
    options.oracle = oracle;
    // Small, so that followers fall behind it and need snapshots.
    options.core.truncation = {.keep_bytes = 8 << 10, .keep_bytes_max = 24 << 10};
    if (oracle) {
      const ddb::ReplicaId self{oracles_.size() + 1};
      options.machine = [self](ddb::range::MachineHost& host) {
        ddb::oracle::Options machine;
        machine.self = self;
        return std::make_unique<ddb::oracle::Machine>(host, machine);
      };
      options.found = [this](ddb::env::WriteBatch& out) { ddb::oracle::found(founding_, node_count, out); };
      options.group = [this] { return ddb::oracle::founding_descriptor(founding_); };
      directory_.oracles.push_back(options.endpoint);
    } else {
      options.machine = [](ddb::range::MachineHost& host) {
        return std::make_unique<ddb::range::DataMachine>(host, ddb::range::DataOptions{});
      };
      directory_.nodes.push_back(options.endpoint);
    }
    auto process = std::make_unique<Process>(world_, network_, directory_, oracle ? oracle_observer_ : observer_, options);
    directory_.stores[process->store()] = process->endpoint();
    return process;
  }

  std::unique_ptr<Client> make_client() {
    return std::make_unique<Client>(world_, network_, next_endpoint_++, directory_);
  }

  std::vector<Process*> all() {
    std::vector<Process*> out;
    for (auto& process : oracles_) out.push_back(process.get());
    for (auto& process : nodes_) out.push_back(process.get());
    return out;
  }

  std::vector<Workload*> clients() {
    std::vector<Workload*> out;
    for (auto* kind : {&transactions_, &timestamps_, &writers_}) {
      for (auto& client : *kind) out.push_back(client.get());
    }
    return out;
  }

  // Misfortune.

  void tell(const std::string& what) {
    ++faults_;
    if (!options_.trace) return;
    const auto at = std::chrono::duration_cast<std::chrono::milliseconds>(world_.now().time_since_epoch()).count();
    std::fprintf(stderr, "%8ld ms  %s\n", static_cast<long>(at), what.c_str());
  }

  void misfortune_ahead() {
    network_.loss = world_.chance(0.5) ? 0.02 : 0;
    network_.duplication = world_.chance(0.5) ? 0.02 : 0;
    next_misfortune();
  }

  void next_misfortune() {
    world_.after(world_.between(100ms, 3s), [this] {
      if (healed_) return;
      strike();
      next_misfortune();
    });
  }

  Process& anyone() {
    const auto processes = all();
    return *processes[world_.random().below(processes.size())];
  }

  Process& leader_or_anyone() {
    for (auto* process : all()) {
      if (process->core() == nullptr || !world_.chance(0.5)) continue;
      for (const auto& replica : process->core()->status().replicas) {
        if (replica.role == static_cast<uint8_t>(ddb::raft::Role::leader)) return *process;
      }
    }
    return anyone();
  }

  void strike() {
    Process& victim = leader_or_anyone();
    switch (world_.random().below(9)) {
      case 0:
      case 1: return crash(victim, world_.chance(0.5));
      case 2: return black_out();
      case 3: return partition();
      case 4: return pause(victim);
      case 5: return stall(victim);
      case 6: return jump(victim);
      case 7: return fill(victim);
      default: return isolate_one_way(victim);
    }
  }

  void restart_later(Process& process) {
    world_.after(world_.between(50ms, 5s), [&process] { process.start(); });
  }

  void crash(Process& process, bool power_loss) {
    tell((power_loss ? "power loss of " : "kill ") + process.name());
    process.crash(power_loss);
    restart_later(process);
  }

  void black_out() {
    tell("power loss of everything");
    for (auto* process : all()) {
      process->crash(true);
      restart_later(*process);
    }
  }

  void partition() {
    tell("partition");
    const auto processes = all();
    std::vector<bool> side;
    for (size_t i = 0; i < processes.size(); ++i) side.push_back(world_.chance(0.5));
    const bool one_way = world_.chance(0.3);
    for (size_t i = 0; i < processes.size(); ++i) {
      for (size_t j = 0; j < processes.size(); ++j) {
        if (side[i] != side[j] && (side[i] || !one_way)) network_.cut(processes[i]->endpoint(), processes[j]->endpoint());
      }
    }
    heal_network_later();
  }

  void isolate_one_way(Process& process) {
    tell("nothing that " + process.name() + " says is heard");
    for (auto* other : all()) network_.cut(process.endpoint(), other->endpoint());
    heal_network_later();
  }

  void heal_network_later() {
    world_.after(world_.between(200ms, 6s), [this] { network_.heal(); });
  }

  void pause(Process& process) {
    tell("pause of " + process.name());
    process.pause(world_.between(50ms, 6s));
  }

  void stall(Process& process) {
    tell("disk stall of " + process.name());
    process.stall_disk(world_.between(100ms, 12s));
  }

  void jump(Process& process) {
    tell("clock jump of " + process.name());
    constexpr int64_t hour = 3'600'000;
    process.jump_wall_clock(static_cast<int64_t>(world_.random().below(2 * hour)) - hour);
  }

  void fill(Process& process) {
    tell("full disk of " + process.name());
    process.fill_disk(true);
    world_.after(world_.between(200ms, 4s), [this, &process] {
      process.fill_disk(false);
      restart_later(process);
    });
  }

  // The end.

  void heal() {
    healed_ = true;
    network_.heal();
    network_.loss = network_.duplication = 0;
    for (auto* process : all()) {
      process->fill_disk(false);
      process->stall_disk({});
      process->pause({});
      process->start();
    }
  }

  void finish() {
    // The clients go on for a while: a cluster that has healed must serve.
    world_.run_until(world_.now() + 15s);
    uint64_t before = 0;
    for (auto& client : transactions_) before += client->succeeded();
    world_.run_until(world_.now() + 5s);
    uint64_t after = 0;
    for (auto& client : transactions_) after += client->succeeded();
    require(after > before, "the healed cluster commits nothing");
    for (auto* client : clients()) client->stop();
    world_.run_until(world_.now() + rest);
    for (auto* client : clients()) require(client->idle(), "a client still waits for an answer");
    registers_.check();
    check_watch();
    check_replicas_agree();
  }

  void check_watch() {
    auto reader = make_client();
    std::optional<ddb::env::MetaRange> now;
    reader->oracle().call(ddb::proto::MetaRangeRequest{"w/", ddb::prefix_end("w/")}, 10s,
                          [&](ddb::Result<ddb::proto::OracleReply> reply) {
                            if (const auto* got = reply ? std::get_if<ddb::env::MetaRange>(&*reply) : nullptr) now = *got;
                          });
    world_.run_until(world_.now() + 12s);
    require(now.has_value(), "the healed oracle does not answer");
    // Other keys move the revision too; those of the watch are all in once the last write is.
    require(meta_.written.empty() || watcher_->reached() >= meta_.written.rbegin()->first, "a watch fell behind for good");
    watcher_->check(meta_, *now);
  }

  void check_replicas_agree() {
    std::optional<ddb::LogIndex> applied;
    for (const auto& node : nodes_) {
      const auto* replica = node->core() == nullptr ? nullptr : node->core()->replica(ddb::RangeId{1});
      require(replica != nullptr, node->name() + " has lost its replica");
      require(!applied || *applied == replica->raft().applied_index(), "a replica has not caught up");
      applied = replica->raft().applied_index();
    }
  }

  const RunOptions options_;
  World world_;
  Network network_{world_};
  Directory directory_;
  Observer observer_{world_, "range"};
  Observer oracle_observer_{world_, "oracle"};
  ddb::proto::FoundingRecord founding_;
  RegisterHistory registers_;
  TimestampHistory history_;
  MetaHistory meta_;
  std::vector<std::unique_ptr<Process>> oracles_;
  std::vector<std::unique_ptr<Process>> nodes_;
  std::vector<std::unique_ptr<Workload>> transactions_;
  std::vector<std::unique_ptr<Workload>> timestamps_;
  std::vector<std::unique_ptr<Workload>> writers_;
  std::unique_ptr<Watcher> watcher_;
  Endpoint next_endpoint_ = 1;
  uint64_t faults_ = 0;
  bool healed_ = false;
};

}  // namespace

RunResult run(const RunOptions& options) { return Run{options}.go(); }

}  // namespace sim
