// The data directory of a simulated store: what a crash leaves of it is decided by the seed.
#pragma once

#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "env/snapshot_files.hpp"
#include "oracle/founding.hpp"
#include "proto/log.hpp"
#include "range/store.hpp"
#include "unit/support/memory_state.hpp"
#include "world.hpp"

namespace sim {

using Rows = ddb::test::MemoryState;

/// What a process sees: the rows of its last flush, and what it has applied since.
class State final : public ddb::env::State {
 public:
  explicit State(Rows flushed) : rows_{std::move(flushed)} {}

  std::optional<ddb::BytesView> get(ddb::env::Table table, ddb::BytesView key) override { return rows_.get(table, key); }
  std::unique_ptr<ddb::env::Cursor> cursor(ddb::env::Table table) override { return rows_.cursor(table); }
  void apply(const ddb::env::WriteBatch& batch) override {
    rows_.apply(batch);
    since_.ops.insert(since_.ops.end(), batch.ops.begin(), batch.ops.end());
  }
  /// A2: the generations switch.
  ddb::env::WriteBatch take_since() { return std::exchange(since_, {}); }

 private:
  Rows rows_;
  ddb::env::WriteBatch since_;
};

/// Outlives the processes that use it. `state` and `log` are what a power loss leaves.
struct Disk {
  ddb::StoreId store;
  uint64_t cluster = 0;
  ddb::NodeId node;
  ddb::Incarnation incarnation;
  std::vector<uint64_t> boots;  // as in lmdb::Identity
  ddb::oracle::FoundingState founding;  // of an oracle

  Rows state;
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
  /// W8: what keeps the oldest batch of a log that has become long.
  std::vector<ddb::proto::ReplicaKey> pinning() const;

  static constexpr size_t log_batches_max = 150;
};

}  // namespace sim
