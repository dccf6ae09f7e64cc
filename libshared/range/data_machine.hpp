// The state machine of a range: versions of rows, locks and records of transactions.
//
// The leader evaluates requests, every replica applies commands. Parts: data_state (what commands change),
// evaluate_read, evaluate_commit, evaluate_record, latches, lock_waits, update_queue, sweeper, collector. Here is the order of things, and who
// waits for what:
//
//   request -> known -> latched -> leased -> evaluated -> answered                  a read, a settle, a refusal
//                          ^                    |
//                          |                    +-> proposed -> applied -> leased -> answered     a commit
//                          +-- fresh C (P8) ----+
//                 ^                             |
//                 +-- another's lock, gone (K1) +
//
// A read for an update waits for its turn (K3) before it is latched.
//
//   known    the oracle has given all its timestamps (R1); a write: the floor of this term is known too (L2)
//   latched  nothing that it must see is on its way (R1)
//   leased   this replica leads for certain: by lease, or else by asking a quorum once for all who wait (L1)
//
// Losing leadership fails everyone, with a redirect: in doubt for those who had proposed.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <vector>

#include "mvcc/read_floor.hpp"
#include "mvcc/recent_writes.hpp"
#include "range/collector.hpp"
#include "range/data_state.hpp"
#include "range/evaluate_commit.hpp"
#include "range/evaluate_read.hpp"
#include "range/evaluate_record.hpp"
#include "range/latches.hpp"
#include "range/lock_waits.hpp"
#include "range/machine.hpp"
#include "range/split.hpp"
#include "range/sweeper.hpp"
#include "range/update_queue.hpp"

namespace ddb::range {

struct DataOptions {
  // Requests under way, and their bytes; beyond: try_again.
  size_t requests_max = 8192;
  size_t request_bytes_max = 64 << 20;
  size_t recent_writes_max = 16'384;   // keys that validation remembers; beyond, it walks over rows
  size_t commit_bytes_max = 16 << 20;  // keys and values of one commit; beyond: too_long
  // K1: how long a request waits for another transaction's lock before it is sent to find out about it: behind a younger
  // transaction, and behind an older one. All its locks together, and less than any client waits for one answer: a
  // request that is repeated meanwhile would wait anew, and never hear of the lock.
  Duration lock_patience_older = std::chrono::milliseconds{20};
  Duration lock_patience_younger = std::chrono::milliseconds{250};
  // V4: a PENDING record that its coordinator neither decides nor renews for this long is aborted by who meets its locks.
  Duration pending_patience = std::chrono::seconds{10};
  ReadLimits read;
  UpdateQueueOptions update_queue;
  SweepOptions sweep;
  CollectOptions collect;
  // R1 refuses timestamps above any that the oracle is known to have given. At zero a request with a newer one
  // than this replica has heard of waits while it asks the oracle: one round trip for all such requests.
  // Above zero, timestamps up to that far ahead of the last one heard pass at once: a client that makes them up
  // can then hold writers of what it read back, and hide its own commits, for that long and no longer.
  std::chrono::milliseconds timestamp_slack{0};
};

class DataMachine : public Machine {
 public:
  /// Calls nothing of the host: loaded() must follow before anything else.
  DataMachine(MachineHost& host, const DataOptions& options);

  const DataRecord& record() const { return state_.record(); }

  void apply(LogIndex index, Term term, BytesView command, std::optional<uint64_t> cookie,
             env::WriteBatch& out) override;
  void request(RequestToken from, BytesView body) override;
  void connection_closed(ConnectionId connection) override;
  void became_leader() override;
  void lost_leadership() override;
  void dropped(uint64_t cookie) override;
  void confirmed(uint64_t cookie) override;
  void timestamp(uint64_t cookie, Timestamp ts) override;
  void applied() override;
  void tick() override;
  std::vector<env::TableSpan> spans(const proto::RangeDescriptor& descriptor) const override;
  uint64_t hash() const override { return state_.record().hash; }
  Size size() const override { return {record().rows, record().versions, record().bytes}; }
  Timestamp threshold() const override { return record().threshold; }
  bool wants_threshold() const override {
    return Collector::has_garbage(record(), host_.descriptor().span, host_.allowance());
  }
  const proto::Health* health() const override { return &record().health; }
  bool met_damage() const override { return met_damage_; }
  void begin_check(Timestamp now) override;
  void conclude_check(LogIndex check, std::vector<ReplicaId> damaged, std::vector<ReplicaId> silent, bool stopped) override;
  void loaded() override;

 private:
  using TaskId = uint64_t;  // also the cookie of what is done for it

  /// A request under way.
  struct Task {
    RequestToken from;
    proto::RangeRequest request;
    size_t bytes = 0;
    bool latched = false;    // holds latches, or queues for them
    bool has_turn = false;   // among those who read for an update (K3)
    bool waited = false;     // for others' locks, as long as it may
    std::optional<Instant> waits_until;  // for them; since it met the first
    bool confirmed = false;  // by a quorum, for the next step
    bool proposed = false;
    Timestamp fresh;         // taken for it from the oracle (P8, K3)
    std::optional<proto::RangeReply> answer;  // ready, but not yet leased
  };
  using Tasks = std::map<TaskId, Task>;

  /// Who waits for one answer from elsewhere: it serves those who joined before it was asked for.
  struct Round {
    TaskId cookie = 0;  // of the question under way; zero: none
    std::vector<TaskId> asked;
    std::vector<TaskId> joined;
  };

  void remember_writes(const DataCommand& command);
  void admit(TaskId id, Task& task);
  bool is_known(const Task& task) const;
  void begin_term(Timestamp fresh);
  Timestamp highest_possible(Timestamp heard) const;
  void ask_timestamp();
  void admit_known(const std::vector<TaskId>& waiting, bool asked);
  bool awaits_turn(TaskId id, Task& task);
  void pass_turns(UpdateQueue::Changes changes);
  void latch(TaskId id, Task& task);
  void raise_floor(const proto::RangeRequestBody& body);
  void run();
  void proceed(TaskId id);
  void await_lease(TaskId id);
  void ask_lease();
  void evaluate(TaskId id, Task& task);
  Verdict verdict_of(const Task& task);
  void propose(TaskId id, Task& task, CommandBody command);
  void answer(TaskId id, Task& task, proto::RangeReply reply);
  void await_lock(TaskId id, Task& task, const proto::Locked& locked);
  void relatch(const std::vector<TaskId>& waiters, bool waited);
  void unlatch(TaskId id, Task& task);
  bool is_abandoned(const proto::RecoverRequest& request);
  void note_renewal(const proto::RangeRequestBody& body);
  void sweep();
  void forget(const proto::ForgetRequest& request);
  void propose_forgetting();
  void finish(TaskId id, const proto::RangeReply& what);

  CommitContext commit_context();
  bool is_routed(const proto::RangeRequest& request) const;
  std::optional<proto::RangeReply> barred(bool in_doubt = false) const;
  proto::Redirect redirect(bool in_doubt = false) const;
  proto::Redirect redirect_for(const proto::RangeRequest& request) const;
  void reply(RequestToken to, const proto::RangeReply& what);
  Bytes encode_command(CommandBody body) const;

  bool wants_upkeep() const;
  void follow_collector();
  void wake_for_upkeep();
  void upkeep_confirmed();
  void begin_threshold();
  void propose_threshold();
  void upkeep_applied(const DataCommand& command);

  MachineHost& host_;
  const DataOptions options_;
  DataState state_;

  // All below is the leader's.
  Tasks tasks_;
  size_t task_bytes_ = 0;
  TaskId last_id_ = 0;
  Latches latches_;
  LockWaits lock_waits_;
  UpdateQueue update_queue_;
  bool split_lately_ = false;                 // since the last applied()
  std::vector<Bytes> unlocked_;               // keys whose locks went since the last applied()
  Sweeper sweeper_;
  std::map<Bytes, Instant> pending_met_;      // when a PENDING record was renewed last, or else first asked about
  std::vector<ForgetCommand::Name> resolved_; // records to be marked so, all in one entry
  std::vector<TaskId> ready_;  // to go on, in order
  mvcc::ReadFloor floor_;
  mvcc::ReadFloor record_floor_;
  mvcc::RecentWrites recent_;
  bool floor_known_ = false;  // L2
  Timestamp heard_;           // the highest timestamp from the oracle
  bool heard_lately_ = false; // somebody needed it since the last tick
  Round timestamps_;
  Round leases_;

  bool met_damage_ = false;

  Collector collector_;
  TaskId upkeep_ = 0;    // what the collector is waiting for
  Timestamp threshold_;  // that it is about to propose
};

}  // namespace ddb::range
