// Where ranges are believed to begin and end: how a transaction's parts are cut. A hint: who is wrong is told wrong_range.
#pragma once

#include <vector>

#include "env/kv.hpp"

namespace ddb::txn {

class Ranges {
 public:
  virtual ~Ranges() = default;
  /// The span of the range that holds `key`. Everything, where nothing is known.
  virtual env::KeySpan range_of(BytesView key) const = 0;
};

/// A single range.
class OneRange final : public Ranges {
 public:
  env::KeySpan range_of(BytesView) const override { return {}; }
};

/// What a transaction has in one range.
struct Part {
  env::KeySpan range;
  std::vector<env::Write> writes;
  std::vector<env::KeySpan> read_spans;
};

/// By key order of the ranges; spans are cut at their ends.
std::vector<Part> cut(const Ranges& ranges, const std::vector<env::Write>& writes, const std::vector<env::KeySpan>& read_spans);
std::vector<std::vector<Bytes>> cut(const Ranges& ranges, const std::vector<Bytes>& keys);

}  // namespace ddb::txn
