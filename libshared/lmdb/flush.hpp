// Writes one generation to LMDB, whole or in slices (A2), and lets the log's needless segments go (W7).
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "env/fs.hpp"
#include "lmdb/environment.hpp"
#include "lmdb/generation.hpp"
#include "lmdb/record.hpp"
#include "lmdb/store.hpp"
#include "wal/log.hpp"

namespace ddb::lmdb {

/// The store's record in memory, equal to the one in LMDB. Any thread.
class KeptRecord {
 public:
  explicit KeptRecord(StoreRecord record) : record_{std::move(record)} {}
  StoreRecord get() const;
  /// Saves the record as `edit` changes it, and commits `txn`.
  Result<void> commit(const Environment& env, WriteTxn& txn, const std::function<void(StoreRecord&)>& edit);

 private:
  mutable std::mutex mutex_;
  StoreRecord record_;  // under mutex_
};

/// Space kept back on the disk, given up when a flush finds none (A7). Flusher's.
class Reserve {
 public:
  Reserve(env::FileSystem& files, std::string path, uint64_t bytes);
  bool release();          // false: there was none
  Result<void> restore();  // store_full: no space for it yet

 private:
  env::FileSystem& files_;
  const std::string path_;
  const uint64_t bytes_;
  bool whole_ = false;
};

/// What a flush works on; outlives it.
struct FlushContext {
  const Environment& env;
  env::FileSystem& files;
  std::string directory;
  wal::Log& log;
  KeptRecord& record;
  Reserve& reserve;
  std::atomic<uint64_t>& commits;  // of flushes, so that the core's reader can follow
};

class FlushJob final : public Flush {
 public:
  /// `slice_ops` zero: one transaction.
  FlushJob(FlushContext& context, std::shared_ptr<const Generation> generation, FlushPoint point, size_t slice_ops);

  Result<bool> step() override;
  bool done() const { return done_; }        // to the core, once the flusher has told it so
  bool sliced() const { return sliced_; }

 private:
  /// The next operation. Range records come last: they move the applied indexes.
  struct Place {
    size_t table = 0;  // index into the order of tables
    Generation::Map::const_iterator at;
  };

  Result<bool> attempt();
  Result<void> prepare_slices();
  Result<void> write_slice(WriteTxn& txn, size_t ops_max);
  Result<void> write_table(WriteTxn& txn, size_t& ops_left);
  Result<void> write_records(WriteTxn& txn);
  Result<void> finish_slice(WriteTxn& txn, bool last);
  Place start_of(size_t table) const;
  Error explain(Error error) const;

  FlushContext& context_;
  const std::shared_ptr<const Generation> generation_;
  const FlushPoint point_;
  const size_t slice_ops_;
  bool sliced_;
  std::optional<uint64_t> image_;  // once it is durable: its size
  Place place_;
  wal::Position position_;  // that the last slice wrote
  bool done_ = false;
};

}  // namespace ddb::lmdb
