// Handing leadership over: thesis 3.10.
#include "raft/core.hpp"

namespace ddb::raft {

Result<void> Raft::Impl::transfer(ReplicaId to, Instant now) {
  advance(now);
  if (!lead_) return fail(Code::not_leader, "this replica does not lead");
  if (to == id()) return fail(Code::refused, "this replica leads already");
  const auto& voters = configs_.latest().voters;
  if (!std::binary_search(voters.begin(), voters.end(), to))
    return fail(Code::refused, "only a voter can take over", "name another replica");
  if (lead_->transferee == to) return {};
  lead_->transferee = to;
  lead_->transfer_deadline = now + options_.election_timeout;
  maybe_finish_transfer();
  return {};
}

// The successor must have the whole log, or it could not win.
void Raft::Impl::maybe_finish_transfer() {
  if (!lead_->transferee || find(lead_->transferee)->match != log_.last().index) return;
  lead_->timeout_now_sent = true;  // L1: it may be elected at any moment from now on, even if we give up
  send(lead_->transferee, proto::TimeoutNow{});
}

void Raft::Impl::abort_transfer() {
  lead_->transferee = ReplicaId{};
  leave_joint_when_due();  // which waits for the end of a transfer
}

void Raft::Impl::on(const RaftMessage& m, const proto::TimeoutNow&) {
  if (role_ == Role::follower && m.from == leader_ && may_lead() && now_ >= silent_until_) become_candidate(true);
}

}  // namespace ddb::raft
