// When a leader moves its range's threshold up, and which piece of garbage goes next (F3, H2, H3).
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "env/kv.hpp"
#include "env/state.hpp"
#include "range/data_command.hpp"
#include "range/data_state.hpp"
#include "range/machine.hpp"

namespace ddb::range {

struct CollectOptions {
  uint32_t piece_max = 1000;  // keys looked at in one go, and versions erased by one entry
};

/// A sweep follows each move of the threshold: over the whole range, then over what of it is dropped.
class Collector {
 public:
  explicit Collector(const CollectOptions& options) : options_{options} {}

  /// A new leader starts over.
  void reset() { left_.clear(); }

  /// There is something that a threshold could let go.
  static bool has_garbage(const DataRecord& record, const env::KeySpan& range, const Allowance& allowance);
  bool sweeping() const { return !left_.empty(); }

  /// The threshold has moved.
  void begin_sweep(const env::KeySpan& range, Timestamp threshold, const Allowance& allowance);

  /// The next piece with garbage, if there is one in what may be looked at in one go. To be called again once it is applied.
  std::optional<CollectCommand> next(env::State& state, const env::KeySpan& range, Timestamp threshold);

  /// What next() found to be dropped and clear, since the last call.
  std::vector<env::KeySpan> take_cleared() { return std::exchange(cleared_, {}); }

 private:
  struct Part {
    env::KeySpan span;
    Bytes position;  // in user keys
    std::optional<Timestamp> dropped;
  };

  CollectOptions options_;
  std::deque<Part> left_;  // of the sweep
  std::vector<env::KeySpan> cleared_;
};

}  // namespace ddb::range
