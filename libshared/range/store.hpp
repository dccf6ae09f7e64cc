// The replicas of one data directory, and the one log and state that they share.
//
// Deterministic, one thread, no I/O: the shell (host/) and the simulator feed it and obey it.
//   inputs    peer, request, closed, oracle_answer, tick, batch_proven, flushed
//   outputs   take(): messages, replies, questions to the oracle
//             next_batch(): what to write and sync next, asked for whenever the log is idle
//             checkpoint(): at the switch of a flush
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "env/random.hpp"
#include "proto/log.hpp"
#include "proto/wire.hpp"
#include "range/checker.hpp"
#include "range/clearing.hpp"
#include "range/collection.hpp"
#include "range/founder.hpp"
#include "range/log_recovery.hpp"
#include "range/oracle_calls.hpp"
#include "range/quiet.hpp"
#include "range/replica.hpp"
#include "range/reporter.hpp"
#include "range/snapshot_receiver.hpp"
#include "range/snapshot_sender.hpp"
#include "range/timestamps.hpp"

namespace ddb::range {

struct StoreIdentity {
  uint64_t cluster = 0;
  StoreId store;
  NodeId node;
  Incarnation incarnation;
};

/// What the logs of all replicas together may keep in memory, once it is applied and flushed, for others that lack it.
struct TruncationOptions {
  size_t keep_bytes = 8 << 20;       // in any case: who lags a little needs no snapshot
  size_t keep_bytes_max = 32 << 20;  // for followers that lag much; beyond, they get snapshots
};

struct StoreOptions {
  raft::Options raft;  // id and seed are set per replica
  TruncationOptions truncation;
  uint64_t seed = 0;
  bool has_oracle = true;  // false: this is an oracle's own store, without lease, map or first range
  // F3: what was overwritten or erased this long ago, in oracle time, may go, unless the metadata say otherwise. No read
  // reaches further back without protection, and no commit can be repeated later (P9: it must outlast any retry). Ten
  // minutes hold a long report, and bound what a row that changes all the time costs.
  Duration collect_age = std::chrono::minutes{10};
  Duration check_interval = std::chrono::hours{24};  // H1: of each range, unless the metadata say otherwise
};

/// How much room the disk has (A7).
enum class Space : uint8_t {
  ample,
  low,   // first mark: no client writes
  none,  // second mark: no appends
};

/// Answer to a client: `body` as in proto::ClientReply.
struct StoreReply {
  RequestToken to;
  Bytes body;
};

struct StoreOutputs {
  std::vector<proto::PeerBatch> messages;  // at most one per peer store
  std::vector<StoreReply> replies;
  std::vector<OracleCall> oracle_calls;
  std::vector<proto::Locked> orphans;  // V4: to be found out about at their anchors, in whatever range these are
  std::vector<std::string> warnings;    // one line each, for people
  std::optional<Error> failed;  // the store cannot go on: the process must end
};

/// What one flush carries; given back when it is durable.
struct Checkpoint {
  std::vector<std::pair<RangeId, ReplicaRecord>> records;
  std::vector<ReplicaRecord> births;  // replicas that begin to live once this is durable
  std::vector<uint64_t> installed;    // snapshot files of no more use then

  /// In the terms of the log's release rule (W7).
  std::vector<proto::FlushedReplica> for_log() const;
};

class Store final : private ReplicaContext, private SnapshotHost {
 public:
  /// Recovers every replica from the state's records and the log, and applies what is known to be
  /// committed before anything is answered (A5). bad_data: log and state disagree (W5), naming the range.
  /// `next` is the number of the first batch to come.
  static Result<std::unique_ptr<Store>> recover(const StoreOptions& options, const StoreIdentity& identity,
                                                env::State& state, env::SnapshotFiles& files,
                                                std::vector<proto::LogBatch> log, BatchNumber next,
                                                MachineFactory factory, Instant now);
  ~Store() override;

  /// Creates a replica with a descriptor that all its first replicas share: C5, and an oracle's own group.
  /// Does nothing when there is a trace of the range here. The replica lives from the next flush on: until its
  /// record is durable it takes part in nothing, so a crash leaves either no trace or a whole replica.
  void create(const proto::RangeDescriptor& descriptor);

  // Inputs. `now` never goes back; wall clock in Unix milliseconds.
  void tick(Instant now, uint64_t wall_millis);  // at next_tick(), or earlier
  void peer(const proto::PeerBatch& batch, Instant now);
  void request(RequestToken from, RangeId range, BytesView body, Instant now);
  void closed(ConnectionId connection, Instant now);
  void oracle_answer(uint64_t token, Result<proto::OracleReply> reply, Instant now);
  void batch_proven(BatchNumber batch, Instant now);
  void unreachable(StoreId peer, Instant now);
  void snapshot_made(uint64_t id, Result<env::SnapshotMade> made, Instant now);
  void snapshot_sealed(uint64_t id, Result<void> done, Instant now);
  void scanned(uint64_t id, Result<RowSum> sum, Instant now);
  void space(Space left, Instant now);
  /// Hands over every leadership (before a clean stop). Returns how many are still led.
  size_t drain(Instant now);

  /// H1: begins a check of those of the ranges that are led here; none named: of all. Returns how many.
  size_t check(const std::vector<RangeId>& ranges, Instant now);

  /// Carries out what the inputs caused. Call once per turn, before taking outputs.
  void settle(Instant now);
  StoreOutputs take();
  /// The next group commit, or nullopt when there is nothing to make durable.
  std::optional<proto::LogBatch> next_batch(Instant now);
  bool next_batch_pending() const { return !records_.empty(); }
  /// When tick() has something to do; later inputs may bring it forward.
  Instant next_tick() const;
  /// A batch without records, for a log that has gone idle: it covers the last one (W2).
  proto::LogBatch cover_batch(Instant now);

  /// Adds the replicas' records to the generation that is about to be flushed (A2).
  Checkpoint checkpoint(env::WriteBatch& out);
  void flushed(const Checkpoint& checkpoint, Instant now);
  /// W8: these replicas pin old segments of the log.
  void rewrite(const std::vector<proto::ReplicaKey>& pinning);

  std::set<uint64_t> snapshot_files() const;  // that replicas are being installed from
  proto::NodeStatusReply status() const;
  const Replica* replica(RangeId range) const;
  bool has_unflushed() const { return unflushed_; }
  bool wants_flush() const { return wants_flush_; }  // now, rather than in its time

 private:
  Store(const StoreOptions& options, const StoreIdentity& identity, env::State& state, env::SnapshotFiles& files,
        MachineFactory factory, BatchNumber next, Instant now);

  // ReplicaContext.
  Instant now() const override { return now_; }
  uint64_t wall_millis() const override { return wall_millis_; }
  uint64_t random() override { return random_.next(); }
  env::State& state() override { return state_; }
  bool store_lease_valid() const override { return !options_.has_oracle || now_ < lease_until_; }
  bool space_low() const override { return space_ != Space::ample; }
  const Allowance& allowance() const override { return collection_.allowance(); }
  void cleared(const env::KeySpan& span) override { collection_.cleared(span); }
  void reply(RequestToken to, Bytes body) override { replies_.push_back({to, std::move(body)}); }
  void want_timestamp(Replica& replica, uint64_t leadership, uint64_t cookie) override;
  bool has_trace(RangeId range) const override;
  void orphaned(proto::Locked locked) override { orphans_.push_back(std::move(locked)); }
  const proto::RangeDescriptor* holder_of(BytesView key) const override;
  void touch(Replica& replica) override { dirty_.insert(replica.range()); }

  // SnapshotHost.
  Replica* find(RangeId range) override;
  void send(const Replica& from, ReplicaId to, proto::PeerBody body) override;
  bool overlaps(const proto::RangeDescriptor& descriptor) const override;
  void give_up(const Replica& replica, const proto::RangeDescriptor& next) override;

  void start_replica(RangeId range, ReplicaRecord record, raft::Initial initial);
  void first_range_found(const proto::RangeDescriptor& descriptor);
  raft::Options raft_options(ReplicaId id);
  void gather(Replica& replica);
  void add_record(proto::LogRecord record);
  void deliver(StoreId from, const proto::PeerMessage& message);
  Replica* conceive(const proto::PeerMessage& message);
  void release_bound();
  void send(const Replica& from, std::vector<proto::RaftMessage> messages, std::vector<proto::PeerBatch>& out);
  void heartbeat_oracle();
  void truncate_logs();
  bool disk_stalled();
  bool busy() const;

  // store_quiet.cpp
  void follow_peers();
  void tick_replicas(bool stalled);
  void tick_quiet_leaders();
  void wake(Replica& replica);
  void wake_relying_on(StoreId peer);
  bool retire(Replica& replica);
  bool heard_in_sleep(Replica& replica, StoreId from, const proto::PeerMessage& message);
  void told_to_rest(Replica& replica, const proto::PeerMessage& message, const proto::Rest& rest);
  void beat();
  proto::PeerBatch& batch_to(StoreId peer);  // that leaves next
  void note_deadline(const Replica& replica);
  void report_leadership(const Replica& replica);
  void install(Replica& replica);

  // store_split.cpp
  void bear(Replica& left, const proto::RangeDescriptor& right);
  std::vector<proto::RangeInfo> other_halves(const proto::RangeDescriptor& half) const;
  bool must_not_live(const proto::ReplicaKey& key);
  void clear();

  // store_check.cpp
  void watch_health(const Replica& replica);
  Replica* stalest(Timestamp now, Duration interval);

  const StoreOptions options_;
  const StoreIdentity identity_;
  env::State& state_;
  env::SnapshotFiles& files_;
  const MachineFactory factory_;
  Random random_;
  Instant now_;
  uint64_t wall_millis_ = 0;

  std::map<RangeId, std::unique_ptr<Replica>> replicas_;
  std::set<RangeId> dirty_;
  std::set<RangeId> installing_;
  std::set<RangeId> unproven_;  // took part in batches that may not be proven yet
  Quiet quiet_;
  Instant raft_due_{};          // no group that is awake needs a tick earlier
  Instant quiet_leaders_due_{};

  // The batch being gathered, and the messages bound to batches not yet proven (B1).
  BatchNumber gathering_;
  BatchNumber proven_;
  std::map<RangeId, proto::LogRecord> records_;
  std::map<BatchNumber, std::vector<proto::PeerBatch>> bound_;

  std::optional<Instant> writing_since_;  // of the batch that is being made durable
  Instant calm_until_{};                  // A8
  bool stalled_ = false;
  Space space_ = Space::ample;

  std::vector<proto::PeerBatch> messages_;
  std::vector<StoreReply> replies_;
  std::vector<proto::Locked> orphans_;

  OracleCalls calls_;
  TimestampQueue timestamps_{calls_};
  Reporter reporter_{calls_};
  Collection collection_;
  std::optional<Founder> founder_;
  std::map<RangeId, std::pair<Term, proto::Epoch>> reported_;
  Instant lease_until_{};
  Instant next_heartbeat_{};
  bool heartbeating_ = false;
  bool unflushed_ = false;
  std::map<RangeId, proto::Base> flushed_bases_;
  std::vector<ReplicaRecord> births_;
  std::map<RangeId, RecoveredReplica> unborn_;  // while recovering: wait for the split that bears them
  Clearings clearings_;

  SnapshotSender sender_;
  SnapshotReceiver receiver_;
  Scanner scanner_;
  Checker checker_;
  std::set<RangeId> damaged_;  // of which that has been said
  std::vector<std::string> warnings_;
  size_t install_budget_;  // bytes of rows until the next flush: the overlay stays bounded
  std::vector<uint64_t> installed_;
  bool wants_flush_ = false;
  std::optional<Error> failed_;
};

}  // namespace ddb::range
