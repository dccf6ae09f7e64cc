// One replica of one range: its Raft, its machine, and what joins them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "proto/admin.hpp"
#include "proto/log.hpp"
#include "proto/wire.hpp"
#include "raft/raft.hpp"
#include "range/machine.hpp"
#include "range/installer.hpp"
#include "range/rate.hpp"
#include "range/record.hpp"

namespace ddb::range {

class Replica;

/// What a replica gets from its store.
class ReplicaContext {
 public:
  virtual ~ReplicaContext() = default;
  virtual Instant now() const = 0;
  virtual uint64_t wall_millis() const = 0;
  virtual uint64_t random() = 0;
  virtual env::State& state() = 0;
  virtual bool store_lease_valid() const = 0;  // D5
  virtual bool space_low() const = 0;          // A7
  virtual const Allowance& allowance() const = 0;
  virtual void cleared(const env::KeySpan& span) = 0;
  virtual void reply(RequestToken to, Bytes body) = 0;
  /// Replica::timestamp(leadership, cookie, ts) when it comes, if the replica still lives.
  virtual void want_timestamp(Replica& replica, uint64_t leadership, uint64_t cookie) = 0;
  virtual bool has_trace(RangeId range) const = 0;
  virtual void orphaned(proto::Locked locked) = 0;
  virtual const proto::RangeDescriptor* holder_of(BytesView key) const = 0;
  /// Has settle() called once more before outputs are taken.
  virtual void touch(Replica& replica) = 0;
};

using MachineFactory = std::function<std::unique_ptr<Machine>(MachineHost&)>;

/// How much log one replica may keep for others of what it has applied and flushed.
struct KeptLog {
  size_t bytes = 0;                // its newest entries stay in any case
  bool slow_followers = false;     // a leader also keeps what any follower still lacks
  std::optional<LogIndex> pinned;  // a snapshot on its way ends here: what follows it stays
};

/// Deterministic; one thread. Life, as far as the log tells:
///
///   uninitialised --snapshot installed--> serving
///   uninitialised --its left neighbour splits here--> serving
///   created with a descriptor (C5) --> serving
class Replica final : public MachineHost {
 public:
  /// `record` and `initial` agree: see Store's recovery.
  Replica(ReplicaContext& context, RangeId range, const raft::Options& options, ReplicaRecord record,
          raft::Initial initial, const MachineFactory& factory);
  ~Replica() override;

  RangeId range() const { return range_; }
  const raft::Raft& raft() const { return raft_; }
  bool initialised() const { return static_cast<bool>(descriptor_.id); }
  proto::ReplicaStatus status() const;
  bool wants_threshold() const { return announced_ && machine_->wants_threshold(); }

  /// Where a member is: as the descriptor says, or else, while there is none, where it was heard from.
  StoreId store_of(ReplicaId member) const;
  void heard(ReplicaId member, StoreId from) { if (!initialised()) heard_from_[member] = from; }

  // Inputs.
  void step(const proto::RaftMessage& message);
  void request(RequestToken from, BytesView body);
  void closed(ConnectionId connection);
  void tick();
  void timestamp(uint64_t leadership, uint64_t cookie, Timestamp ts);
  void proven(BatchNumber batch);
  void transfer_away();  // hands leadership to the most caught-up voter, if it leads
  raft::Raft& raft() { return raft_; }

  // Quiet (Q1): Raft's time stands still until wake(). The store says when: range/quiet.hpp.
  bool quiet() const { return quiet_; }
  void sleep() { quiet_ = true; }
  void wake();
  /// What a leader tells the others, if nothing was asked of it since `since` and nothing is under way.
  std::optional<proto::Rest> restful(Instant since) const;
  bool agrees(ReplicaId from, const proto::Rest& rest) const;

  /// What one batch gathers from this replica.
  struct Gathered {
    std::vector<proto::RaftMessage> now;         // B1: free
    std::vector<proto::RaftMessage> after_sync;  // B1: bound to the batch
    std::optional<proto::LogRecord> record;
    std::vector<ReplicaId> snapshots_wanted;
  };
  Gathered gather(BatchNumber batch);
  BatchNumber gathered() const { return gathered_; }  // the last batch that took anything from it
  /// Applies what is committed and proven here (A1), tells the machine what became of its wishes.
  void settle();

  /// S1: its left neighbour here has split. Term and vote of the time before stay (C1).
  void begin(const proto::RangeDescriptor& descriptor, const proto::Base& base, proto::Config config);
  std::optional<Instant> begun() const { return begun_; }  // when that was, in this life
  /// The ranges that what was applied since the last call split off.
  std::vector<proto::RangeDescriptor> take_split_off() { return std::exchange(split_off_, {}); }

  // Snapshots (I3). From start_switch() on nothing is applied and no message is heard until the flush that holds
  // the switch is durable; then the log begins anew, and rows follow in pieces.
  void start_switch(ReplicaId from, const proto::SnapshotChunk& head);
  bool switching() const { return switch_.has_value(); }
  /// What the snapshot makes of it; without one, what it is.
  const proto::RangeDescriptor& switching_to() const { return switch_ ? switch_->record.descriptor : descriptor_; }
  bool installing() const { return switch_ || installer_; }
  std::vector<env::TableSpan> spans() const { return spans(descriptor_); }
  std::vector<env::TableSpan> spans(const proto::RangeDescriptor& descriptor) const { return machine_->spans(descriptor); }
  /// Puts the next rows in place, about `bytes_max` of them. Returns the bytes put. An error stops the store.
  Result<size_t> install(env::SnapshotFiles& files, size_t bytes_max);

  // H1. A damaged replica serves nobody and stands back from leading; it votes and applies on.
  const proto::Health* health() const { return machine_->health(); }
  bool damaged() const { return damaged_; }
  bool met_damage() const { return machine_->met_damage(); }
  void begin_check(Timestamp now) { machine_->begin_check(now); }
  void conclude_check(LogIndex check, std::vector<ReplicaId> damaged, std::vector<ReplicaId> silent, bool stopped);
  LogIndex flushed_applied() const { return flushed_applied_; }

  // Flush.
  ReplicaRecord record() const;
  void flushed(const ReplicaRecord& record);  // now durable in the state
  /// Truncates the log down to what may be kept, as far as the last flush allows.
  void truncate(const KeptLog& kept);
  /// W8: everything the log holds of this replica, to be written anew at its head.
  proto::LogRecord rewrite();

  // MachineHost.
  Instant now() const override { return context_.now(); }
  uint64_t wall_millis() const override { return context_.wall_millis(); }
  uint64_t random() override { return context_.random(); }
  env::State& state() override { return context_.state(); }
  const proto::RangeDescriptor& descriptor() const override { return descriptor_; }
  ReplicaId id() const override { return raft_.id(); }
  bool leads() const override { return announced_; }
  Term term() const override { return raft_.term(); }
  ReplicaId leader() const override { return raft_.leader(); }
  bool lease_valid() const override;
  bool space_low() const override { return context_.space_low(); }
  const Allowance& allowance() const override { return context_.allowance(); }
  void cleared(const env::KeySpan& span) override { context_.cleared(span); }
  bool config_settled() const override;
  bool has_trace(RangeId range) const override { return context_.has_trace(range); }
  void orphaned(proto::Locked locked) override { context_.orphaned(std::move(locked)); }
  const proto::RangeDescriptor* holder_of(BytesView key) const override { return context_.holder_of(key); }
  void split(const proto::RangeDescriptor& left, const proto::RangeDescriptor& right) override;
  Result<LogIndex> propose(Bytes command, uint64_t cookie) override;
  void confirm(uint64_t cookie) override;
  void want_timestamp(uint64_t cookie) override;
  void reply(RequestToken to, Bytes body) override { context_.reply(to, std::move(body)); }

 private:
  struct Proposal {
    Term term;
    uint64_t cookie;
  };
  struct Switch {
    ReplicaId from;
    ReplicaRecord record;
    proto::Config config;
  };
  struct PendingHardState {
    BatchNumber batch;
    proto::HardState hard;
  };

  void finish_switch();
  void follow_role();
  void follow_health();
  bool is_damaged(ReplicaId member) const;
  void resign();
  void apply_one(const proto::Entry& entry);
  void apply_config(const proto::Entry& entry, env::WriteBatch& out);
  std::optional<uint64_t> own_cookie(const proto::Entry& entry);
  void serve_confirmed();

  ReplicaContext& context_;
  const RangeId range_;
  proto::RangeDescriptor descriptor_;
  raft::Raft raft_;
  std::unique_ptr<Machine> machine_;

  Term led_term_;           // of the leadership that the machine's wishes belong to; zero: not leading
  uint64_t leadership_ = 0;  // counts leaderships: answers to older ones are dropped
  bool announced_ = false;  // the machine was told became_leader

  std::map<LogIndex, Proposal> proposals_;
  std::map<uint64_t, uint64_t> confirming_;     // read context -> cookie
  std::multimap<LogIndex, uint64_t> confirmed_;  // waits for apply -> cookie
  uint64_t last_context_ = 0;

  std::optional<Instant> begun_;
  std::optional<proto::RangeDescriptor> shrunk_;  // what this range is once the entry in hand is applied
  std::vector<proto::RangeDescriptor> split_off_;
  Term applied_term_;
  BatchNumber gathered_;          // the last one that took from this replica
  proto::HardState proven_hard_;  // W6: a flush carries only this
  std::vector<PendingHardState> unproven_hard_;
  LogIndex flushed_applied_;
  std::map<ReplicaId, StoreId> heard_from_;
  bool quiet_ = false;
  bool damaged_ = false;
  Instant active_;  // when something was last asked of it
  Rate requests_;
  std::optional<Switch> switch_;
  std::optional<Installer> installer_;
};

}  // namespace ddb::range
