// The data directory of a simulated store: what a crash leaves of it is decided by the seed.
#pragma once

#include <deque>
#include <map>

#include "env/snapshot_files.hpp"
#include "proto/log.hpp"
#include "range/store.hpp"
#include "unit/support/memory_state.hpp"
#include "world.hpp"

namespace sim {

using State = ddb::test::MemoryState;

/// Outlives the processes that use it. `state` and `log` are what a power loss leaves.
struct Disk {
  ddb::StoreId store;
  uint64_t cluster = 0;
  ddb::NodeId node;
  ddb::Incarnation incarnation;

  State state;
  std::deque<ddb::proto::LogBatch> log;
  ddb::BatchNumber last_batch;  // ever proven

  struct File {
    ddb::Bytes data;
    bool sealed = false;
  };
  std::map<uint64_t, File> files;

  // Faults in force.
  bool full = false;    // nothing can be written
  Instant stalled{};    // no sync ends before

  /// W7: batches that a flush has made needless go, oldest first.
  void release(const ddb::range::Checkpoint& flushed, ddb::BatchNumber proven);
};

}  // namespace sim
