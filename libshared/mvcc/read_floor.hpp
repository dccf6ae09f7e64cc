// The highest timestamp at which each key was read, validated or closed: no commit goes at or below it.
//
// In the leader's memory alone (a new leader starts from a fresh timestamp, L2), of bounded size. Where it
// forgets, it answers higher than the truth, never lower: that costs a commit a fresh timestamp.
#pragma once

#include <map>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "env/kv.hpp"

namespace ddb::mvcc {

class ReadFloor {
 public:
  /// Bounds: buckets for single keys (8 bytes each, reached by doubling), steps for spans.
  static constexpr size_t buckets_max = 8192;
  static constexpr size_t steps_max = 8192;

  void raise_all(Timestamp ts);
  void raise(BytesView key, Timestamp ts);           // keys that share a bucket share a floor
  void raise(const env::KeySpan& span, Timestamp ts);  // gaps included; exact until steps_max
  Timestamp at(BytesView key) const;
  void clear();

 private:
  using Steps = std::map<Bytes, Timestamp, std::less<>>;

  Steps::iterator step_at(BytesView key);
  void merge_equal_steps(BytesView start, BytesView end);
  void forget_older_half();
  void double_buckets();

  Timestamp all_;
  std::vector<Timestamp> buckets_;  // by checksum of the key; a power of two
  size_t raises_ = 0;               // since the buckets were last doubled
  Steps steps_;                     // the floor from this key up to the next; zero before the first
};

}  // namespace ddb::mvcc
