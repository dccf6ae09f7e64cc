// What a leader knows of one other member, and how much it may send there.
#pragma once

#include <cstdint>
#include <vector>

#include "proto/raft.hpp"

namespace ddb::raft {

/// Appends on their way, by the last index of each; oldest first.
class Inflight {
 public:
  size_t count() const { return lasts_.size() - head_; }
  void add(LogIndex last) { lasts_.push_back(last); }
  /// Those that `match` acknowledges have arrived.
  void free_to(LogIndex match) {
    while (head_ < lasts_.size() && lasts_[head_] <= match) ++head_;
    if (head_ * 2 < lasts_.size()) return;
    lasts_.erase(lasts_.begin(), lasts_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
  void clear() {
    lasts_.clear();
    head_ = 0;
  }

 private:
  std::vector<LogIndex> lasts_;
  size_t head_ = 0;
};

//                 accepted                 base passed next
//   probe --------------------> replicate ----------------> snapshot
//     ^  refused, unreachable       |                          |
//     +-----------------------------+--------------------------+  arrived, failed
//
// probe      the point of agreement is unknown: one append at a time, the next after an answer or a heartbeat's
// replicate  it is known: appends follow each other without waiting, up to a bounded number
// snapshot   the log does not reach back that far: no entries are sent until the host has delivered a snapshot
struct Follower {
  enum class State : uint8_t { probe, replicate, snapshot };

  explicit Follower(ReplicaId follower, LogIndex first) : id{follower}, next{first} {}

  ReplicaId id;
  State state = State::probe;
  LogIndex match;        // its log is known to agree up to here, durably
  LogIndex next;         // the next entry to send; above match
  LogIndex commit_told;  // the highest commit index it may have learnt
  uint64_t round = 0;    // the latest heartbeat round it answered (L1)
  uint64_t append_round = 0;  // the round in force when it was last sent an append
  bool paused = false;   // probe: waits for an answer
  bool nudge = false;    // an append, or the answer to a snapshot, may have been lost: ask with an empty append
  LogIndex snapshot;     // snapshot: the one asked for ends here or later
  Inflight inflight;

  void to_probe() {
    state = State::probe;
    next = match.next();
    paused = nudge = false;
    inflight.clear();
  }
  void to_replicate() {
    to_probe();
    state = State::replicate;
  }
  void to_snapshot(LogIndex base) {
    to_probe();
    state = State::snapshot;
    snapshot = base;
  }
};

}  // namespace ddb::raft
