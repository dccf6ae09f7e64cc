// What a store's log means for each of its replicas after a restart (REPLICAS.md W5, W6, W8, A1, I3).
#pragma once

#include <map>
#include <vector>

#include "base/result.hpp"
#include "proto/log.hpp"
#include "range/record.hpp"

namespace ddb::range {

/// One replica, living or not yet initialised, as its Raft starts again. All of it is durable.
struct RecoveredReplica {
  proto::ReplicaKey key;
  proto::HardState hard;  // merged by W6; commit is at least what was flushed as applied
  proto::Base base;
  std::vector<proto::Entry> entries;  // contiguous, after base
  /// The log's entries are of before the snapshot that `base` comes from, and void. BEGIN(base) never got there:
  /// it must be written before any entry (I3).
  bool needs_begin = false;
  /// No flush knows of it, but its log begins like that of a range born by a split: its left neighbour's log holds the
  /// split, as committed (A5). Until that is applied it must not live.
  bool unborn = false;

  bool operator==(const RecoveredReplica&) const = default;
};

/// Merges the log's batches, in order, with what the last flush wrote of each range. Replicas at or below their
/// range's tombstone are left out. Sorted by key.
/// bad_data: a gap, a change below commit, or two votes in one term (W5, W6); the store must not start.
Result<std::vector<RecoveredReplica>> recover_log(std::vector<proto::LogBatch> batches,
                                                  const std::map<RangeId, ReplicaRecord>& flushed);

}  // namespace ddb::range
