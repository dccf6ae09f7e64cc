// How often something happens, over the last ten seconds or so.
#pragma once

#include <algorithm>
#include <cstdint>

#include "env/clock.hpp"

namespace ddb::range {

class Rate {
 public:
  void count(Instant now) {
    if (now - since_ >= 2 * window) before_ = now_ = 0, since_ = now;
    if (now - since_ >= window) before_ = now_, now_ = 0, since_ += window;
    ++now_;
  }

  /// Thousandths per second: of the window that runs, and the part of the last one that completes it.
  uint64_t per_1000s(Instant now) const {
    const Duration age = now - since_;
    if (age >= 2 * window) return 0;
    const auto micros = [](Duration length) { return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(length).count()); };
    if (age >= window) return now_ * micros(2 * window - age) / 100'000;
    return before_ * micros(window - age) / 100'000 + now_ * 100;
  }

 private:
  static constexpr Duration window = std::chrono::seconds{10};

  Instant since_{};
  uint64_t before_ = 0;
  uint64_t now_ = 0;
};

}  // namespace ddb::range
