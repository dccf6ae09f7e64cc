// When a leader moves its range's threshold up, and which piece of garbage goes next (F3, H2).
#pragma once

#include <optional>

#include "env/kv.hpp"
#include "env/state.hpp"
#include "range/data_command.hpp"
#include "range/data_state.hpp"

namespace ddb::range {

struct CollectOptions {
  uint32_t piece_max = 1000;  // keys looked at in one go, and versions erased by one entry
};

class Collector {
 public:
  explicit Collector(const CollectOptions& options) : options_{options} {}

  /// A new leader starts over.
  void reset() { position_.reset(); }

  /// There is something that a threshold could let go.
  static bool has_garbage(const DataRecord& record) { return record.versions > record.rows || record.records > 0; }
  /// Whether the threshold is to move up to what is `allowed`: not within a sweep.
  bool wants_to_move(const DataRecord& record, Timestamp allowed) const {
    return !position_ && has_garbage(record) && allowed > record.threshold;
  }
  bool sweeping() const { return position_.has_value(); }

  /// The threshold moved: there is something to sweep.
  void begin_sweep() { position_ = Bytes{}; }

  /// The next piece with garbage, if there is one in what may be looked at in one go.
  std::optional<CollectCommand> next(env::State& state, const env::KeySpan& span, Timestamp threshold);

 private:
  CollectOptions options_;
  std::optional<Bytes> position_;  // of the sweep, in user keys
};

}  // namespace ddb::range
