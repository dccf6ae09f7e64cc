// What ddb-split asks of nodes themselves.
#pragma once

#include <string>
#include <vector>

#include "proto/admin.hpp"
#include "proto/meta_keys.hpp"
#include "session.hpp"

namespace ddb::split {

/// Zero: the replica is none of the range's.
NodeId node_of(const proto::RangeDescriptor& range, ReplicaId replica);
/// "1,3"
std::string nodes_of(const proto::RangeDescriptor& range, const std::vector<ReplicaId>& replicas);
/// "ok", "stopped", "damaged:" and the nodes.
std::string state_of(const proto::RangeDescriptor& range, const proto::Health& health);

Result<std::vector<proto::NodeInfo>> read_nodes(Session& session);
Result<proto::AdminReply> ask(Session& session, const proto::NodeInfo& node, const proto::AdminRequest& request);
Result<proto::NodeStatusReply> ask_status(Session& session, const proto::NodeInfo& node);

}  // namespace ddb::split
