// The state of one member, shared by the files that each hold one decision: roles, vote, append, replicate,
// confirm, read, transfer, membership, snapshot, durable.
//
// Invariants:
// 1. base <= applied <= commit <= last, and applied <= durable once something was applied from the log (A1).
// 2. A message of a term that is not proven waits for the batch that proves it (B1).
// 3. durable_ counts an entry only if the batch that wrote that very entry is proven (B2).
// 4. lead_ exists exactly while role_ is leader.
#pragma once

#include <deque>
#include <string_view>
#include <utility>

#include "base/rule.hpp"
#include "env/random.hpp"
#include "raft/config.hpp"
#include "raft/config_history.hpp"
#include "raft/follower.hpp"
#include "raft/log.hpp"
#include "raft/quorum.hpp"
#include "raft/raft.hpp"

namespace ddb::raft {

class Raft::Impl {
 public:
  Impl(const Options& options, Initial initial, Instant now);

  // As in Raft.
  void tick(Instant now);
  void wake(Instant now);
  void step(RaftMessage message, Instant now);
  void campaign(Instant now);
  void stand_back(bool yes) { stands_back_ = yes; }
  void initialise(const Base& base, Config config, Instant now);
  Result<LogIndex> propose(Bytes data, Instant now);
  Result<LogIndex> propose_config(ConfigChange change, Instant now);
  Result<void> transfer(ReplicaId to, Instant now);
  void read_index(uint64_t context, Instant now);
  void synced(BatchNumber batch);
  void applied(LogIndex index);
  void compact(LogIndex index);
  void unreachable(ReplicaId peer);
  void snapshot_failed(ReplicaId peer);
  Effects take(BatchNumber batch);
  bool has_effects() const;

  ReplicaId id() const { return options_.id; }
  Role role() const { return role_; }
  ReplicaId leader() const { return leader_; }
  const HardState& hard_state() const { return hard_; }
  const Log& log() const { return log_; }
  const ConfigHistory& configs() const { return configs_; }
  LogIndex durable_index() const { return durable_; }
  LogIndex applied_index() const { return applied_; }
  LogIndex applicable() const { return DDB_KEEPS("A1") ? std::min(hard_.commit, durable_) : hard_.commit; }
  bool in_own_term() const { return lead_ && applied_ >= lead_->own; }
  bool lease_valid(Instant now) const;
  Instant next_deadline() const;
  bool at_rest() const;
  std::vector<Progress> progress() const;

 private:
  // A heartbeat round, or the appends and read rounds after it, and when the heartbeat was sent.
  struct Mark {
    uint64_t round = 0;
    Instant sent;
  };
  struct PendingRead {
    ReadReady ready;
    uint64_t round = 0;  // confirmed once a quorum has answered it
  };
  // What exists for one term of leadership, and goes with it.
  struct Leadership {
    LogIndex own;  // its first entry: a no-op of the own term
    Instant since;
    Instant heartbeat_due;
    std::vector<Follower> followers;  // by id: every member but this one
    size_t uncommitted_bytes = 0;
    bool replicate = true;  // take() may find something to send

    uint64_t round = 0;          // the latest one; marks.front().round <= round
    bool round_unsent = false;   // its heartbeats have not left yet, so a read may still join it
    std::vector<Mark> marks;     // the heartbeats of the last election timeout, oldest first
    std::deque<PendingRead> reads;         // by round
    std::vector<uint64_t> reads_postponed;  // contexts, until an entry of the own term is committed

    ReplicaId transferee;  // zero: none
    Instant transfer_deadline;
    bool timeout_now_sent = false;
  };
  // What take() handed out and synced() has not proven yet.
  struct Batch {
    BatchNumber number;
    LogIndex last;  // of what it wrote, the last entry that is still in the log
    HardState hard;
  };

  // roles.cpp: time, terms and roles
  void advance(Instant now);
  void refuse_stale(const RaftMessage& m);
  bool follow(ReplicaId leader);  // a leader of our term spoke; false: that is us
  void become_follower(Term term, ReplicaId leader);
  void become_leader();
  void change_role(Role role);
  void arm_election_timer();
  bool votes_here() const { return is_voter(configs_.latest(), id()); }
  bool votes_alone() const;
  bool may_lead() const;

  // vote.cpp
  void start_election();
  void become_candidate(bool transfer);
  void ask_for_votes(Term term, bool pre, bool transfer);
  void count_votes();
  void record_vote(ReplicaId from, bool granted);
  bool must_not_vote(bool transfer) const;  // L1
  bool unheard(const RaftMessage& m) const;
  void on(const RaftMessage& m, const proto::RequestVote& request);
  void on(const RaftMessage& m, const proto::RequestVoteReply& reply);

  // append.cpp: a follower's side
  void on(const RaftMessage& m, proto::AppendEntries& append);
  void on(const RaftMessage& m, const proto::Heartbeat& heartbeat);
  void refuse_append(const RaftMessage& m, const proto::AppendEntries& append);
  void accept_entries(std::vector<Entry> entries);
  void acknowledge(ReplicaId to, LogIndex match, uint64_t round);

  // replicate.cpp: a leader's side
  void on(const RaftMessage& m, const proto::AppendEntriesReply& reply);
  void on(const RaftMessage& m, const proto::HeartbeatReply& reply);
  void on_accepted(Follower& follower, LogIndex match);
  void on_rejected(Follower& follower, const proto::AppendEntriesReply& reply);
  void replicate();
  bool may_send(const Follower& follower) const;
  void send_append(Follower& follower);
  void tell_commit(Follower& follower);
  LogIndex append_own(proto::EntryKind kind, Bytes data);
  void maybe_commit();
  void advance_commit(LogIndex index);
  Follower* find(ReplicaId id);
  const Follower* find(ReplicaId id) const { return const_cast<Impl*>(this)->find(id); }

  // confirm.cpp: heartbeat rounds, what a quorum of answers proves (L1), and reads
  void open_round();
  void beat();
  void send_heartbeats();
  void on_round_answered(Follower& follower, uint64_t round);
  uint64_t answered_round() const;
  Instant sent_at(uint64_t round) const;
  Instant quorum_contact(Instant now) const;
  bool leader_alive() const;
  bool is_active(const Follower& follower) const;
  void start_read(uint64_t context);
  void release_reads();
  void release_postponed_reads();
  void fail_reads();

  // transfer.cpp
  void on(const RaftMessage& m, const proto::TimeoutNow&);
  void maybe_finish_transfer();
  void abort_transfer();

  // membership.cpp
  void rebuild_followers(LogIndex first);
  void append_config(ConfigChange change);
  bool config_settled() const;
  void leave_joint_when_due();
  void step_down_when_removed();

  // snapshot.cpp
  void on(const RaftMessage& m, const proto::InstallSnapshot& snapshot);
  void want_snapshot(Follower& follower);
  void ask_for_snapshot(Follower& follower);
  void replace_log(const proto::InstallSnapshot& snapshot);

  // durable.cpp: what waits for which batch
  void send(ReplicaId to, proto::RaftBody body);
  void queue(RaftMessage message, bool free);
  void truncate_from(LogIndex index);
  void forget_written_from(LogIndex index);
  bool term_proven() const { return proven_.term == hard_.term; }
  bool vote_proven() const { return term_proven() && proven_.vote == hard_.vote; }
  bool hard_state_due() const { return hard_.term != handed_.term || hard_.vote != handed_.vote; }

  Options options_;
  Random random_;
  Instant now_;

  HardState hard_;
  Log log_;
  ConfigHistory configs_;
  LogIndex applied_;

  Role role_ = Role::follower;
  ReplicaId leader_;
  Duration election_timeout_{};  // drawn from [T, 2T)
  Instant election_deadline_;
  Instant heard_ = Instant::min();         // when a leader last spoke to us
  Instant silent_until_ = Instant::min();  // after a restart
  bool stands_back_ = false;  // H1
  std::vector<std::pair<ReplicaId, bool>> votes_;
  std::optional<Leadership> lead_;

  Effects fx_;
  HardState proven_;              // what synced() has proven
  HardState handed_;              // what take() has handed out
  LogIndex durable_;
  LogIndex handed_index_;         // entries up to it were handed out
  std::vector<Batch> batches_;    // as many as the host has under way, oldest first
  BatchNumber last_batch_;
};

}  // namespace ddb::raft
