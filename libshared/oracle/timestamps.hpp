// The oracle's time: timestamps above all given before, below a mark that the log holds (O1).
//
//   ---- given ----|next      time|            |mark
//                                  `- window --'
//
// 1. next <= mark: what is given is below the durable mark, so whoever leads next starts above it.
// 2. mark <= time + window: timestamps never run further than a window ahead of time, whatever is asked for.
// 3. Time runs on the monotonic clock and is only steered by the wall clock: at half to double speed, until
//    the two meet. So a wall clock that jumps back, stops or leaps ahead never stops time, turns it back
//    or takes it away: a leap corrected after a minute has cost a minute.
// 4. Only the first reading of a leader can take the wall clock's word at once. One that has watched the marks
//    go by since it came up knows how far time can have got, and believes no more. After a restart that is not
//    known (all may have been down): up to `leap_max` above the mark is believed, beyond it nothing.
// Order never hangs on the clock, only how close a timestamp is to the hour on the wall.
#pragma once

#include <cstdint>
#include <optional>

#include "base/ids.hpp"
#include "env/clock.hpp"

namespace ddb::oracle {

struct ClockOptions {
  Duration window = std::chrono::seconds{3};
  Duration leap_max = std::chrono::hours{24 * 366};
};

/// Largest `count` of one take().
constexpr uint32_t timestamps_max = 65'536;

class Clock {
 public:
  explicit Clock(const ClockOptions& options) : options_{options} {}

  /// On every member: a mark has just been applied. Tells a later start() how time goes (4).
  void observe(Timestamp mark, Instant now);

  /// The member leads; `mark` is the durable one, at or above all timestamps ever given. Nothing is left
  /// to give until raise().
  void start(Timestamp mark, Instant now, uint64_t wall_millis);
  /// What was given is forgotten: only a mark can be trusted from here on (SAFETY 3).
  void stop() { running_ = false; }

  /// The first of `count` (1 to timestamps_max) timestamps in a row; nullopt: they would pass the mark.
  std::optional<Timestamp> take(uint32_t count, Instant now, uint64_t wall_millis);

  /// Less than half a window is left: time to make a higher mark durable, before anyone has to wait.
  bool low(Instant now, uint64_t wall_millis);
  /// The mark to make durable next; never below the last.
  Timestamp next_mark(Instant now, uint64_t wall_millis);
  /// `mark` is durable.
  void raise(Timestamp mark);

 private:
  void advance(Instant now, uint64_t wall_millis);

  const ClockOptions options_;
  bool running_ = false;
  Timestamp next_;
  Timestamp mark_;
  Duration time_{};  // since the Unix epoch
  Instant at_{};     // when it was that

  struct Sighting {
    Timestamp mark;
    Instant at{};
    bool live = false;  // seen as it was made, not while catching up
  };
  std::optional<Sighting> seen_;
};

}  // namespace ddb::oracle
