// Time as the cores see it: given with each input, never read.
#pragma once

#include <chrono>
#include <cstdint>

namespace ddb {

/// Monotonic time that counts suspended time (L1), as CLOCK_BOOTTIME does. It has no now(): shells
/// and the simulator supply instants.
struct BootClock {
  using duration = std::chrono::microseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
};

using Instant = BootClock::time_point;
using Duration = BootClock::duration;

}  // namespace ddb
