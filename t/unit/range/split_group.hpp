// Three stores, their logs, states and messages, and an oracle by decree. The test is the network, the disks and time.
#pragma once

#include <doctest/doctest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "codec/archive.hpp"
#include "mvcc/key.hpp"
#include "proto/meta_keys.hpp"
#include "range/data_machine.hpp"
#include "range/snapshot_format.hpp"
#include "range/store.hpp"
#include "unit/support/memory_state.hpp"

namespace ddb::range::test {

/// One store: its disk, and the core that runs on it.
class Node final : private env::SnapshotFiles {
 public:
  explicit Node(size_t index) : self{1, StoreId{100 + index}, NodeId{index}, {}} {}

  void start(Instant now) {
    self.incarnation = self.incarnation.next();
    state = durable;
    std::vector<proto::LogBatch> batches{log.begin(), log.end()};
    StoreOptions options;
    options.truncation = {.keep_bytes = 8 << 10, .keep_bytes_max = 24 << 10};
    options.seed = self.store.value * 1000 + self.incarnation.value;
    auto recovered = Store::recover(options, self, state, *this, std::move(batches), last_batch.next(),
                                    [](MachineHost& host) { return std::make_unique<DataMachine>(host, DataOptions{}); }, now);
    failure = recovered ? std::nullopt : std::optional{recovered.error()};
    core = recovered ? std::move(*recovered) : nullptr;
  }
  /// What was not durable is gone.
  void crash() { core.reset(); }
  /// As if it had never been started: its disk is empty.
  void wipe() {
    durable = {};
    log.clear();
  }

  /// Writes the next batch, unless the disk is held.
  bool write(Instant now) {
    if (disk_held) return false;
    auto batch = core->next_batch(now);
    if (!batch) return false;
    last_batch = batch->number;
    log.push_back(std::move(*batch));
    core->batch_proven(last_batch, now);
    return true;
  }
  void flush(Instant now) {
    env::WriteBatch records;
    const Checkpoint checkpoint = core->checkpoint(records);
    state.apply(records);
    durable = state;
    core->flushed(checkpoint, now);
  }

  const Replica* replica(RangeId range) const { return core->replica(range); }
  bool leads(RangeId range) const { return core && replica(range) != nullptr && replica(range)->leads(); }
  /// Rows of user keys in `span`, whatever their versions.
  size_t rows_in(const env::KeySpan& span) {
    const auto stored = mvcc::stored_span(span);
    auto& rows = state[env::Table::data];
    return static_cast<size_t>(std::distance(rows.lower_bound(stored.start),
                                             stored.end.empty() ? rows.end() : rows.lower_bound(stored.end)));
  }

  StoreIdentity self;
  ddb::test::MemoryState durable;
  ddb::test::MemoryState state;
  std::deque<proto::LogBatch> log;
  BatchNumber last_batch;
  bool disk_held = false;
  bool flush_held = false;
  bool snapshots_held = false;
  std::vector<std::function<void()>> to_make;  // what is held
  std::unique_ptr<Store> core;
  std::optional<Error> failure;  // to recover

 private:
  void make(uint64_t id, Bytes key, std::vector<env::TableSpan> spans) override {
    if (!snapshots_held) return make_now(id, key, spans);
    to_make.push_back([this, id, key, spans] { make_now(id, key, spans); });
  }
  // I1: of the last flush.
  env::WriteBatch flushed_rows(const std::vector<env::TableSpan>& spans) {
    env::WriteBatch rows;
    for (const auto& span : spans) {
      const auto& table = durable[span.table];
      for (auto row = table.lower_bound(span.start); row != table.end() && (span.end.empty() || row->first < span.end); ++row) {
        rows.put(span.table, row->first, row->second);
      }
    }
    return rows;
  }
  void make_now(uint64_t id, const Bytes& key, const std::vector<env::TableSpan>& spans) {
    files[id] = encode_snapshot_piece(flushed_rows(spans));
    const auto record = durable.get(env::Table::range, key);
    made.emplace_back(id, record ? Result<env::SnapshotMade>{{Bytes{*record}, files[id].size()}}
                                 : fail(Code::try_again, "not flushed yet"));
  }
  void scan(uint64_t id, std::vector<env::TableSpan> spans) override {
    RowSum sum;
    sum.add(flushed_rows(spans));
    sums.emplace_back(id, std::move(sum));
  }
  Result<Bytes> read(uint64_t id, uint64_t offset, size_t size) override { return files[id].substr(offset, size); }
  Result<void> write(uint64_t id, uint64_t offset, BytesView data) override {
    auto& file = files[id];
    file.resize(offset);
    file += data;
    return {};
  }
  void seal(uint64_t id) override { sealed.push_back(id); }
  void drop(uint64_t id) override { files.erase(id); }

 public:
  std::map<uint64_t, Bytes> files;
  std::vector<std::pair<uint64_t, Result<env::SnapshotMade>>> made;
  std::vector<uint64_t> sealed;
  std::vector<std::pair<uint64_t, RowSum>> sums;
  std::vector<std::string> warnings;
};

class SplitGroup {
 public:
  using Filter = std::function<bool(size_t from, size_t to, const proto::PeerMessage&)>;

  SplitGroup() {
    for (size_t i = 0; i < nodes.size(); ++i) nodes[i].start(now);
    run_until([&] { return leader(RangeId{1}) != nullptr; });
  }

  Node& operator[](size_t i) { return nodes[i]; }
  Node* leader(RangeId range) {
    for (auto& node : nodes) {
      if (node.leads(range)) return &node;
    }
    return nullptr;
  }
  size_t index_of(const Node& node) const { return static_cast<size_t>(&node - nodes.data()); }
  Node& leader_of(RangeId range) {
    run_until([&] { return leader(range) != nullptr; });
    return *leader(range);
  }

  /// Everything that can happen at this moment.
  void settle() {
    for (bool busy = true; busy;) {
      busy = false;
      for (auto& node : nodes) {
        if (node.core) busy |= turn(node);
      }
    }
  }
  void run(std::chrono::milliseconds length) {
    for (const Instant end = now + length; now < end;) {
      now += std::chrono::milliseconds{20};
      for (auto& node : nodes) {
        if (node.core) node.core->tick(now, 0);
      }
      settle();
    }
  }
  template <class Condition>
  void run_until(Condition condition) {
    for (int i = 0; i < 1000; ++i) {
      if (condition()) return;
      run(std::chrono::milliseconds{20});
    }
    FAIL("it never came to be");
  }

  void flush(size_t i) { nodes[i].flush(now); settle(); }
  void crash(size_t i) { nodes[i].crash(); }
  void restart(size_t i) { nodes[i].start(now); }

  // Requests to one store's replica.
  uint64_t send(Node& node, RangeId range, proto::RangeRequestBody body) {
    const auto* replica = node.replica(range);
    const proto::Epoch epoch = replica != nullptr ? replica->descriptor().epoch : proto::Epoch{};
    node.core->request({ConnectionId{1}, ++last_request}, range, codec::encode(proto::RangeRequest{epoch, std::move(body)}), now);
    return last_request;
  }
  template <class T>
  T ask(Node& node, RangeId range, proto::RangeRequestBody body) {
    const uint64_t request = send(node, range, std::move(body));
    run_until([&] { return replies.contains(request); });
    const auto& reply = replies.at(request);
    const auto* error = std::get_if<Error>(&reply);
    INFO((error != nullptr ? to_string(*error) : ""));
    REQUIRE(std::holds_alternative<T>(reply));
    return std::get<T>(reply);
  }
  Timestamp next_timestamp() { return Timestamp{timestamp += 10}; }
  Timestamp put(RangeId range, const Bytes& key, const Bytes& value) {
    const Timestamp ts = next_timestamp();
    proto::CommitRequest commit{{ts, next_timestamp()}, ts, {{env::WriteKind::put, key, value}}, {}};
    return ask<proto::CommitReply>(leader_of(range), range, commit).commit_ts;
  }
  std::optional<Bytes> get(RangeId range, const Bytes& key) {
    return ask<proto::ReadReply>(leader_of(range), range, proto::ReadRequest{next_timestamp(), {key}, {}, false, 0, 0}).values.at(0);
  }
  proto::RangeDescriptor split(RangeId range, const Bytes& key, RangeId right) {
    return ask<proto::SplitReply>(leader_of(range), range, proto::SplitRequest{key, right}).range;
  }

  void isolate(size_t i) {
    filter = [i](size_t from, size_t to, const auto&) { return from != i && to != i; };
  }
  void heal() { filter = nullptr; }

  std::array<Node, 3> nodes{Node{1}, Node{2}, Node{3}};
  Instant now{std::chrono::hours{1}};
  Filter filter;  // false: lost
  uint64_t timestamp = 1000;
  uint64_t last_request = 0;
  std::map<uint64_t, proto::RangeReply> replies;
  std::map<Bytes, env::MetaEntry> meta;
  uint64_t revision = 1;

 private:
  bool turn(Node& node) {
    node.core->settle(now);
    auto out = node.core->take();
    INFO((out.failed ? to_string(*out.failed) : ""));
    REQUIRE_FALSE(out.failed);
    bool busy = !out.messages.empty() || !out.oracle_calls.empty();
    for (auto& reply : out.replies) replies[reply.to.request] = *codec::decode<proto::RangeReply>(reply.body);
    for (auto& call : out.oracle_calls) node.core->oracle_answer(call.token, answer(call.request), now);
    for (auto& batch : out.messages) deliver(index_of(node), std::move(batch));
    for (auto& [id, made] : std::exchange(node.made, {})) node.core->snapshot_made(id, std::move(made), now), busy = true;
    for (const uint64_t id : std::exchange(node.sealed, {})) node.core->snapshot_sealed(id, {}, now), busy = true;
    for (auto& [id, sum] : std::exchange(node.sums, {})) node.core->scanned(id, std::move(sum), now), busy = true;
    std::ranges::move(out.warnings, std::back_inserter(node.warnings));
    busy |= node.write(now);
    if (node.core->wants_flush() && !node.flush_held) node.flush(now), busy = true;
    return busy;
  }
  void deliver(size_t from, proto::PeerBatch batch) {
    const size_t to = batch.to.value - 101;
    if (filter) std::erase_if(batch.messages, [&](const auto& message) { return !filter(from, to, message); });
    if (nodes[to].core && !batch.messages.empty()) nodes[to].core->peer(batch, now);
  }
  proto::OracleReply answer(const proto::OracleRequest& request) {
    if (const auto* ts = std::get_if<proto::TimestampRequest>(&request)) {
      const Timestamp first = next_timestamp();
      timestamp += ts->count;
      return proto::TimestampReply{first};
    }
    if (const auto* read = std::get_if<proto::MetaRangeRequest>(&request)) return read_meta(*read);
    if (const auto* txn = std::get_if<proto::MetaTxnRequest>(&request)) return write_meta(*txn);
    return proto::DoneReply{};
  }
  proto::OracleReply read_meta(const proto::MetaRangeRequest& read) {
    env::MetaRange range{Revision{revision}, {}};
    if (read.key == proto::first_range_key) range.entries.push_back({read.key, codec::encode(first_range()), {}, {}, 1, {}});
    for (const auto& [key, entry] : meta) {
      if (read.end.empty() ? key == read.key : key >= read.key && key < read.end) range.entries.push_back(entry);
    }
    return range;
  }
  proto::OracleReply write_meta(const proto::MetaTxnRequest& txn) {
    for (const auto& compare : txn.compares) {
      const auto found = meta.find(compare.key);
      if ((found == meta.end() ? Revision{} : found->second.mod_revision) != compare.mod_revision) return env::MetaTxnResult{};
    }
    ++revision;
    for (const auto& op : txn.ops) meta[op.key] = {op.key, *op.value, {}, Revision{revision}, 1, {}};
    return env::MetaTxnResult{true, Revision{revision}};
  }
  proto::RangeDescriptor first_range() const {
    proto::RangeDescriptor range{RangeId{1}, {}, {1, 1}, {}, ReplicaId{4}};
    for (const auto& node : nodes) range.replicas.push_back({ReplicaId{node.self.node.value}, node.self.store, node.self.node, proto::ReplicaRole::voter});
    return range;
  }
};

}  // namespace ddb::range::test
