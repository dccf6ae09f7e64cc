// Rowids for rows that bring none: blocks leased from the metadata store by compare-and-set.
//
// Unique always, dense from one gateway, gaps allowed; after an explicit id the next one is above it, as in SQLite.
// A gateway that ends gives back what is left of its newest block, so that one after the other leave no gaps.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "base/result.hpp"
#include "env/meta.hpp"
#include "env/random.hpp"

namespace ddb::sql {

/// One gateway's sequences. Thread-safe; a call that needs a block makes one or two metadata requests.
class RowIds {
 public:
  /// Blocks grow from block_min to block_max ids as a table asks for more.
  static constexpr uint64_t block_min = 32;
  static constexpr uint64_t block_max = 1 << 16;

  RowIds(env::Meta& meta, uint64_t seed) : meta_{meta}, random_{seed} {}

  /// An id that no next() anywhere has given for this table. It may still meet a row that brought its own id on another
  /// gateway: then the write says exists, and the caller asks again. When 2^63-1 is reached: a random one in
  /// [1, 2^62], as SQLite does, or, for AUTOINCREMENT, store_full ("database or disk is full").
  Result<int64_t> next(uint64_t table, bool autoincrement);
  /// A row brings its own id: later ones come after it. Cheap below the leased block's end. Ids below 1 do not count.
  Result<void> observe(uint64_t table, int64_t rowid);
  /// The gateway ends: blocks that nobody has leased beyond are shortened to what was given, so that a script of one-shot
  /// gateways numbers its rows without gaps. No next() may follow. Errors are gaps.
  void give_back();
  /// The table is gone: forgets what is leased here.
  void forget(uint64_t table);
  /// What sqlite_sequence shows: the highest id that may have been given; nullopt: none ever was.
  /// Exact, unless other gateways hold blocks.
  Result<std::optional<int64_t>> last(uint64_t table);

 private:
  struct Sequence {
    uint64_t next = 1;       // the first id not given yet
    uint64_t end = 1;        // of the leased block, exclusive; at most 2^63
    uint64_t block = block_min;
    Revision mark;           // of the shared mark when the block was leased
  };
  /// Leases a block from the higher of the shared mark and `at_least`; or another thread has leased one: look again.
  Result<void> lease(uint64_t table, uint64_t block, uint64_t at_least);
  uint64_t end_of(uint64_t table);  // of the leased block

  env::Meta& meta_;
  std::mutex mutex_;  // of what follows; never held across a metadata request
  std::map<uint64_t, Sequence> sequences_;
  Random random_;
};

}  // namespace ddb::sql
