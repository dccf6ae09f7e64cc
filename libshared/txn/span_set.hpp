// The spans that a transaction has read: a union of key spans of bounded size.
#pragma once

#include <cstddef>
#include <vector>

#include "env/kv.hpp"

namespace ddb::txn {

/// [key, key + one zero byte): the key alone.
env::KeySpan span_of(BytesView key);

/// Covers every span added. Beyond `spans_max` it joins neighbours, and so covers more than was read:
/// the transaction may meet conflicts that are none, never miss one.
class SpanSet {
 public:
  explicit SpanSet(size_t spans_max) : spans_max_{spans_max} {}

  void add(env::KeySpan span);
  bool empty() const { return spans_.empty(); }
  bool covers(BytesView key) const;
  /// Sorted by start; disjoint and not adjacent.
  const std::vector<env::KeySpan>& spans();

 private:
  void normalize();
  void join_neighbours();

  size_t spans_max_;
  std::vector<env::KeySpan> spans_;
  bool normal_ = true;
};

}  // namespace ddb::txn
