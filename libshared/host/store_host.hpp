// Runs one store: the deterministic core on the loop's thread, a log writer and a flusher beside it.
//
//   loop thread    core, network, reads of the state
//   log writer     one write and one sync per batch; the core gathers the next one meanwhile
//   flusher        generations into LMDB, and what the log needs made ready
// Neither of the two ever waits for the other.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "lmdb/store.hpp"
#include "net/loop.hpp"
#include "range/store.hpp"

namespace ddb::host {

struct StoreHostOptions {
  range::StoreOptions core;
  Duration tick_min = std::chrono::milliseconds{5};  // between two ticks of the core
  Duration flush_interval = std::chrono::seconds{2};
  size_t flush_bytes = 64 << 20;  // of overlay: flush at once
  uint32_t segments_max = 8;      // of log, before who pins the oldest is rewritten (W8)
};

/// What the host does with the core's outputs; called on the loop's thread.
struct StoreHostEvents {
  std::function<void(proto::PeerBatch)> send;
  std::function<void(range::StoreReply)> reply;
  std::function<void(range::OracleCall)> oracle;
  std::function<void(std::vector<proto::Locked>)> orphans = {};  // see range::StoreOutputs
  std::function<void(const std::string&)> warning = {};  // one line, for people
  /// A write or sync failed: the store has stopped for good (W4). The process must end.
  std::function<void(const Error&)> failed;
};

class StoreHost {
 public:
  /// `store`, of `directory`, has been opened and adopted. bad_data: as range::Store::recover.
  static Result<std::unique_ptr<StoreHost>> start(net::Loop& loop, std::unique_ptr<lmdb::Store> store,
                                                  const std::string& directory, const StoreHostOptions& options,
                                                  range::MachineFactory factory, StoreHostEvents events);
  ~StoreHost();

  /// For inputs: change the core, then call turn_soon().
  range::Store& core();
  void turn_soon();
  const lmdb::Identity& identity() const;

  /// Hands over leaderships, waits up to `patience` for that, flushes, stops the threads; then `done`.
  void stop(Duration patience, std::function<void()> done);

 private:
  class Impl;
  explicit StoreHost(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Unix milliseconds by CLOCK_REALTIME.
uint64_t wall_clock_millis();

}  // namespace ddb::host
