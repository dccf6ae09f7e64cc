// Which versions no read at or above a threshold can see (F3).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "env/kv.hpp"
#include "env/state.hpp"

namespace ddb::mvcc {

struct Garbage {
  std::vector<env::KeyValue> versions;  // as stored
  uint64_t rows = 0;                    // live ones among them
  std::optional<Bytes> next;            // the user key to go on from; nullopt: the span is done
};

struct GarbageBounds {
  uint32_t keys_max = UINT32_MAX;  // user keys looked at
  uint32_t versions_max = 0;       // found
  bool whole = false;              // nobody reads there any more: what is visible at the threshold is garbage as well
};

/// Versions that a newer one at or below `threshold` hides, and tombstones at or below it that hide no more.
/// May be erased together, in any number of such pieces: a tombstone is never found before all that it hides.
/// A damaged version is kept, with what is below it: reading it names it.
Garbage find_garbage(env::State& state, const env::KeySpan& span, Timestamp threshold, const GarbageBounds& bounds);

}  // namespace ddb::mvcc
