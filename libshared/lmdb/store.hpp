// One store: log, state and identity in one data directory (REPLICAS.md; DESIGN.md section 3).
//
//   DIR/lock      held while a process uses DIR (A6); holds its pid
//   DIR/log/      segments of the log (wal/log.hpp)
//   DIR/state/    the LMDB environment: tables of env/state.hpp, and the store's own record
//   DIR/flush     a generation halfway into LMDB (lmdb/flush_image.hpp)
//   DIR/reserve   space kept back for a flush on a full disk (A7)
//
// Threads of the host, and what each calls:
//   any one thread   open(), adopt(); then, before the others start: recovered()
//   core             state(), overlay_bytes(), cut(), finish(), snapshot()
//   log writer       log().append(), log().next_batch()
//   flusher          Flush::step() until done, and its destruction; maintain()
//   any              Snapshot (one thread at a time), log().pins()
//
//   core:     while committed and proven (A1): state().apply(batch)
//             every few seconds, or at a size:     state().apply(range records); flush = cut(point)
//   flusher:  while (!done) done = flush->step(), with pauses between slices; maintain()
//   core:     finish(*flush)
//   flusher:  flush.reset()         // frees the generation: milliseconds, not for the core
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "env/fs.hpp"
#include "env/state.hpp"
#include "proto/log.hpp"
#include "wal/log.hpp"

namespace ddb::lmdb {

/// What a store is. Zero cluster and node: not yet adopted.
struct Identity {
  StoreId store;            // drawn at random when the directory was made (Z3)
  uint64_t cluster = 0;
  NodeId node;
  Incarnation incarnation;  // raised by every open (A6)
  std::vector<uint64_t> boots;  // nonces: of the last registration that is known here, and of every open since (A6)

  bool operator==(const Identity&) const = default;
  static constexpr auto fields() {
    return std::tuple{&Identity::store, &Identity::cluster, &Identity::node, &Identity::incarnation, &Identity::boots};
  }
};

struct StoreOptions {
  wal::Options log;
  uint64_t map_bytes = uint64_t{1} << 40;  // address space for LMDB, not disk; multiple of 4096
  uint32_t slice_ops = 2000;               // operations per transaction of a flush (A2); zero: one transaction
  uint64_t reserve_bytes = 64 << 20;       // kept back for a flush (A7); zero: none
  /// Reading the state failed: damage, or an I/O error. Must not return. Default: says so and exits with 74.
  std::function<void(const Error&)> fatal;
};

/// What goes with a generation into its flush.
struct FlushPoint {
  BatchNumber proven;                           // the last proven batch at the cut
  std::vector<proto::FlushedReplica> replicas;  // all whose base moved or that died since the last cut; at first: all
};

/// How much space is left (A7), worst last.
enum class SpaceState : uint8_t {
  ample,
  low,   // first mark: no client writes; reads, collection and moving away go on
  none,  // second mark: no appends
};

/// One generation on its way into LMDB. Flusher's.
class Flush {
 public:
  virtual ~Flush() = default;
  /// One synced transaction, or the file that goes before the first of several. True: the flush is complete, and log segments that it made needless are gone (W7);
  /// let the core finish() it.
  /// store_full: nothing was written, call again when there is space (W4). Any other error stops the store.
  virtual Result<bool> step() = 0;
};

/// The state as of the last finished flush, for one reader (I1): no overlay, its own LMDB transaction.
/// One thread at a time. Pins LMDB pages: copy to a file, then destroy it.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual Result<std::optional<Bytes>> get(env::Table table, BytesView key) = 0;  // the range record, of table `range`
  /// Appends rows of `spans`, in order, as puts to `chunk`, until it has about `bytes_max` more bytes.
  /// `spans` shrinks to what is left; empty: all has been read.
  virtual Result<void> read(std::vector<env::TableSpan>& spans, size_t bytes_max, env::WriteBatch& chunk) = 0;
};

class Store {
 public:
  /// Opens or makes the store in `directory`: locks it, checks LMDB and log, and raises the incarnation and draws a
  /// nonce in a synced transaction (A6). Errors: refused (in use, another format), bad_data (damage, named),
  /// cannot_create, store_full, io.
  static Result<std::unique_ptr<Store>> open(const std::string& directory, const StoreOptions& options);
  /// The same with the log's files, lock and directories on `files` (tests).
  static Result<std::unique_ptr<Store>> open(const std::string& directory, const StoreOptions& options,
                                             env::FileSystem& files);
  virtual ~Store() = default;

  virtual const Identity& identity() const = 0;
  /// The oracle has registered it: sets cluster and node, durably, once and for ever, and that the last of boots is known.
  /// refused: it belongs to another one.
  virtual Result<void> adopt(uint64_t cluster, NodeId node) = 0;
  /// What the log holds, in order, for range/log_recovery.hpp. Empties it.
  virtual std::vector<proto::LogBatch> recovered() = 0;

  virtual env::State& state() = 0;
  virtual size_t overlay_bytes() const = 0;  // both generations; to be bounded (A8)
  /// Ends the current generation and starts a new one. At most one flush at a time: finish() comes first.
  virtual std::shared_ptr<Flush> cut(FlushPoint point) = 0;
  /// The flush is complete: reads go to its result, then its generation leaves the overlay (A3).
  virtual void finish(Flush& flush) = 0;
  /// try_again: a sliced flush is under way (A2).
  virtual Result<std::unique_ptr<Snapshot>> snapshot() = 0;

  virtual wal::Log& log() = 0;
  /// After each flush and about once a second: spare segments, reserve, and how much space is left.
  virtual Result<SpaceState> maintain() = 0;
};

}  // namespace ddb::lmdb
