#include "run.hpp"

#include "codec/archive.hpp"
#include "leftovers.hpp"
#include "misfortune.hpp"
#include "oracle/machine.hpp"
#include "proto/collect.hpp"
#include "process.hpp"
#include "proto/meta_keys.hpp"
#include "range/data_machine.hpp"
#include "splitter.hpp"
#include "workloads.hpp"

namespace sim {

namespace {

constexpr uint32_t replica_count = 3;
constexpr Duration rest = 60s;  // after healing: long enough for every time-out there is
// Where ranges may meet: within the keys of each workload.
constexpr const char* boundaries[] = {"a2", "d02", "k1", "k1b", "l2", "r1", "r4", "s3", "s7"};

class Run {
 public:
  explicit Run(const RunOptions& options) : options_{options}, world_{options.seed} {}

  RunResult go() {
    RunResult result;
    try {
      build();
      misfortune_->begin();
      if (world_.chance(0.6)) splitter_->begin();
      world_.run_until(world_.now() + std::chrono::seconds{options_.seconds});
      misfortune_->end();
      splitter_->end();
      finish();
    } catch (const Violation& violation) {
      result.violation = violation.what;
    }
    result.digest = world_.digest();
    result.tally[steps] = world_.steps();
    result.tally[faults] = misfortune_->count();
    result.tally[transactions] = succeeded(transactions_);
    result.tally[timestamps] = succeeded(timestamps_);
    result.tally[meta_writes] = succeeded(writers_);
    return result;
  }

 private:
  using Workloads = std::vector<std::unique_ptr<Workload>>;

  static uint64_t succeeded(const Workloads& clients) {
    uint64_t sum = 0;
    for (const auto& client : clients) sum += client->succeeded();
    return sum;
  }

  void build() {
    const size_t oracles = world_.chance(0.8) ? 3 : 1;
    for (size_t i = 1; i <= oracles; ++i) oracle_names_.push_back("oracle-" + std::to_string(i));
    for (const auto& name : oracle_names_) add_process(oracle_options(name), oracle_observer_);
    const size_t nodes = replica_count + world_.chance(0.2);
    for (size_t i = 1; i <= nodes; ++i) add_process(node_options("node-" + std::to_string(i)), observer_);
    lay_out();
    for (auto& process : processes_) process->start();
    add_clients();
    misfortune_ = std::make_unique<Misfortune>(world_, network_, directory_, processes_, options_.trace);
    splitter_ = std::make_unique<Splitter>(world_, network_, next_endpoint_++, processes_);
  }

  ProcessOptions process_options(std::string name) {
    ProcessOptions options;
    options.name = std::move(name);
    options.endpoint = next_endpoint_++;
    // Small, so that followers fall behind it and need snapshots.
    options.replicas = replica_count;
    options.core.truncation = {.keep_bytes = log_bytes_, .keep_bytes_max = 3 * log_bytes_};
    return options;
  }

  ProcessOptions oracle_options(std::string name) {
    ProcessOptions options = process_options(std::move(name));
    directory_.oracles.push_back(options.endpoint);
    options.oracle = true;
    options.peers = oracle_names_;
    options.machine = [self = ddb::ReplicaId{directory_.oracles.size()}](ddb::range::MachineHost& host) {
      ddb::oracle::Options machine;
      machine.self = self;
      return std::make_unique<ddb::oracle::Machine>(host, machine);
    };
    options.first_rows = [this](ddb::env::WriteBatch& out) { first_rows(out); };
    return options;
  }

  ProcessOptions node_options(std::string name) {
    ProcessOptions options = process_options(std::move(name));
    directory_.nodes.push_back(options.endpoint);
    ddb::range::DataOptions data;
    // Collection cuts into what clients still read; few remembered writes make validation walk.
    if (collects_) {
      options.core.collect_age = collect_age_;
      data.collect.piece_max = 7;
    }
    options.core.check_interval = std::chrono::milliseconds{500 + world_.random().below(3000)};
    // V4: coordinators at work are swept, or taken for lost, only if they are very slow.
    data.pending_patience = patience_;
    data.sweep = {.piece_max = 20, .round_min = 200ms, .patience = patience_};
    if (world_.chance(0.3)) data.recent_writes_max = 1 + world_.random().below(20);
    options.machine = [data](ddb::range::MachineHost& host) { return std::make_unique<ddb::range::DataMachine>(host, data); };
    options.layout = [this] { return std::vector(layout_.begin() + !layout_.empty(), layout_.end()); };
    return options;
  }

  void add_process(ProcessOptions options, Observer& observer) {
    processes_.push_back(std::make_unique<Process>(world_, network_, directory_, observer, std::move(options)));
    directory_.stores[processes_.back()->store()] = processes_.back()->endpoint();
  }

  /// Half of the runs begin with nothing: the nodes found the first range. The others with several ranges.
  void lay_out() {
    if (world_.chance(0.4)) return;
    ddb::Bytes start;
    for (const char* boundary : boundaries) {
      if (world_.chance(0.6)) continue;
      add_range(start, boundary);
      start = boundary;
    }
    add_range(start, {});
  }

  void add_range(ddb::Bytes start, ddb::Bytes end) {
    ddb::proto::RangeDescriptor range;
    range.id = ddb::RangeId{layout_.size() + 1};
    range.span = {std::move(start), std::move(end)};
    range.epoch = {1, 1};
    for (const auto& process : processes_) {
      if (process->is_oracle() || range.replicas.size() == replica_count) continue;
      range.next_replica = range.next_replica.next();
      range.replicas.push_back({range.next_replica, process->store(), {}, ddb::proto::ReplicaRole::voter});
    }
    range.next_replica = range.next_replica.next();
    layout_.push_back(std::move(range));
  }

  /// C5, done: the first range of several. The others are where their stores say, until their leaders report.
  void first_rows(ddb::env::WriteBatch& out) const {
    if (layout_.empty()) return;
    const ddb::Revision first{1};
    ddb::oracle::put_row(out, ddb::env::Table::data, ddb::Bytes{ddb::proto::first_range_key},
                         ddb::env::MetaEntry{{}, ddb::codec::encode(layout_.front()), first, first, 1, {}});
  }

  std::unique_ptr<Client> make_client() {
    directory_.clients.push_back(next_endpoint_);
    return std::make_unique<Client>(world_, network_, next_endpoint_++, directory_);
  }

  void add_clients() {
    Habits habits;
    habits.pause_max = world_.chance(0.5) ? 30ms : 150ms;
    habits.think = world_.chance(0.5) ? 0.3 : 0.02;
    const size_t registers = 2 + world_.random().below(9);
    for (int i = 0; i < 3; ++i) transactions_.push_back(make_register_client(make_client(), habits, record_, registers));
    for (int i = 0; i < 3; ++i) transactions_.push_back(make_list_client(make_client(), habits, record_));
    for (int i = 0; i < 2; ++i) transactions_.push_back(make_set_client(make_client(), habits, record_, set_size_));
    for (int i = 0; i < 2; ++i) transactions_.push_back(make_bank_client(make_client(), habits));
    for (int i = 0; i < 2; ++i) transactions_.push_back(make_skew_client(make_client(), habits));
    transactions_.push_back(make_old_reader(make_client(), habits, tables_));
    for (uint64_t i = 1; i <= 2; ++i) transactions_.push_back(make_table_client(make_client(), habits, tables_, i));
    writers_.push_back(make_dropper(make_client(), tables_));
    Habits greedy;
    if (world_.chance(0.3)) greedy = {.pause_max = 20ms, .greed = 0.8};
    for (int i = 0; i < 3; ++i) timestamps_.push_back(make_timestamp_client(make_client(), greedy, history_));
    for (int i = 0; i < 2; ++i) writers_.push_back(make_meta_writer(make_client(), {}, meta_));
    each_client([](Workload& client) { client.start(); });
    network_.keep_order(next_endpoint_);
    watcher_ = std::make_unique<Watcher>(make_client(), directory_.oracles);
    watcher_->start();
  }

  void each_client(const std::function<void(Workload&)>& visit) {
    for (auto* kind : {&transactions_, &timestamps_, &writers_}) {
      for (auto& client : *kind) visit(*client);
    }
  }

  // The end.

  /// True as soon as it holds, if that is within `limit`.
  bool within(Duration limit, const std::function<bool()>& holds) {
    const Instant end = world_.now() + limit;
    while (!holds() && world_.now() < end) world_.run_until(world_.now() + 500ms);
    return holds();
  }

  void finish() {
    // The clients go on for a while: a cluster that has healed must serve.
    const uint64_t before = succeeded(transactions_);
    require(within(20s, [&] { return succeeded(transactions_) > before + 50; }), "the healed cluster commits nothing");
    each_client([](Workload& client) { client.stop(); });
    require(within(rest, [&] { return all_idle(); }), "a client still waits for an answer");
    std::string apart;
    require(within(rest, [&] { return (apart = replicas_apart()).empty(); }), apart);
    record_.check();
    check_watch();
    check_leftovers();
  }

  /// The gateways are gone: nothing keeps what was dropped, and nothing is left of who did not finish.
  void check_leftovers() {
    std::string left;
    require(within(rest, [&] { return (left = left_behind()).empty(); }), left);
    if (!collects_) return;
    ask<ddb::env::MetaTxnResult>(ddb::proto::MetaTxnRequest{
        {}, {{ddb::proto::gateway_prefix, std::nullopt, ddb::prefix_end(ddb::proto::gateway_prefix), {}}}, 0});
    const ddb::Bytes dropped = ddb::env::dropped_prefix;
    const auto none_listed = [&] { return ask<ddb::env::MetaRange>(ddb::proto::MetaRangeRequest{dropped, ddb::prefix_end(dropped)}).entries.empty(); };
    require(within(rest, none_listed), "a dropped table is not cleared");
    require(within(rest, [&] { return (left = replicas_apart()).empty(); }), left);
    for (auto& process : processes_) {
      const bool clear = process->is_oracle() || !is_left(*process->rows(), {Tables::span_of(0).start, Tables::span_of(tables_.last).start});
      require(clear, process->name() + ": rows of a dropped table are left, or came back");
    }
  }

  std::string left_behind() {
    for (auto& process : processes_) {
      if (process->is_oracle() || process->rows() == nullptr) continue;
      if (auto left = left_by_transactions(*process->rows()); !left.empty()) return process->name() + ": " + left;
    }
    return {};
  }

  bool all_idle() {
    bool idle = true;
    each_client([&](Workload& client) { idle = idle && client.idle(); });
    return idle;
  }

  /// The oracle has healed: it answers.
  template <class T>
  T ask(ddb::proto::OracleRequest request) {
    if (!asker_) asker_ = make_client();
    std::optional<T> answer;
    asker_->oracle().call(std::move(request), 10s, [&](ddb::Result<ddb::proto::OracleReply> reply) {
      if (auto* got = reply ? std::get_if<T>(&*reply) : nullptr) answer = std::move(*got);
    });
    require(within(12s, [&] { return answer.has_value(); }), "the healed oracle does not answer");
    return *answer;
  }

  void check_watch() {
    const auto now = ask<ddb::env::MetaRange>(ddb::proto::MetaRangeRequest{"w/", ddb::prefix_end("w/")});
    ddb::Revision last{};  // other keys move the revision too
    for (const auto& entry : now.entries) last = std::max(last, entry.mod_revision);
    const auto caught_up = [&] { return watcher_->reached() >= last; };
    require(within(12s, caught_up), "a watch fell behind for good");
    watcher_->check(meta_, now);
  }

  /// Empty: every member of every range has applied the same. A store that was emptied is no member of anything.
  std::string replicas_apart() const {
    std::map<ddb::RangeId, ddb::LogIndex> applied;
    for (const auto& process : processes_) {
      if (process->is_oracle()) continue;
      if (!process->serving()) return process->name() + " does not serve";
      for (const auto& replica : process->core()->status().replicas) {
        if (!replica.descriptor.id) return "a replica still waits for its range";
        const auto [known, fresh] = applied.emplace(replica.descriptor.id, replica.applied);
        if (!fresh && known->second != replica.applied) return "a replica has not caught up";
      }
    }
    return applied.empty() ? "there is no range" : "";
  }

  const RunOptions options_;
  World world_;
  Network network_{world_};
  Directory directory_;
  Observer observer_{world_, "range"};
  Observer oracle_observer_{world_, "oracle"};
  Record record_;
  int set_size_ = 0;
  Tables tables_;
  TimestampHistory history_;
  MetaHistory meta_;
  std::vector<std::string> oracle_names_;
  std::vector<ddb::proto::RangeDescriptor> layout_;  // empty: the nodes found the first range
  Processes processes_;
  std::unique_ptr<Misfortune> misfortune_;
  std::unique_ptr<Splitter> splitter_;
  Workloads transactions_;
  Workloads timestamps_;
  Workloads writers_;
  std::unique_ptr<Watcher> watcher_;
  std::unique_ptr<Client> asker_;
  Endpoint next_endpoint_ = 1;
  const bool collects_ = world_.chance(0.6);
  const Duration collect_age_ = std::chrono::milliseconds{1000 + world_.random().below(5000)};
  const Duration patience_ = world_.between(500ms, 4s);
  const size_t log_bytes_ = world_.chance(0.5) ? 8 << 10 : 1 << 10;
};

}  // namespace

RunResult run(const RunOptions& options) { return Run{options}.go(); }

}  // namespace sim
