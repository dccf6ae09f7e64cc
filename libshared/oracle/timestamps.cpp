#include "oracle/timestamps.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/rule.hpp"

namespace ddb::oracle {

namespace {

using std::chrono::milliseconds;

/// No clock is believed beyond the year 2200: 48 bits of milliseconds must last.
constexpr uint64_t wall_millis_max = 7'258'118'400'000;
static_assert(wall_millis_max < uint64_t{1} << 47);

/// Time is steered by no more than this factor, either way (3).
constexpr int steer = 2;

Duration to_time(uint64_t wall_millis) { return milliseconds{std::min(wall_millis, wall_millis_max)}; }
Duration to_time(Timestamp mark) { return milliseconds{mark.millis()}; }

uint64_t to_millis(Duration time) {
  return static_cast<uint64_t>(std::chrono::duration_cast<milliseconds>(time).count());
}

}  // namespace

void Clock::observe(Timestamp mark, Instant now) {
  // Marks that follow each other faster than time can run come out of a log that is being caught up with.
  const bool live = seen_ && to_time(mark) - to_time(seen_->mark) <= steer * (now - seen_->at);
  seen_ = Sighting{mark, now, live};
}

void Clock::start(Timestamp mark, Instant now, uint64_t wall_millis) {
  const Duration floor = DDB_KEEPS("O1.start") ? to_time(mark) : Duration{};
  const Duration wall = to_time(wall_millis);
  const bool first = mark.millis() == 0;  // a new oracle has nothing to compare the clock with
  const bool known = seen_ && seen_->live;
  const Duration known_max = known ? to_time(seen_->mark) + steer * (now - seen_->at) : Duration{};
  const Duration believed = known                                          ? std::min(wall, known_max)
                            : first || wall - floor <= options_.leap_max   ? wall
                                                                           : floor;
  running_ = true;
  time_ = std::max(floor, believed);
  at_ = now;
  mark_ = mark;
  next_ = DDB_KEEPS("O1.start") ? mark : Timestamp{};
}

void Clock::advance(Instant now, uint64_t wall_millis) {
  DDB_ASSERT(running_);
  DDB_ASSERT(now >= at_);
  const Duration elapsed = now - at_;
  time_ += std::clamp(to_time(wall_millis) - time_, elapsed / steer, elapsed * steer);
  at_ = now;
}

std::optional<Timestamp> Clock::take(uint32_t count, Instant now, uint64_t wall_millis) {
  DDB_ASSERT(count >= 1);
  DDB_ASSERT(count <= timestamps_max);
  advance(now, wall_millis);
  const Timestamp first = std::max(next_, Timestamp::of(to_millis(time_), 0));
  if (DDB_KEEPS("O1.mark") && first.value + count > mark_.value) return std::nullopt;
  next_ = Timestamp{first.value + count};  // a full counter carries into the next millisecond
  return first;
}

bool Clock::low(Instant now, uint64_t wall_millis) {
  advance(now, wall_millis);
  return mark_ < Timestamp::of(to_millis(time_ + options_.window / 2), 0);
}

Timestamp Clock::next_mark(Instant now, uint64_t wall_millis) {
  advance(now, wall_millis);
  return std::max(mark_, Timestamp::of(to_millis(time_ + options_.window), 0));
}

void Clock::raise(Timestamp mark) {
  DDB_ASSERT(running_);
  mark_ = std::max(mark_, mark);
}

}  // namespace ddb::oracle
