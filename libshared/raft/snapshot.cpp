// Compaction and snapshots: thesis 5, I3. The core knows of a snapshot only where it ends and who was a member there.
#include "raft/core.hpp"

#include "base/rule.hpp"

namespace ddb::raft {

void Raft::Impl::applied(LogIndex index) {
  DDB_ASSERT(index <= applicable());
  applied_ = std::max(applied_, index);
}

void Raft::Impl::compact(LogIndex index) {
  if (index <= log_.base().index) return;  // an installed snapshot was faster
  DDB_ASSERT(index <= applied_);
  log_.compact(index);
  configs_.compact(index);
}

// To one that does not answer, none is made.
void Raft::Impl::want_snapshot(Follower& follower) {
  if (is_active(follower)) {
    follower.to_snapshot(log_.base().index);
    fx_.snapshots_wanted.push_back(follower.id);
  } else {
    follower.to_probe();
    follower.paused = true;
  }
}

// Whether it has arrived: the answer may have been lost.
void Raft::Impl::ask_for_snapshot(Follower& follower) {
  follower.nudge = false;
  follower.append_round = lead_->round;
  send(follower.id, proto::AppendEntries{
                        .prev = log_.base(), .commit = hard_.commit, .round = lead_->round, .entries = {}});
}

void Raft::Impl::snapshot_failed(ReplicaId peer) {
  Follower* follower = find(peer);
  if (!follower || follower->state != Follower::State::snapshot) return;
  follower->to_probe();
  follower->paused = true;
  follower->append_round = lead_->round;  // until it answers a later heartbeat
}

void Raft::Impl::on(const RaftMessage& m, const proto::InstallSnapshot& snapshot) {
  if (lead_) return;
  if (m.term == hard_.term) follow(m.from);
  const Base base = snapshot.base;
  if (!check_config(snapshot.config) || base.term > hard_.term) return;
  if (base.index > hard_.commit) {
    if (log_.holds(base)) {
      hard_.commit = base.index;  // what follows stays (I3)
    } else {
      replace_log(snapshot);
    }
  }
  acknowledge(leader_ ? leader_ : m.from, hard_.commit, 0);
}

// Whoever led before, and was voted for, still is: only what is below the base's term is over.
void Raft::Impl::initialise(const Base& base, Config config, Instant now) {
  DDB_ASSERT(!log_.last().index);
  DDB_ASSERT(!lead_);
  advance(now);
  if (hard_.term < base.term) become_follower(base.term, ReplicaId{});
  if (!DDB_KEEPS("C1")) hard_.vote = {};
  replace_log({base, std::move(config)});
  arm_election_timer();
}

void Raft::Impl::replace_log(const proto::InstallSnapshot& snapshot) {
  const LogIndex index = snapshot.base.index;
  forget_written_from(log_.base().index.next());
  log_.reset(snapshot.base);
  configs_ = ConfigHistory{index, snapshot.config};
  hard_.commit = applied_ = handed_index_ = index;  // durable once the batch with BEGIN is proven (B2)
  fx_.begin = snapshot.base;
}

}  // namespace ddb::raft
