#include "kv.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "bench/history.hpp"
#include "client/txn_runner.hpp"
#include "report.hpp"

namespace ddb::bench {

namespace {

constexpr uint64_t preload_keys = 100;     // in one transaction
constexpr uint32_t preload_clients = 8;

/// "17 xxxx...": the number that makes a write unique, then filler.
Bytes value_of(uint64_t number, size_t bytes) {
  Bytes value = std::to_string(number);
  if (value.size() < bytes) value.append(1, ' ').resize(bytes, 'x');
  return value;
}

/// Nullopt: nothing there, or not written by this program.
std::optional<uint64_t> number_in(const std::optional<Bytes>& value) {
  uint64_t number = 0;
  if (!value) return std::nullopt;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
  return error == std::errc{} ? std::optional{number} : std::nullopt;
}

class Kv {
 public:
  Kv(const client::ClusterOptions& cluster, const KvOptions& options, Distribution distribution)
      : options_{options}, cluster_{loop_, cluster}, chooser_{distribution, options.keys, options.theta}, random_{options.seed} {}

  Result<void> run(cli::Output& out);

 private:
  using Values = std::vector<std::optional<Bytes>>;

  /// An operation under way.
  struct Call {
    uint32_t client = 0;
    int64_t begin_ns = 0;
    Operation operation;
    Measure* measure = nullptr;
  };

  Result<void> preload();
  void preload_batch(uint64_t first, ClosedLoop& run, uint32_t client, Error& trouble);
  void start(uint32_t client);
  void read(Call call);
  void write(Call call);
  void compare_and_set(Call call);
  void transfer(Call call, uint64_t first);
  std::vector<Bytes> transfer_keys(uint64_t first);
  void ended(Call call, const Result<void>& result);

  bool reads_something() const { return options_.read_percent + options_.cas_percent + options_.transfer_percent > 0; }
  uint64_t next_number() { return ++last_number_; }

  const KvOptions& options_;
  net::Loop loop_;
  client::Cluster cluster_;
  KeyChooser chooser_;
  Random random_;
  History history_;
  uint64_t last_number_ = 0;
  std::vector<uint64_t> process_;         // of each client, in the history
  uint64_t last_process_ = 0;
  std::map<std::string, uint64_t> seen_;  // what a cas expects: the last value heard of
  std::unique_ptr<ClosedLoop> run_;
  std::unique_ptr<Measure> reads_, writes_, cas_, transfers_;
};

Result<void> Kv::run(cli::Output& out) {
  if (!options_.history.empty())
    if (auto opened = history_.open(options_.history); !opened) return opened;
  for (uint32_t client = 0; client < options_.load.clients; ++client) process_.push_back(last_process_++);
  if (reads_something() && !options_.no_preload)
    if (auto loaded = preload(); !loaded) return loaded;

  run_ = std::make_unique<ClosedLoop>(loop_, options_.load, [this](uint32_t client) { start(client); });
  for (auto* measure : {&reads_, &writes_, &cas_, &transfers_}) *measure = std::make_unique<Measure>(run_->begin_ns());
  run_->run();
  for (auto* measure : {&reads_, &writes_, &cas_, &transfers_}) (*measure)->close(run_->end_ns());
  if (auto closed = history_.close(); !closed) return closed;
  return report(out, "kv", options_.load.clients, *run_,
                {{"read", reads_.get()}, {"write", writes_.get()}, {"cas", cas_.get()}, {"transfer", transfers_.get()}});
}

/// A row for every key, so that reads find something and a history knows what was there.
Result<void> Kv::preload() {
  Error trouble{};
  uint64_t next = 0;
  LoadOptions load;
  load.clients = preload_clients;
  load.operations = (options_.keys + preload_keys - 1) / preload_keys;
  ClosedLoop run{loop_, load, [&](uint32_t client) { preload_batch(std::exchange(next, next + preload_keys), run, client, trouble); }};
  if (!run.run()) return fail(Code::failed, "interrupted");
  if (!trouble.message.empty()) return std::unexpected(trouble);
  return {};
}

void Kv::preload_batch(uint64_t first, ClosedLoop& run, uint32_t client, Error& trouble) {
  std::vector<env::Write> writes;
  std::vector<Operation> operations;
  for (uint64_t key = first; key < std::min(first + preload_keys, options_.keys); ++key) {
    const uint64_t number = next_number();
    writes.push_back({env::WriteKind::put, key_name(key), value_of(number, options_.value_bytes)});
    operations.push_back({.process = last_process_++, .f = Function::write, .key = key_name(key), .value = number, .expected = {}});
  }
  for (const auto& operation : operations) history_.invoke(operation);
  client::Txn{cluster_}.commit(std::move(writes), [this, &run, &trouble, client, operations = std::move(operations)](Result<Timestamp> done) {
    for (const auto& operation : operations) history_.end(operation, done ? Ending::ok : Ending::info);
    if (!done) trouble = done.error();
    run.ended(client, done.has_value());
  });
}

void Kv::start(uint32_t client) {
  Call call{.client = client, .begin_ns = now_ns(), .operation = {}, .measure = nullptr};
  call.operation.process = process_[client];
  const uint64_t key = chooser_.next(random_);
  call.operation.key = key_name(key);
  const auto dice = static_cast<double>(random_.below(100'000)) / 1000;
  if (dice < options_.read_percent) return read(std::move(call));
  if (dice < options_.read_percent + options_.cas_percent) return compare_and_set(std::move(call));
  if (dice < options_.read_percent + options_.cas_percent + options_.transfer_percent) return transfer(std::move(call), key);
  write(std::move(call));
}

void Kv::read(Call call) {
  call.measure = reads_.get();
  call.operation.f = Function::read;
  history_.invoke(call.operation);
  client::Txn{cluster_}.get({call.operation.key}, [this, call](Result<Values> values) mutable {
    if (!values) return ended(std::move(call), std::unexpected(values.error()));
    call.operation.value = number_in(values->front());
    ended(std::move(call), {});
  });
}

void Kv::write(Call call) {
  call.measure = writes_.get();
  call.operation.f = Function::write;
  call.operation.value = next_number();
  history_.invoke(call.operation);
  env::Write put{env::WriteKind::put, call.operation.key, value_of(*call.operation.value, options_.value_bytes)};
  client::Txn{cluster_}.commit({std::move(put)}, [this, call](Result<Timestamp> done) mutable {
    ended(std::move(call), done ? Result<void>{} : std::unexpected(done.error()));
  });
}

/// A transaction that reads the key and writes it if it is what was last seen there. Else it fails, as a conflict.
void Kv::compare_and_set(Call call) {
  call.measure = cas_.get();
  call.operation.f = Function::cas;
  call.operation.value = next_number();
  if (const auto seen = seen_.find(call.operation.key); seen != seen_.end()) call.operation.expected = seen->second;
  history_.invoke(call.operation);
  auto txn = std::make_shared<client::Txn>(cluster_);
  txn->get({call.operation.key}, [this, call, txn](Result<Values> values) mutable {
    if (!values) return ended(std::move(call), std::unexpected(values.error()));
    const auto found = number_in(values->front());
    if (found) seen_[call.operation.key] = *found;
    if (found != call.operation.expected) return ended(std::move(call), fail(Code::conflict, "another value was there"));
    env::Write put{env::WriteKind::put, call.operation.key, value_of(*call.operation.value, options_.value_bytes)};
    txn->commit({std::move(put)}, [this, call](Result<Timestamp> done) mutable {
      ended(std::move(call), done ? Result<void>{} : std::unexpected(done.error()));
    });
  });
}

/// Reads rows, writes all of them. A conflict is a failure: nothing is tried again. Not in the history, whose operations have
/// one key each.
void Kv::transfer(Call call, uint64_t first) {
  call.measure = transfers_.get();
  call.operation.f = Function::read;
  const auto keys = transfer_keys(first);
  auto txn = std::make_shared<client::Txn>(cluster_);
  txn->get(keys, [this, call, txn, keys](Result<Values> values) mutable {
    if (!values) return ended(std::move(call), std::unexpected(values.error()));
    std::vector<env::Write> writes;
    for (const Bytes& key : keys) writes.push_back({env::WriteKind::put, key, value_of(next_number(), options_.value_bytes)});
    txn->commit(std::move(writes), [this, call](Result<Timestamp> done) mutable {
      ended(std::move(call), done ? Result<void>{} : std::unexpected(done.error()));
    });
  });
}

/// In order, no key twice: who is there already gives way to the next one.
std::vector<Bytes> Kv::transfer_keys(uint64_t first) {
  std::set<uint64_t> chosen{first};
  while (chosen.size() < options_.transaction_size) {
    uint64_t key = chooser_.next(random_);
    while (!chosen.insert(key).second) key = (key + 1) % options_.keys;
  }
  std::vector<Bytes> keys;
  for (const uint64_t key : chosen) keys.push_back(key_name(key));
  return keys;
}

void Kv::ended(Call call, const Result<void>& result) {
  const int64_t end_ns = now_ns();
  const bool unknown = !result && result.error().code == Code::unknown_outcome && call.operation.f != Function::read;
  if (call.measure != transfers_.get()) history_.end(call.operation, result ? Ending::ok : unknown ? Ending::info : Ending::fail);
  if (unknown) process_[call.client] = last_process_++;  // what is not known to have ended may happen yet
  if (result && call.operation.value && options_.cas_percent > 0) seen_[call.operation.key] = *call.operation.value;
  if (run_->measuring()) {
    if (result) call.measure->success(call.begin_ns, end_ns);
    else call.measure->failure(result.error());
  }
  run_->ended(call.client, result || result.error().code == Code::conflict);
}

}  // namespace

Result<void> run_kv(cli::Context& context, const KvOptions& options) {
  auto oracles = context.oracles();
  if (!oracles) return std::unexpected(oracles.error());
  const auto distribution = parse_distribution(options.distribution);
  if (!distribution) return std::unexpected(distribution.error());
  if (options.read_percent + options.cas_percent + options.transfer_percent > 100) {
    return fail(Code::usage, "reads, cas and transfers are more than 100 percent");
  }
  if (options.transfer_percent > 0 && options.transaction_size > options.keys) {
    return fail(Code::usage, "a transaction of " + std::to_string(options.transaction_size) + " rows needs as many keys", "give more with --keys");
  }
  Kv kv{{.oracles = std::move(*oracles), .timeout = options.timeout}, options, *distribution};
  return kv.run(context.out());
}

}  // namespace ddb::bench
