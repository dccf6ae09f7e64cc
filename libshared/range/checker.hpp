// Compares the replicas of the ranges that this store leads (H1): LMDB's pages carry no checksum, and what a row lacks no
// checksum of its own can tell.
//
//   idle --damage met, asked for, or due--> CheckCommand --applied--> asking --all answered or silent--> VerdictCommand
//
// Whoever leads by then goes on with a check that has no verdict.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "proto/wire.hpp"
#include "range/scanner.hpp"
#include "range/snapshot_sender.hpp"
#include "range/timestamps.hpp"

namespace ddb::range {

class Checker {
 public:
  static constexpr Duration ask_interval = std::chrono::milliseconds{500};
  static constexpr Duration patience = std::chrono::seconds{10};      // with a member that says nothing
  static constexpr Duration look_interval_max = std::chrono::minutes{1};
  static constexpr Duration retry_stopped = std::chrono::minutes{1};  // a range that has stopped

  /// Of the ranges led here that have not been checked for the interval (one that stopped: for retry_stopped), the one
  /// whose last check began first; null: there is none.
  using Stalest = std::function<Replica*(Timestamp now, Duration interval)>;
  using Warn = std::function<void(std::string)>;

  /// `interval`: where the metadata has no setting.
  Checker(SnapshotHost& host, Scanner& scanner, OracleCalls& calls, TimestampQueue& timestamps, Duration interval,
          Stalest stalest, Warn warn);

  /// The range is to be checked, if it is led here and not being checked.
  void want(RangeId range);
  /// After the replica has applied something, or its role may have changed.
  void look_at(const Replica& replica, Instant now);
  void answered(const Replica& replica, ReplicaId from, const proto::CheckAnswer& answer, Instant now);
  void tick(Instant now);
  Instant due() const;

 private:
  struct Underway {
    LogIndex check;
    std::map<ReplicaId, proto::CheckAnswer> answers;
    std::map<ReplicaId, Instant> heard;
    Instant begun;
    Instant next_ask;
  };

  void begin(Timestamp now);
  void ask(Replica& replica, Underway& check, Instant now);
  bool is_complete(const Replica& replica, const Underway& check, Instant now) const;
  void conclude(Replica& replica, const Underway& check);
  void look_for_due(Instant now);
  void read_interval(const Result<proto::OracleReply>& reply);

  SnapshotHost& host_;
  Scanner& scanner_;
  OracleCalls& calls_;
  TimestampQueue& timestamps_;
  const Duration default_interval_;
  Duration interval_;
  const Stalest stalest_;
  const Warn warn_;
  std::map<RangeId, Underway> underway_;
  std::set<RangeId> wanted_;  // wait for a timestamp
  bool looking_ = false;
  Instant next_look_ = Instant::min();  // min: since the first tick
};

}  // namespace ddb::range
