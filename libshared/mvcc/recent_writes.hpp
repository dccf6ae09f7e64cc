// The keys written lately, in a leader's memory: whether anything changed in a span is answered without
// walking over all of its rows (P4).
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "env/kv.hpp"

namespace ddb::mvcc {

class RecentWrites {
 public:
  /// Forgets the older half whenever it has noted this many keys; keys that nobody asked about since count each time.
  explicit RecentWrites(size_t keys_max = 16'384) : keys_max_{keys_max} {}

  /// Begins anew. No version above `ts` exists that will not be noted.
  void start(Timestamp ts);

  void note(BytesView key, Timestamp ts);

  /// Whether all versions newer than `ts` are noted: else ask the rows.
  bool knows_since(Timestamp ts) const { return complete_above_ && ts >= *complete_above_; }

  /// A key of the span with a version newer than `ts`; nullopt: there is none. Only where knows_since(ts).
  std::optional<Bytes> newer_in(const env::KeySpan& span, Timestamp ts);

 private:
  struct Generation {
    std::map<Bytes, Timestamp, std::less<>> newest;    // by key
    std::vector<std::pair<Bytes, Timestamp>> unsorted;  // noted since somebody asked: sorted only if anybody does
    Timestamp highest;
  };
  static const Bytes* find(Generation& generation, const env::KeySpan& span, Timestamp ts);
  static void sort(Generation& generation);

  size_t keys_max_;
  std::optional<Timestamp> complete_above_;  // nullopt: not started
  Generation now_;
  Generation before_;
};

}  // namespace ddb::mvcc
