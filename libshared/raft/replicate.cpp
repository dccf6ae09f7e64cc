// A leader's log: proposals, what is sent to whom, and what is committed (thesis 3.5, 3.6.2, 10.2).
#include "raft/core.hpp"

namespace ddb::raft {

Result<LogIndex> Raft::Impl::propose(Bytes data, Instant now) {
  advance(now);
  if (!lead_) return fail(Code::not_leader, "this replica does not lead");
  if (lead_->transferee) return fail(Code::try_again, "leadership is being handed over");
  const size_t size = data.size() + entry_overhead;
  if (lead_->uncommitted_bytes > 0 && lead_->uncommitted_bytes + size > options_.uncommitted_bytes_max)
    return fail(Code::try_again, "too many bytes wait for a quorum");
  return append_own(proto::EntryKind::command, std::move(data));
}

LogIndex Raft::Impl::append_own(proto::EntryKind kind, Bytes data) {
  const LogIndex index = log_.last().index.next();
  log_.append({.term = hard_.term, .index = index, .kind = kind, .data = std::move(data)});
  lead_->uncommitted_bytes += size_of(log_.at(index));
  lead_->replicate = true;
  return index;
}

// Called by take(): all that was proposed since the last call travels together.
void Raft::Impl::replicate() {
  if (!std::exchange(lead_->replicate, false)) return;
  for (Follower& follower : lead_->followers) {
    while (may_send(follower)) send_append(follower);
    tell_commit(follower);
  }
}

bool Raft::Impl::may_send(const Follower& follower) const {
  switch (follower.state) {
    case Follower::State::probe: return !follower.paused && follower.match < log_.last().index;
    case Follower::State::replicate:
      return follower.nudge ||
             (follower.next <= log_.last().index && follower.inflight.count() < options_.inflight_messages_max);
    case Follower::State::snapshot: return follower.nudge;
  }
  return false;
}

void Raft::Impl::send_append(Follower& follower) {
  if (follower.state == Follower::State::snapshot) return ask_for_snapshot(follower);
  const LogIndex prev = follower.next.prev();
  if (prev < log_.base().index) return want_snapshot(follower);

  proto::AppendEntries append{
      .prev = {prev, log_.term_at(prev)}, .commit = hard_.commit, .round = lead_->round, .entries = {}};
  if (follower.inflight.count() < options_.inflight_messages_max)
    append.entries = log_.copy(follower.next, options_.append_bytes_max);
  const LogIndex sent = prev.plus(append.entries.size());

  follower.nudge = false;
  follower.append_round = lead_->round;
  if (follower.state == Follower::State::probe) {
    follower.paused = true;
  } else {
    if (!append.entries.empty()) follower.inflight.add(sent);
    follower.next = sent.next();
    follower.commit_told = std::max(follower.commit_told, std::min(hard_.commit, sent));
  }
  send(follower.id, std::move(append));
}

// A follower learns of a commit at once, by a heartbeat that asks for no answer, unless an append has told it.
void Raft::Impl::tell_commit(Follower& follower) {
  const LogIndex known = std::min(hard_.commit, follower.match);
  if (follower.state != Follower::State::replicate || known <= follower.commit_told) return;
  follower.commit_told = known;
  send(follower.id, proto::Heartbeat{.commit = known, .round = 0});
}

void Raft::Impl::on(const RaftMessage& m, const proto::AppendEntriesReply& reply) {
  Follower* follower = find(m.from);
  if (!follower) return;
  on_round_answered(*follower, reply.round);
  if (reply.rejected) {
    on_rejected(*follower, reply);
  } else if (reply.match <= log_.last().index) {
    on_accepted(*follower, reply.match);
  }
}

void Raft::Impl::on_accepted(Follower& follower, LogIndex match) {
  lead_->replicate = true;
  follower.inflight.free_to(match);
  follower.match = std::max(follower.match, match);
  follower.next = std::max(follower.next, follower.match.next());
  const bool arrived = follower.state == Follower::State::snapshot && follower.match >= follower.snapshot;
  if (follower.state == Follower::State::probe || arrived) follower.to_replicate();
  maybe_commit();  // may end the leadership
  if (lead_) maybe_finish_transfer();
}

void Raft::Impl::on_rejected(Follower& follower, const proto::AppendEntriesReply& reply) {
  const LogIndex refused = reply.match;
  switch (follower.state) {
    case Follower::State::replicate:
      if (refused <= follower.match) return;  // late
      follower.to_probe();
      break;
    case Follower::State::probe: {
      if (refused != follower.next.prev() || refused <= follower.match) return;  // late
      // Never below a match, and always lower than what was refused.
      const LogIndex agreement = log_.agreement(std::min(reply.hint.index, refused.prev()), reply.hint.term);
      follower.next = std::max(agreement.next(), follower.match.next());
      follower.paused = false;
      break;
    }
    case Follower::State::snapshot:
      if (reply.hint.index < follower.snapshot) return;  // still on its way
      follower.to_probe();  // it has arrived, but the log was compacted further meanwhile
      break;
  }
  lead_->replicate = true;
}

void Raft::Impl::on(const RaftMessage& m, const proto::HeartbeatReply& reply) {
  Follower* follower = find(m.from);
  if (!follower) return;
  on_round_answered(*follower, reply.round);
  // It is there, and this heartbeat was sent after the last append: what is still missing may have been lost.
  if (reply.round <= follower->append_round || follower->match == log_.last().index) return;
  follower->paused = false;
  follower->nudge = follower->state != Follower::State::probe;
  lead_->replicate = true;
}

void Raft::Impl::unreachable(ReplicaId peer) {
  Follower* follower = find(peer);
  if (follower && follower->state == Follower::State::replicate) follower->to_probe();
}

// Counts this member by its durable entries only (B2, thesis 10.2.1), and entries of its own term only: an
// earlier one on a majority can still be overwritten (paper 5.4.2, figure 8).
void Raft::Impl::maybe_commit() {
  const LogIndex reached{quorum_value(configs_.latest(), [&](ReplicaId voter) {
    if (voter == id()) return DDB_KEEPS("B2.leader") ? durable_.value : log_.last().index.value;
    const Follower* follower = find(voter);
    return follower ? follower->match.value : 0;
  })};
  if (reached <= hard_.commit) return;
  if (!DDB_KEEPS("raft.own-term") || log_.term_at(reached) == hard_.term) advance_commit(reached);
}

void Raft::Impl::advance_commit(LogIndex index) {
  const bool first = hard_.commit < lead_->own;
  for (LogIndex i = hard_.commit.next(); i <= index; i = i.next()) lead_->uncommitted_bytes -= size_of(log_.at(i));
  hard_.commit = index;
  lead_->replicate = true;
  if (first) release_postponed_reads();
  leave_joint_when_due();
  step_down_when_removed();
}

Follower* Raft::Impl::find(ReplicaId peer) {
  if (!lead_) return nullptr;
  for (Follower& follower : lead_->followers)
    if (follower.id == peer) return &follower;
  return nullptr;
}

bool Raft::Impl::at_rest() const {
  const LogIndex last = log_.last().index;
  if (!lead_ || applied_ != last || hard_.commit != last || durable_ != last) return false;
  if (is_joint(configs_.latest()) || lead_->transferee || !lead_->reads.empty()) return false;
  return std::all_of(lead_->followers.begin(), lead_->followers.end(), [&](const Follower& follower) {
    return follower.match == last && follower.commit_told == last;
  });
}

std::vector<Raft::Progress> Raft::Impl::progress() const {
  std::vector<Progress> out;
  if (!lead_) return out;
  for (const Follower& follower : lead_->followers) {
    out.push_back({.id = follower.id,
                   .match = follower.match,
                   .next = follower.next,
                   .snapshot = follower.state == Follower::State::snapshot,
                   .active = is_active(follower),
                   .learner = !is_voter(configs_.latest(), follower.id)});
  }
  return out;
}

}  // namespace ddb::raft
