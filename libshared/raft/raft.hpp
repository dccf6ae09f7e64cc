// One member of one Raft group: consensus and nothing else.
//
// Sources: "paper" is Ongaro and Ousterhout, In Search of an Understandable Consensus Algorithm (2014);
// "thesis" is Ongaro, Consensus: Bridging Theory and Practice (2014). L1, A1, B1, B2, W5 are rules of the
// transaction and replica protocols.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "env/clock.hpp"
#include "proto/raft.hpp"

namespace ddb::raft {

using proto::Base;
using proto::Config;
using proto::ConfigChange;
using proto::Entry;
using proto::EntryKind;
using proto::HardState;
using proto::RaftMessage;

enum class Role : uint8_t { follower, pre_candidate, candidate, leader };

struct Options {
  ReplicaId id;
  Duration heartbeat_interval = std::chrono::milliseconds{100};
  Duration election_timeout = std::chrono::milliseconds{1000};  // drawn anew from [T, 2T) on each state change
  Duration clock_drift_max = std::chrono::milliseconds{100};    // over one election timeout; shortens the lease (L1)
  bool pre_vote = true;
  bool check_quorum = true;
  size_t append_bytes_max = 1 << 20;        // entries in one message, at least one entry
  uint32_t inflight_messages_max = 64;      // un-acknowledged appends to one follower
  size_t uncommitted_bytes_max = 64 << 20;  // proposals beyond are refused with try_again
  uint64_t seed = 0;
};

/// What a member starts from: new, or recovered from its log.
struct Initial {
  HardState hard;              // commit <= the last entry: a log that lost some must not be started (W5)
  Base base;                   // the log starts after it
  Config config;               // in force at `base`
  std::vector<Entry> entries;  // contiguous, from base.index + 1; all durable
  LogIndex applied;            // at or above base.index
  bool restarted = false;      // neither votes nor campaigns for one full election timeout (L1)
};

/// A linearizable read may be served once everything up to `index` is applied (thesis 6.4).
struct ReadReady {
  uint64_t context = 0;
  LogIndex index;
};

/// What the member wants done, drained by take().
struct Effects {
  std::vector<RaftMessage> now;         // free messages (B1)
  std::optional<HardState> hard_state;  // to make durable in this batch; a new commit index alone does not ask for it
  std::optional<Base> begin;            // a snapshot replaced the log: switch, then BEGIN(base) before `entries` (I3, W5)
  std::vector<Entry> entries;           // to append in this batch; voids all at and above the first's index (W5)
  std::vector<RaftMessage> after_sync;  // to send once this batch is proven (B1)
  std::vector<ReadReady> reads;
  std::vector<uint64_t> reads_failed;         // leadership lost before they were confirmed: contexts
  std::vector<ReplicaId> snapshots_wanted;    // these lag behind base: send each a snapshot

  bool must_sync() const { return hard_state || begin || !entries.empty() || !after_sync.empty(); }
};

/// Single-threaded, free of I/O and clocks. `now` never goes back.
/// Call order of a host: any inputs; take(batch); make it durable; synced(batch).
class Raft {
 public:
  Raft(const Options& options, Initial initial, Instant now);
  ~Raft();
  Raft(Raft&&) noexcept;

  // Inputs.
  void tick(Instant now);  // at least every heartbeat_interval / 2, unless the group is quiet (Q1)
  /// The group was quiet, and tick() not called: timers begin anew. A lease has to be confirmed anew (L4).
  void wake(Instant now);
  void step(RaftMessage message, Instant now);  // move it in: its entries go into the log
  /// A pre-election at once (S3). Nothing on a learner, a leader or a non-member, nor while a leader heard from or
  /// the life before a restart may rely on our vote being withheld (L1).
  void campaign(Instant now);
  /// Whether it stands back: it never campaigns, nor takes over, and votes as ever (H1). Not in the log: the host tells.
  void stand_back(bool yes);
  /// A split gives a member that has nothing but a hard state its first log (C1, S1): term and vote stay, or are raised
  /// to the base's. BEGIN(base) goes into the next batch.
  void initialise(const Base& base, Config config, Instant now);
  /// The index it will have if it commits. not_leader; try_again: too much uncommitted, or handing over.
  Result<LogIndex> propose(Bytes data, Instant now);
  /// One change at a time, after an entry of the own term (thesis 4.1, raft-dev 2015).
  /// not_leader; refused: says why (one in flight, no entry of the own term yet, no voters left, illegal step).
  Result<LogIndex> propose_config(ConfigChange change, Instant now);
  /// Leadership to `to` (thesis 3.10); gives up after an election timeout. refused: unknown, self, learner.
  Result<void> transfer(ReplicaId to, Instant now);
  /// Asks a quorum whether we still lead (thesis 6.4); answered in Effects::reads or reads_failed. The caller
  /// bounds how many it has waiting; those between two take() share one heartbeat round.
  void read_index(uint64_t context, Instant now);
  void synced(BatchNumber batch);      // every take() up to this batch is proven
  void applied(LogIndex index);        // applied by the host, in order
  void compact(LogIndex index);        // forget entries at or below; index <= applied
  void unreachable(ReplicaId peer);    // its connection broke: back to probing
  void snapshot_failed(ReplicaId peer);  // its snapshot was not delivered: probe again later

  /// Everything since the last call; what is to be durable belongs to `batch`, which never goes back.
  Effects take(BatchNumber batch);
  bool has_effects() const;

  // What is known.
  Role role() const;
  Term term() const;
  ReplicaId leader() const;  // zero: unknown
  ReplicaId id() const;
  const Config& config() const;  // in force: the last appended
  LogIndex config_index() const;  // of the entry that set it, or of the base; uncommitted while above commit_index()
  const Config& config_at(LogIndex index) const;  // base <= index <= last; for a snapshot taken there
  HardState hard_state() const;
  Base base() const;
  Base last() const;
  LogIndex commit_index() const;
  LogIndex durable_index() const;    // the last own entry proven to be durable (B2)
  LogIndex applied_index() const;
  /// Committed and proven here (A1): what the host may apply, up to and including.
  LogIndex applicable() const;
  const Entry& entry(LogIndex index) const;  // base < index <= last
  Term term_at(LogIndex index) const;        // base <= index <= last
  bool in_own_term() const;   // leads, and has applied an entry of its own term
  bool lease_valid(Instant now) const;  // L1, but for the store's lease; false after TimeoutNow was sent
  Instant next_deadline() const;  // tick() does nothing before it
  /// Leads a group that may become quiet (Q1): every member holds everything and was told that it is committed, it is
  /// applied here, and nothing is under way. A follower agrees if it has the same term, last entry and commit index.
  bool at_rest() const;
  size_t log_bytes() const;       // entries held in memory
  struct Progress {
    ReplicaId id;
    LogIndex match;
    LogIndex next;
    bool snapshot = false;   // waiting for a snapshot to arrive
    bool active = false;     // heard from within an election timeout
    bool learner = false;
  };
  std::vector<Progress> progress() const;  // of a leader: every other member, by id

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ddb::raft
