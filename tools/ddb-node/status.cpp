#include "status.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <memory>
#include <optional>

#include "client/oracle_client.hpp"
#include "codec/archive.hpp"
#include "proto/admin.hpp"
#include "proto/meta_keys.hpp"

namespace ddb::node {

namespace {

constexpr Duration answer_timeout = std::chrono::seconds{2};

struct Target {
  net::Address address;
  std::unique_ptr<client::Channel> channel;
  std::optional<Result<proto::NodeStatusReply>> answer;
};

Result<proto::NodeStatusReply> read_answer(Result<Bytes> body) {
  if (!body) return std::unexpected(body.error());
  auto reply = codec::decode<proto::AdminReply>(*body);
  if (!reply) return std::unexpected(reply.error());
  if (auto* error = std::get_if<Error>(&*reply)) return std::unexpected(std::move(*error));
  return std::get<proto::NodeStatusReply>(std::move(*reply));
}

Result<std::vector<Target>> known_nodes(cli::Context& context, net::Loop& loop, net::Identity& self) {
  auto oracles = context.oracles();
  if (!oracles) return std::unexpected(oracles.error());
  client::OracleClientOptions options;
  options.addresses = std::move(*oracles);
  client::OracleClient oracle{loop, self, options};
  std::optional<Result<env::MetaRange>> nodes;
  oracle.range(proto::node_prefix, prefix_end(proto::node_prefix),
               [&](Result<env::MetaRange> got) { nodes = std::move(got); });
  loop.run_until([&] { return nodes.has_value(); });
  if (!*nodes) return std::unexpected(nodes->error());
  std::vector<Target> targets;
  for (const auto& entry : (*nodes)->entries) {
    const auto info = codec::decode<proto::NodeInfo>(entry.value);
    const auto address = info ? net::parse_address(info->address) : std::unexpected(info.error());
    if (address) targets.push_back({*address, nullptr, std::nullopt});
  }
  return targets;
}

void ask_all(net::Loop& loop, const net::Identity& self, std::vector<Target>& targets) {
  const Bytes question = codec::encode(proto::AdminRequest{proto::NodeStatusRequest{}});
  size_t left = targets.size();
  for (auto& target : targets) {
    target.channel = std::make_unique<client::Channel>(loop, self, target.address);
    target.channel->request(RangeId{}, question, answer_timeout, [&target, &left](Result<Bytes> body) {
      target.answer = read_answer(std::move(body));
      --left;
    });
  }
  loop.run_until([&] { return left == 0; });
}

const char* role_name(uint8_t role) {
  static constexpr std::array names{"follower", "pre-candidate", "candidate", "leader"};
  return role < names.size() ? names[role] : "unknown";
}

const char* state_name(const proto::ReplicaStatus& replica) {
  const auto& damaged = replica.health.damaged;
  if (std::find(damaged.begin(), damaged.end(), replica.replica) != damaged.end()) return "damaged";
  return replica.health.stopped ? "stopped" : "ok";
}

void print(cli::Output& out, const net::Address& address, const proto::NodeStatusReply& node) {
  for (const auto& replica : node.replicas) {
    const auto& members = replica.descriptor.replicas;
    NodeId leader;
    for (const auto& member : members) {
      if (member.id == replica.leader) leader = member.node;
    }
    out.row(node.node, net::to_string(address), replica.descriptor.id, replica.replica, role_name(replica.role), leader,
            replica.term, replica.commit, replica.applied, replica.last, replica.base,
            fmt::format("{:016x}", replica.hash), replica.rows, replica.versions, replica.bytes, replica.threshold.millis(),
            state_name(replica), replica.health.checked_at.millis());
  }
}

}  // namespace

Result<void> status(cli::Context& context, const std::vector<std::string>& addresses) {
  net::Loop loop;
  net::Identity self;
  std::vector<Target> targets;
  for (const auto& text : addresses) {
    auto address = net::parse_address(text);
    if (!address) return std::unexpected(address.error());
    targets.push_back({*address, nullptr, std::nullopt});
  }
  if (targets.empty()) {
    auto known = known_nodes(context, loop, self);
    if (!known) return std::unexpected(known.error());
    targets = std::move(*known);
  }
  ask_all(loop, self, targets);
  context.out().columns({"node", "address", "range", "replica", "role", "leader", "term", "commit", "applied", "last", "base", "hash", "rows",
                         "versions", "bytes", "threshold_ms", "state", "checked_ms"});
  std::optional<Error> silent;
  for (const auto& target : targets) {
    if (*target.answer) {
      print(context.out(), target.address, **target.answer);
    } else {
      silent = target.answer->error();
      context.note(net::to_string(target.address) + ": " + to_string(*silent));
    }
  }
  if (silent) return fail(Code::unavailable, "not every node answered", "see the lines above");
  return {};
}

}  // namespace ddb::node
