// The data directory of a simulated store: what a crash leaves of it is decided by the seed.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "env/snapshot_files.hpp"
#include "env/state.hpp"
#include "proto/log.hpp"
#include "range/store.hpp"
#include "world.hpp"

namespace sim {

using Table = std::map<ddb::Bytes, ddb::Bytes, std::less<>>;
using Tables = std::array<Table, ddb::env::table_count>;

/// A store's state in memory.
class State final : public ddb::env::State {
 public:
  explicit State(Tables tables) : tables_{std::move(tables)} {}

  std::optional<ddb::BytesView> get(ddb::env::Table table, ddb::BytesView key) override;
  std::unique_ptr<ddb::env::Cursor> cursor(ddb::env::Table table) override;
  void apply(const ddb::env::WriteBatch& batch) override;
  const Tables& tables() const { return tables_; }

 private:
  Tables tables_;
};

/// Outlives the processes that use it. `state` and `log` are what a power loss leaves.
struct Disk {
  ddb::StoreId store;
  uint64_t cluster = 0;
  ddb::NodeId node;
  ddb::Incarnation incarnation;

  Tables state;
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
