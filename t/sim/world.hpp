// Simulated time: one queue of events, one seed. The same seed gives the same run, event by event.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "env/clock.hpp"
#include "env/random.hpp"

namespace sim {

using ddb::Duration;
using ddb::Instant;
using namespace std::chrono_literals;

/// What a run may do wrong ends here: the seed goes with it, so that the run can be had again.
struct Violation {
  std::string what;
};

[[noreturn]] inline void violate(std::string what) { throw Violation{std::move(what)}; }
inline void require(bool holds, const std::string& what) {
  if (!holds) violate(what);
}

class World {
 public:
  using Event = std::move_only_function<void()>;

  explicit World(uint64_t seed) : random_{seed} {}

  Instant now() const { return now_; }
  ddb::Random& random() { return random_; }
  /// In [from, to).
  Duration between(Duration from, Duration to) {
    return from + Duration{static_cast<int64_t>(random_.below(static_cast<uint64_t>((to - from).count())))};
  }
  bool chance(double p) { return static_cast<double>(random_.below(1'000'000)) < p * 1e6; }

  void after(Duration delay, Event event) {
    events_.push_back({now_ + delay, next_++, std::move(event)});
    std::push_heap(events_.begin(), events_.end(), later);
  }

  /// Runs everything due up to `end`.
  void run_until(Instant end) {
    while (!events_.empty() && events_.front().at <= end) {
      std::pop_heap(events_.begin(), events_.end(), later);
      Due due = std::move(events_.back());
      events_.pop_back();
      now_ = due.at;
      due.event();
      ++steps_;
    }
    now_ = end;
  }
  uint64_t steps() const { return steps_; }
  uint64_t fresh_id() { return ++last_id_; }  // never given twice in a run

  /// Mixed from everything that matters as the run goes on: equal for equal seeds, or replay is broken.
  void note(uint64_t fact) { digest_ = (digest_ ^ fact) * 0x100000001b3; }
  uint64_t digest() const { return digest_; }

 private:
  struct Due {
    Instant at;
    uint64_t order;  // of those at the same time, the first planned comes first
    Event event;
  };
  static bool later(const Due& a, const Due& b) { return std::pair{a.at, a.order} > std::pair{b.at, b.order}; }

  Instant now_{};
  uint64_t next_ = 0;
  uint64_t steps_ = 0;
  uint64_t last_id_ = 0;
  uint64_t digest_ = 0xcbf29ce484222325;
  std::vector<Due> events_;  // a heap
  ddb::Random random_;
};

}  // namespace sim
