// What a store's log holds: records of its replicas, in batches (REPLICAS.md, Log). On disk: fields append only.
#pragma once

#include <compare>
#include <optional>
#include <tuple>
#include <vector>

#include "base/ids.hpp"
#include "proto/raft.hpp"

namespace ddb::proto {

/// A replica, for ever: neither id returns.
struct ReplicaKey {
  RangeId range;
  ReplicaId replica;

  auto operator<=>(const ReplicaKey&) const = default;
  static constexpr auto fields() { return std::tuple{&ReplicaKey::range, &ReplicaKey::replica}; }
};

/// One replica's part of a batch. Its members take effect in the order in which they stand here.
struct LogRecord {
  ReplicaKey key;
  std::optional<Base> begin;            // BEGIN: the log starts anew after it; voids all entries before this record (W5)
  std::vector<Entry> entries;           // contiguous; void the replica's entries at and above the first's index (W5)
  std::optional<HardState> hard_state;  // merged with others by W6, never by position

  bool operator==(const LogRecord&) const = default;
  static constexpr auto fields() {
    return std::tuple{&LogRecord::key, &LogRecord::begin, &LogRecord::entries, &LogRecord::hard_state};
  }
};

/// One group commit: durable whole or not at all (W1). `number` is one above that of the batch before; a store
/// that restarts goes on above the last one recovered. No records: an idle batch, which covers the last one (W2).
/// At most one record of a replica.
struct LogBatch {
  BatchNumber number;
  std::vector<LogRecord> records;

  bool operator==(const LogBatch&) const = default;
};

/// What a flush makes durable of a replica, and the log need not keep (W7).
struct FlushedReplica {
  ReplicaKey key;
  LogIndex base;      // entries at or below are needless
  bool dead = false;  // under a tombstone: all of the replica's records are needless

  bool operator==(const FlushedReplica&) const = default;
};

}  // namespace ddb::proto
