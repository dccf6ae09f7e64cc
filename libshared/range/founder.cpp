#include "range/founder.hpp"

#include <algorithm>
#include <charconv>

#include "codec/archive.hpp"
#include "proto/meta_keys.hpp"

namespace ddb::range {

namespace {

const env::MetaRange* entries_of(const Result<proto::OracleReply>& reply) {
  return reply ? std::get_if<env::MetaRange>(&*reply) : nullptr;
}

uint32_t parse_replicas(BytesView text) {
  uint32_t replicas = 0;
  std::from_chars(text.data(), text.data() + text.size(), replicas);
  return replicas;
}

proto::RangeDescriptor first_range(const std::vector<proto::NodeInfo>& nodes) {
  proto::RangeDescriptor range;
  range.id = RangeId{1};
  range.epoch = {1, 1};
  for (const auto& node : nodes) {
    range.next_replica = range.next_replica.next();
    range.replicas.push_back({range.next_replica, node.store, node.node, proto::ReplicaRole::voter});
  }
  range.next_replica = range.next_replica.next();
  return range;
}

}  // namespace

void Founder::tick(Instant now) {
  if (done_ || asking_ || now < next_) return;
  next_ = now + poll;
  asking_ = true;
  calls_.call(proto::MetaRangeRequest{proto::first_range_key, {}},
              [this](Result<proto::OracleReply> reply) { answered(std::move(reply)); });
}

void Founder::answered(Result<proto::OracleReply> reply) {
  asking_ = false;
  const auto* got = entries_of(reply);
  if (got == nullptr) return;
  if (got->entries.empty()) {
    look_for_nodes();
    return;
  }
  const auto range = codec::decode<proto::RangeDescriptor>(got->entries.front().value);
  if (!range) return;
  done_ = true;
  found_(*range);
}

void Founder::look_for_nodes() {
  asking_ = true;
  calls_.call(proto::MetaRangeRequest{proto::config_replicas, {}}, [this](Result<proto::OracleReply> reply) {
    asking_ = false;
    const auto* config = entries_of(reply);
    if (config == nullptr || config->entries.empty()) return;
    const uint32_t replicas = parse_replicas(config->entries.front().value);
    if (replicas == 0) return;
    asking_ = true;
    calls_.call(proto::MetaRangeRequest{proto::node_prefix, prefix_end(proto::node_prefix)},
                [this, replicas](Result<proto::OracleReply> nodes) {
                  asking_ = false;
                  if (const auto* got = entries_of(nodes)) draft(*got, replicas);
                });
  });
}

void Founder::draft(const env::MetaRange& entries, uint32_t replicas) {
  std::vector<proto::NodeInfo> nodes;  // by node id: the keys sort that way
  for (const auto& entry : entries.entries) {
    if (auto node = codec::decode<proto::NodeInfo>(entry.value)) nodes.push_back(std::move(*node));
  }
  if (nodes.size() < replicas) return;  // more are to come
  nodes.resize(replicas);
  proto::MetaTxnRequest request;
  request.compares = {{proto::first_range_key, Revision{}}};  // none ever: it is never deleted
  request.ops = {{proto::first_range_key, codec::encode(first_range(nodes)), {}, {}}};
  asking_ = true;
  // Whoever won: the next look finds the truth.
  calls_.call(std::move(request), [this](Result<proto::OracleReply>) { asking_ = false; });
}

}  // namespace ddb::range
