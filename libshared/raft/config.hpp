// Configurations: who is in one, and which may follow which (thesis 4.1 to 4.3).
#pragma once

#include <span>
#include <vector>

#include "base/result.hpp"
#include "proto/raft.hpp"

namespace ddb::raft {

struct MemberChange {
  enum class Op : uint8_t { voter, learner, remove };
  Op op = Op::voter;
  ReplicaId id;  // zero: no change
};

bool is_joint(const proto::Config& config);
bool is_voter(const proto::Config& config, ReplicaId id);  // of either half
std::vector<ReplicaId> members_of(const proto::Config& config);  // voters of both halves and learners, sorted

/// refused, all of these, saying why. Changes apply in order; adding what is there or removing what is not does nothing.
/// At most one voter differs afterwards: any two such configurations share a member of every quorum (thesis 4.1).
Result<proto::Config> simple_change(const proto::Config& from, std::span<const MemberChange> changes);
/// Any number of voters; voters that become learners do so on leaving.
Result<proto::Config> enter_joint(const proto::Config& from, bool auto_leave, std::span<const MemberChange> changes);
Result<proto::Config> leave_joint(const proto::Config& from);

/// Whether it is one at all: sorted, disjoint, with voters, at most voters_max in each half.
Result<void> check_config(const proto::Config& config);
/// Whether `to` may follow `from`: the same, a simple change, or entering or leaving a joint one.
Result<void> check_step(const proto::Config& from, const proto::Config& to);

}  // namespace ddb::raft
