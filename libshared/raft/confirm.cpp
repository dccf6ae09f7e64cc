// Heartbeat rounds and what a quorum of answers proves: the lease (L1), check-quorum (thesis 6.2), reads (6.4).
//
// A round is a number that a leader's heartbeats and appends carry and their answers name. Only the time a
// heartbeat was sent is kept: a later round counts from the heartbeat before it, which is earlier and so safe.
#include "raft/core.hpp"

namespace ddb::raft {
namespace {
constexpr uint64_t every_round = std::numeric_limits<uint64_t>::max();  // we vote alone: nobody is asked
}

void Raft::Impl::open_round() {
  ++lead_->round;
  lead_->round_unsent = true;
}

void Raft::Impl::beat() {
  lead_->heartbeat_due = now_ + options_.heartbeat_interval;
  open_round();
  auto& marks = lead_->marks;
  marks.push_back({lead_->round, now_});
  // The newest one that is too old for a lease stays, for the rounds after it.
  while (marks.size() > 1 && marks[1].sent + options_.election_timeout <= now_) marks.erase(marks.begin());
  send_heartbeats();
}

void Raft::Impl::send_heartbeats() {
  for (Follower& follower : lead_->followers) {
    const LogIndex known = std::min(hard_.commit, follower.match);
    follower.commit_told = std::max(follower.commit_told, known);
    send(follower.id, proto::Heartbeat{.commit = known, .round = lead_->round});
  }
}

void Raft::Impl::on_round_answered(Follower& follower, uint64_t round) {
  follower.round = std::max(follower.round, DDB_KEEPS("L1.named") ? std::min(round, lead_->round) : lead_->round);
  release_reads();
}

/// The latest round that a quorum of the configuration in force has answered; zero: none.
uint64_t Raft::Impl::answered_round() const {
  return quorum_value(configs_.latest(), [&](ReplicaId voter) {
    if (voter == id()) return every_round;
    const Follower* follower = find(voter);
    return follower ? follower->round : 0;
  });
}

Instant Raft::Impl::sent_at(uint64_t round) const {
  Instant sent = Instant::min();
  for (const Mark& mark : lead_->marks)
    if (mark.round <= round) sent = mark.sent;
  return sent;
}

Instant Raft::Impl::quorum_contact(Instant now) const {
  const uint64_t round = answered_round();
  return round == every_round ? now : sent_at(round);
}

bool Raft::Impl::lease_valid(Instant now) const {
  if (!lead_ || !options_.check_quorum) return false;
  if (DDB_KEEPS("L1.transfer") && lead_->timeout_now_sent) return false;
  if (!DDB_KEEPS("L1.lease")) return true;
  return now < quorum_contact(now) + (options_.election_timeout - options_.clock_drift_max);
}

/// Within an election timeout, a leader has spoken to us; or, leading, a quorum has.
bool Raft::Impl::leader_alive() const {
  const Instant contact = lead_ ? std::max(quorum_contact(now_), lead_->since) : heard_;
  return now_ < contact + options_.election_timeout;
}

bool Raft::Impl::is_active(const Follower& follower) const {
  return now_ < sent_at(follower.round) + options_.election_timeout;
}

void Raft::Impl::read_index(uint64_t context, Instant now) {
  advance(now);
  if (!lead_) {
    fx_.reads_failed.push_back(context);
  } else if (hard_.commit < lead_->own && DDB_KEEPS("raft.read-own-term")) {
    lead_->reads_postponed.push_back(context);  // what is committed is not known yet (thesis 6.4)
  } else {
    start_read(context);
  }
}

void Raft::Impl::start_read(uint64_t context) {
  if (!lead_->round_unsent && DDB_KEEPS("raft.read-round")) {
    open_round();
    send_heartbeats();
  }
  lead_->reads.push_back({{context, hard_.commit}, lead_->round});
  release_reads();
}

void Raft::Impl::release_reads() {
  if (lead_->reads.empty()) return;
  const uint64_t answered = answered_round();
  while (!lead_->reads.empty() && lead_->reads.front().round <= answered) {
    fx_.reads.push_back(lead_->reads.front().ready);
    lead_->reads.pop_front();
  }
}

void Raft::Impl::release_postponed_reads() {
  for (const uint64_t context : std::exchange(lead_->reads_postponed, {})) start_read(context);
}

void Raft::Impl::fail_reads() {
  for (const PendingRead& read : lead_->reads) fx_.reads_failed.push_back(read.ready.context);
  for (const uint64_t context : lead_->reads_postponed) fx_.reads_failed.push_back(context);
}

}  // namespace ddb::raft
