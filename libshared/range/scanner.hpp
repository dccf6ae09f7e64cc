// Goes over the rows of this store's replicas when their leaders ask what they hold (H1).
#pragma once

#include <map>
#include <optional>

#include "env/snapshot_files.hpp"
#include "proto/wire.hpp"
#include "range/row_sum.hpp"

namespace ddb::range {

class Replica;
class SnapshotHost;

/// One scan at a time for the whole store, of what has been flushed: it is in nobody's way. Both must outlive it.
class Scanner {
 public:
  Scanner(env::SnapshotFiles& files, SnapshotHost& host) : files_{files}, host_{host} {}

  /// What the replica has to say of the check at that index by now; if that is nothing yet, it is wanted from here on.
  proto::CheckAnswer ask(const Replica& replica, LogIndex check);
  /// The answer, if it is one. Else the next question has the rows gone over again.
  std::optional<std::pair<RangeId, proto::CheckAnswer>> scanned(uint64_t id, const Result<RowSum>& sum);
  /// There has been a flush.
  void start_next();

 private:
  struct Wanted {
    ReplicaId replica;
    LogIndex check;

    bool operator==(const Wanted&) const = default;
  };
  struct Scan {
    uint64_t id;
    RangeId range;
    Wanted what;
    env::KeySpan span;  // of the range
  };
  struct Known {
    ReplicaId replica;
    proto::CheckAnswer answer;
  };

  std::optional<proto::CheckAnswer> answer_of(const Scan& scan, const RowSum& sum) const;

  env::SnapshotFiles& files_;
  SnapshotHost& host_;
  uint64_t last_id_ = 0;
  std::optional<Scan> scan_;
  std::map<RangeId, Wanted> wanted_;
  std::map<RangeId, Known> known_;  // the last of each
};

}  // namespace ddb::range
