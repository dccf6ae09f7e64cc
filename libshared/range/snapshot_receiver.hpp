// Takes in a snapshot, chunk by chunk, and installs it: the lagging replica's side (I3, I4).
#pragma once

#include <map>

#include "range/snapshot_sender.hpp"

namespace ddb::range {

///   idle --first chunk--> receiving --last byte--> sealing --sealed--> switching (Replica) --flushed--> installing
///
/// A chunk of another snapshot starts over; what was received of the old one is dropped.
class SnapshotReceiver {
 public:
  SnapshotReceiver(env::SnapshotFiles& files, SnapshotHost& host) : files_{files}, host_{host} {}

  void chunk(Replica& replica, ReplicaId from, const proto::SnapshotChunk& chunk);
  void sealed(uint64_t id, const Result<void>& done);

 private:
  struct Incoming {
    ReplicaId from;
    proto::SnapshotChunk head;  // without data
    uint64_t received = 0;
    bool sealing = false;
  };

  bool acceptable(const Replica& replica, const proto::SnapshotChunk& chunk) const;
  void answer(const Replica& replica, ReplicaId to, uint64_t snapshot, uint64_t offset, bool refused);
  Incoming& incoming_of(const Replica& replica, ReplicaId from, const proto::SnapshotChunk& chunk);

  env::SnapshotFiles& files_;
  SnapshotHost& host_;
  std::map<RangeId, Incoming> incoming_;
};

}  // namespace ddb::range
