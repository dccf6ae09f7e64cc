// What a store knows of its peers' lives, and which of its own groups are awake: Q2, Q3.
//
//            a leader at rest for a while; a follower told so, and agreeing (Q1)
//   awake ---------------------------------------------------------------------> quiet
//     ^     request, message, something to say, peer silent or restarted           |
//     +----------------------------------------------------------------------------+
//
// Nobody ticks a quiet group: it costs nothing. Its leader has no lease until it has asked again (L4); its followers
// rely on the heartbeats of the leader's store, and meanwhile answer nobody who asks for votes. Whoever loses a
// leadership is awake, and its timer will run out: so a group without a leader never sleeps as a whole.
// After a restart every replica is quiet (Q3); a few wake at a time.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "base/ids.hpp"
#include "env/clock.hpp"
#include "proto/wire.hpp"

namespace ddb::range {

class Quiet {
 public:
  static constexpr size_t wakes_per_tick = 4;

  /// `election_timeout`: a peer from which nothing was heard for so long is silent.
  explicit Quiet(Duration election_timeout) : silence_{election_timeout} {}

  // Peers. Any batch is a heartbeat.
  enum class News : uint8_t { none, stale, changed };
  /// stale: from before the sender's restart (A6). changed: it was restarted, or its health got worse.
  News heard(const proto::PeerBatch& batch, Instant now);
  void lost(StoreId peer);
  bool well(StoreId peer) const;
  /// Those that have fallen silent since the last call.
  std::vector<StoreId> fallen_silent(Instant now);

  // Heartbeats to the others.
  bool beat_due(Instant now);
  Instant next_beat() const { return next_beat_; }

  // Own groups.
  void woken(RangeId range);
  void asleep(RangeId range) { awake_.erase(range); }
  void restarted(RangeId range) { dormant_.insert(range); }
  void gone(RangeId range);
  const std::set<RangeId>& awake() const { return awake_; }
  bool any_dormant() const { return !dormant_.empty(); }
  /// The next few of those that have slept since the restart.
  std::vector<RangeId> next_dormant() const;

 private:
  struct Peer {
    Incarnation incarnation;
    Instant heard;
    bool ailing = false;
    bool silent = true;
  };

  const Duration silence_;
  Instant last_look_{};
  Instant next_beat_{};
  std::map<StoreId, Peer> peers_;
  std::set<RangeId> awake_;
  std::set<RangeId> dormant_;
};

}  // namespace ddb::range
