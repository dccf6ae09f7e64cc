// The log of one store: batches of records in segment files, one sync per batch (REPLICAS.md, W1-W8).
//
// DIR/<number>.log are segments, DIR/spare-<n> are zero-filled or used-up files to make the next ones from.
// Threads: append() on the log writer; everything else says where it may be called.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "env/fs.hpp"
#include "proto/log.hpp"

namespace ddb::wal {

struct Options {
  uint64_t segment_bytes = 16 << 20;  // a multiple of block_bytes; a larger batch gets a larger segment
  uint32_t spares = 2;                // files always kept ready for the next segments (A7); a busy log keeps more
};

/// Batches begin on a fresh block, so that a torn write cannot harm the one before (W1).
constexpr uint64_t block_bytes = 4096;
/// Longest encoded batch. The core keeps batches far below; only a whole log rewritten by W8 comes near.
constexpr uint64_t batch_bytes_max = 1 << 30;

/// Where the log stands, as the last synced LMDB transaction tells it. Zeroes: a new store.
struct Position {
  uint64_t first_segment = 0;  // below it files are rubbish, above it a missing one is damage (W7)
  uint64_t last_segment = 0;   // existed then: must still
  BatchNumber last_batch;      // proven then: must be readable (W2)

  auto operator<=>(const Position&) const = default;
  static constexpr auto fields() {
    return std::tuple{&Position::first_segment, &Position::last_segment, &Position::last_batch};
  }
};

class Log {
 public:
  /// Reads the log of `store` in `directory`, checks all of it, and opens a new segment that holds the last
  /// valid batch again (W3): afterwards everything in `recovered` is durable. The next batch is the one above the last.
  /// Nothing below position.first_segment is touched until release().
  /// Errors: bad_data (damage: names file and offset; W2, W7), refused (another store's), store_full, io.
  static Result<std::unique_ptr<Log>> open(env::FileSystem& files, std::string directory, StoreId store,
                                           const Position& position, const Options& options,
                                           std::vector<proto::LogBatch>& recovered);
  ~Log();

  /// Log writer. Writes and syncs; on success the batch is proven, and its number is the log's last.
  /// batch.number must be next_batch(). After an error, whatever its code, every later call fails (W4).
  /// Damage to the very last batch would pass for a torn tail: an idle store appends one without records (W2).
  Result<void> append(const proto::LogBatch& batch);
  BatchNumber next_batch() const;  // log writer

  /// Any thread. Position to store in the LMDB transaction that makes `flushed` durable: `proven` is the last
  /// batch proven when the flushed generation was cut; hard states up to it are in that flush (W7).
  Position flushing(BatchNumber proven, const std::vector<proto::FlushedReplica>& flushed);
  /// Flusher. The transaction that holds `position` is durable: needless segments become spares or go (W7).
  Result<void> release(const Position& position);
  /// Any thread. Replicas but for which all but the newest `segments_max` segments could go, once their hard
  /// states are flushed (W8).
  std::vector<proto::ReplicaKey> pins(uint32_t segments_max) const;
  /// Flusher. Makes the spares that are missing; slow (zero-fills). store_full: to be tried again.
  Result<void> prepare_spares();
  uint32_t segments() const;  // any thread; files in use
  Position position() const;  // any thread; as of now

 private:
  class Impl;
  explicit Log(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ddb::wal
