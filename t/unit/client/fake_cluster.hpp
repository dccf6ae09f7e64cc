// An oracle and nodes in memory, enough to see how clients find their way.
#pragma once

#include <algorithm>
#include <map>
#include <set>

#include "client/cluster.hpp"
#include "env/span.hpp"
#include "fake_server.hpp"
#include "proto/meta_keys.hpp"
#include "proto/oracle.hpp"

namespace ddb::client {

using FakeOracle = FakeServer<proto::OracleRequest, proto::OracleReply>;
using FakeNode = FakeServer<proto::RangeRequest, proto::RangeReply>;

struct FakeCluster {
  explicit FakeCluster(net::Loop& the_loop, size_t node_count = 3) : loop{the_loop}, oracle{loop} {
    oracle.answer = [this](const FakeOracle::Call& call) { return ask_oracle(call); };
    for (size_t i = 0; i < node_count; ++i) {
      auto& node = nodes.emplace_back(std::make_unique<FakeNode>(loop));
      node->answer = [this, i](const FakeNode::Call& call) { return ask_node(i, call); };
      proto::NodeInfo info;
      info.node = NodeId{i + 1};
      info.address = node->name();
      put_meta(proto::node_prefix + proto::meta_id(i + 1), codec::encode(info));
    }
    add_range(1, "", "");
  }

  /// Its replica n is on node n; the leader is on node `leader` (from 0).
  void add_range(uint64_t id, Bytes start, Bytes end, uint64_t split = 1, size_t leader = 0) {
    proto::RangeDescriptor descriptor;
    descriptor.id = RangeId{id};
    descriptor.span = {std::move(start), std::move(end)};
    descriptor.epoch = {1, split};
    for (size_t i = 0; i < nodes.size(); ++i)
      descriptor.replicas.push_back({ReplicaId{i + 1}, StoreId{i + 1}, NodeId{i + 1}, proto::ReplicaRole::voter});
    ranges[id] = {descriptor, ReplicaId{leader + 1}, Term{1}};
    report(id);
  }

  /// Tells the metadata what is now true of a range.
  void report(uint64_t id) { put_meta(proto::range_prefix + proto::meta_id(id), codec::encode(ranges[id])); }

  void put_meta(Bytes key, Bytes value) {
    ++revision;
    env::MetaEntry entry{.key = key, .value = std::move(value), .create_revision = {}, .mod_revision = Revision{revision}, .version = 1, .lease = {}};
    meta[key] = entry;
    for (const auto& [call, watch] : watchers)
      if (key >= watch.key && key < watch.end)
        FakeOracle::reply(call, proto::WatchReply{.revision = Revision{revision}, .events = {{.deleted = false, .entry = entry}}});
  }

  std::optional<proto::OracleReply> ask_oracle(const FakeOracle::Call& call) {
    if (const auto* timestamps = std::get_if<proto::TimestampRequest>(&call.request)) {
      clock += timestamps->count;
      return proto::TimestampReply{Timestamp{clock - timestamps->count + 1}};
    }
    if (const auto* range = std::get_if<proto::MetaRangeRequest>(&call.request)) {
      env::MetaRange found{.revision = Revision{revision}, .entries = {}};
      for (auto it = meta.lower_bound(range->key); it != meta.end() && it->first < range->end; ++it) found.entries.push_back(it->second);
      return found;
    }
    if (const auto* watch = std::get_if<proto::WatchRequest>(&call.request)) watchers.emplace_back(call, *watch);
    return std::nullopt;
  }

  proto::Redirect redirect(const proto::RangeInfo& range) const {
    return {.descriptors = {range.descriptor}, .leader = told ? range.leader : ReplicaId{}, .in_doubt = false};
  }

  std::optional<proto::RangeReply> ask_node(size_t node, const FakeNode::Call& call) {
    const auto found = ranges.find(call.range.value);
    if (found == ranges.end()) return proto::Redirect{};
    const auto& range = found->second;
    if (range.leader.value != node + 1) return redirect(range);
    if (call.request.epoch.split != range.descriptor.epoch.split) {
      auto answer = redirect(range);
      for (const auto& [id, other] : ranges)
        if (id != found->first) answer.descriptors.push_back(other.descriptor);
      return answer;
    }
    if (silent) return std::nullopt;
    if (const auto* read = std::get_if<proto::ReadRequest>(&call.request.body)) return serve(range.descriptor.span, *read);
    if (const auto* commit = std::get_if<proto::CommitRequest>(&call.request.body)) return serve(node, *commit);
    if (const auto* prepare = std::get_if<proto::PrepareRequest>(&call.request.body)) {
      for (const auto& write : prepare->writes) locks[write.key] = write.value;
      return proto::PrepareReply{prepare->attempt.c0};
    }
    if (const auto* decide = std::get_if<proto::DecideRequest>(&call.request.body)) {
      records[decide->attempt] = decide->commit_ts;
      resolve(decide->keys);
      return proto::SettleReply{decide->commit_ts};
    }
    if (const auto* resolved = std::get_if<proto::ResolveRequest>(&call.request.body)) {
      resolve(resolved->keys);
      return proto::Done{};
    }
    if (std::holds_alternative<proto::ForgetRequest>(call.request.body)) return proto::Done{};
    if (const auto* recover = std::get_if<proto::RecoverRequest>(&call.request.body)) {
      using State = proto::RecoverReply::State;
      const auto record = records.find(recover->attempt);
      return record == records.end() ? proto::RecoverReply{} : proto::RecoverReply{State::committed, record->second, {}};
    }
    if (std::holds_alternative<proto::LeaveRequest>(call.request.body)) {
      ++left;
      return proto::Done{};
    }
    // What was read is never as it was (P4).
    if (std::holds_alternative<proto::ValidateRequest>(call.request.body)) return Error{Code::conflict, "a key that was read has changed", {}, {}};
    const auto& settle = std::get<proto::SettleRequest>(call.request.body);
    const auto record = records.find(settle.attempt);
    return proto::SettleReply{record == records.end() ? std::nullopt : std::optional{record->second}};
  }

  void resolve(const std::vector<Bytes>& keys) {
    for (const Bytes& key : keys) data.insert(locks.extract(key));
  }

  std::optional<proto::RangeReply> serve(const env::KeySpan& bounds, const proto::ReadRequest& request) {
    proto::ReadReply reply;
    for (const auto& key : request.keys) {
      if (!contains(bounds, key)) return Error{Code::internal, "a key outside of the range", {}, {}};
      reply.values.push_back(data.contains(key) ? std::optional{data[key]} : std::nullopt);
    }
    if (request.scan) scan(request, reply);
    return reply;
  }

  void scan(const proto::ReadRequest& request, proto::ReadReply& reply) {
    for (const auto& [key, value] : data)
      if (contains(*request.scan, key)) reply.rows.push_back({key, value});
    if (request.reverse) std::ranges::reverse(reply.rows);
    if (reply.rows.size() <= request.rows_max) return;
    reply.rows.resize(request.rows_max);
    reply.rest = *request.scan;
    if (request.reverse) reply.rest->end = reply.rows.back().key;
    else reply.rest->start = reply.rows.back().key + '\0';
  }

  std::optional<proto::RangeReply> serve(size_t node, const proto::CommitRequest& request) {
    if (const auto record = records.find(request.attempt); record != records.end()) return proto::CommitReply{record->second};
    if (refusals > 0) {
      --refusals;
      return Error{Code::conflict, "a newer version", {}, {}};
    }
    for (const auto& write : request.writes) {
      if (write.kind == env::WriteKind::erase) data.erase(write.key);
      else data[write.key] = write.value;
    }
    records[request.attempt] = Timestamp{++clock};
    if (forget) return std::nullopt;
    if (break_once) {
      break_once = false;
      nodes[node]->stop();
      nodes[node]->start();
      return std::nullopt;
    }
    return proto::CommitReply{records[request.attempt]};
  }

  ClusterOptions options(Duration timeout = std::chrono::seconds{5}) const {
    return {.oracles = {oracle.address()}, .timeout = timeout, .attempt_timeout = std::chrono::milliseconds{100}};
  }
  size_t node_calls() const {
    size_t calls = 0;
    for (const auto& node : nodes) calls += node->calls.size();
    return calls;
  }

  net::Loop& loop;
  FakeOracle oracle;
  std::vector<std::unique_ptr<FakeNode>> nodes;
  std::map<uint64_t, proto::RangeInfo> ranges;
  std::map<Bytes, env::MetaEntry> meta;
  std::vector<std::pair<FakeOracle::Call, proto::WatchRequest>> watchers;
  std::map<Bytes, Bytes> data;
  std::map<Bytes, Bytes> locks;  // prepared, not yet resolved
  std::map<proto::Attempt, Timestamp> records;
  uint64_t revision = 0;
  uint64_t clock = 1000;
  bool told = true;         // followers know the leader
  bool silent = false;      // leaders hang
  bool forget = false;      // commits happen and nobody hears of it
  bool break_once = false;  // the next commit happens, then the connection breaks
  int left = 0;             // turns given up (K3)
  int refusals = 0;         // commits to refuse
};

}  // namespace ddb::client
