#include "nodes.hpp"

#include <algorithm>

#include "codec/archive.hpp"

namespace ddb::split {

namespace {

constexpr Duration answer_timeout = std::chrono::seconds{2};

}  // namespace

NodeId node_of(const proto::RangeDescriptor& range, ReplicaId replica) {
  const auto found = std::ranges::find(range.replicas, replica, &proto::ReplicaInfo::id);
  return found == range.replicas.end() ? NodeId{} : found->node;
}

std::string nodes_of(const proto::RangeDescriptor& range, const std::vector<ReplicaId>& replicas) {
  std::string text;
  for (const ReplicaId replica : replicas) {
    if (!text.empty()) text += ",";
    text += std::to_string(node_of(range, replica).value);
  }
  return text;
}

std::string state_of(const proto::RangeDescriptor& range, const proto::Health& health) {
  std::string state = health.stopped ? "stopped" : "ok";
  if (!health.damaged.empty()) state = (health.stopped ? "stopped,damaged:" : "damaged:") + nodes_of(range, health.damaged);
  return state;
}

Result<std::vector<proto::NodeInfo>> read_nodes(Session& session) {
  client::MetaClient meta{session.cluster.oracle(), session.executor};
  const auto entries = meta.range(proto::node_prefix, prefix_end(proto::node_prefix));
  if (!entries) return std::unexpected(entries.error());
  std::vector<proto::NodeInfo> nodes;
  for (const auto& entry : entries->entries) {
    if (auto node = codec::decode<proto::NodeInfo>(entry.value)) nodes.push_back(std::move(*node));
  }
  return nodes;
}

Result<proto::AdminReply> ask(Session& session, const proto::NodeInfo& node, const proto::AdminRequest& request) {
  const auto address = net::parse_address(node.address);
  if (!address) return std::unexpected(address.error());
  auto reply = client::await<proto::AdminReply>(session.executor, [&](client::Done<proto::AdminReply> done) {
    session.cluster.router().ask(*address, request, answer_timeout, std::move(done));
  });
  if (!reply) return std::unexpected(reply.error());
  if (auto* error = std::get_if<Error>(&*reply)) return std::unexpected(std::move(*error));
  return reply;
}

Result<proto::NodeStatusReply> ask_status(Session& session, const proto::NodeInfo& node) {
  auto reply = ask(session, node, proto::NodeStatusRequest{});
  if (!reply) return std::unexpected(reply.error());
  auto* status = std::get_if<proto::NodeStatusReply>(&*reply);
  if (status == nullptr) return fail(Code::bad_data, "a node's reply is not of the kind asked for");
  return std::move(*status);
}

}  // namespace ddb::split
