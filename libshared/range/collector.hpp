// When a leader moves its range's threshold up, and which piece of garbage goes next (F3, H2).
#pragma once

#include <chrono>
#include <optional>

#include "env/clock.hpp"
#include "env/kv.hpp"
#include "env/state.hpp"
#include "range/data_command.hpp"
#include "range/data_state.hpp"

namespace ddb::range {

struct CollectOptions {
  // What was overwritten or erased this long ago, in oracle time, may go: no read reaches further back, and no
  // commit can be repeated later (P9: it must outlast any retry). Ten minutes hold a long report, and bound what
  // a row that changes all the time costs; the threshold follows in steps of a tenth.
  std::chrono::milliseconds age = std::chrono::minutes{10};
  uint32_t piece_max = 1000;  // keys looked at in one go, and versions erased by one entry
};

class Collector {
 public:
  explicit Collector(const CollectOptions& options) : options_{options} {}

  /// A new leader starts over.
  void reset();

  /// There is something to do: a threshold to move, or a sweep to go on with.
  bool wants(Instant now, const DataRecord& record) const;

  /// Whether to ask the oracle for the time now, with a view to threshold_for.
  bool due(Instant now, const DataRecord& record);

  /// The threshold that `now`, a fresh timestamp, allows, if it is worth an entry.
  std::optional<Timestamp> threshold_for(Timestamp now, const DataRecord& record) const;

  /// The threshold moved: there is something to sweep.
  void begin_sweep() { position_ = Bytes{}; }

  /// The next piece with garbage, if there is one in what may be looked at in one go.
  std::optional<CollectCommand> next(env::State& state, const env::KeySpan& span, Timestamp threshold);

 private:
  CollectOptions options_;
  Instant next_due_{};
  std::optional<Bytes> position_;  // of the sweep, in user keys
};

}  // namespace ddb::range
