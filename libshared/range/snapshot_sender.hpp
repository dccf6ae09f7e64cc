// Brings a replica that fell behind the log up to a snapshot: the leader's side (I1, I2).
#pragma once

#include <optional>

#include "env/random.hpp"
#include "env/snapshot_files.hpp"
#include "proto/wire.hpp"
#include "range/replica.hpp"

namespace ddb::range {

/// What both sides of a transfer get from their store.
class SnapshotHost {
 public:
  virtual ~SnapshotHost() = default;
  virtual Replica* find(RangeId range) = 0;
  virtual void send(const Replica& from, ReplicaId to, proto::PeerBody body) = 0;
  /// Another range that lives here has keys in common with it (C2), or rows there wait to be cleared (C3).
  virtual bool overlaps(const proto::RangeDescriptor& descriptor) const = 0;
  /// The replica is about to become that of `next`: what it has beyond goes (C3).
  virtual void give_up(const Replica& replica, const proto::RangeDescriptor& next) = 0;
};

/// One transfer at a time for the whole store; who finds it busy is told to ask again.
///
///   idle --want--> making --made--> sending --last byte acknowledged, append accepted--> idle
///     ^------------------- failed, refused, stalled, no longer leader -------------------|
class SnapshotSender {
 public:
  static constexpr size_t chunk_bytes = 512 << 10;
  static constexpr uint64_t window_bytes = 4 * chunk_bytes;  // sent, not yet acknowledged
  static constexpr Duration resend_after = std::chrono::seconds{1};
  static constexpr Duration give_up_after = std::chrono::seconds{30};
  static constexpr Duration birth_patience = std::chrono::seconds{3};

  SnapshotSender(env::SnapshotFiles& files, Random& random, SnapshotHost& host)
      : files_{files}, random_{random}, host_{host} {}

  void want(Replica& replica, ReplicaId to, Instant now);
  void made(uint64_t id, Result<env::SnapshotMade> made, Instant now);
  void acknowledged(const Replica& replica, ReplicaId from, const proto::SnapshotAck& ack, Instant now);
  void tick(Instant now);
  bool idle() const { return !transfer_; }
  /// The log of this range is to be kept from here on (I2).
  std::optional<LogIndex> pinned(RangeId range) const;

 private:
  struct Transfer {
    uint64_t id;
    RangeId range;
    ReplicaId to;
    Term term;  // of the leadership it belongs to
    env::KeySpan span;  // of the range when its rows were asked for
    bool sending = false;
    proto::SnapshotChunk head;  // all but data
    uint64_t sent = 0;
    uint64_t acked = 0;
    Instant progress;  // when `acked` last grew
    Instant resend;
  };

  Replica* leader() const;  // whose transfer it is, while it still leads
  void send_more(const Replica& replica);
  bool arrived(const Replica& replica) const;
  void end(bool delivered);

  env::SnapshotFiles& files_;
  Random& random_;
  SnapshotHost& host_;
  std::optional<Transfer> transfer_;
};

}  // namespace ddb::range
