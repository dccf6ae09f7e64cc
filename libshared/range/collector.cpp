#include "range/collector.hpp"

#include <algorithm>

#include "mvcc/gc.hpp"

namespace ddb::range {

namespace {

constexpr int steps_per_age = 10;

uint64_t to_timestamp_units(std::chrono::milliseconds duration) {
  return Timestamp::of(static_cast<uint64_t>(duration.count()), 0).value;
}

}  // namespace

void Collector::reset() {
  next_due_ = {};
  position_.reset();
}

bool Collector::wants(Instant now, const DataRecord& record) const {
  const bool garbage = record.versions > record.rows || record.records > 0;
  return position_ || (garbage && now >= next_due_);
}

bool Collector::due(Instant now, const DataRecord& record) {
  if (position_ || !wants(now, record)) return false;
  next_due_ = now + options_.age / steps_per_age;
  return true;
}

std::optional<Timestamp> Collector::threshold_for(Timestamp now, const DataRecord& record) const {
  const uint64_t age = to_timestamp_units(options_.age);
  if (now.value <= age) return std::nullopt;
  const Timestamp threshold{now.value - age};
  if (threshold.value < record.threshold.value + age / (2 * steps_per_age)) return std::nullopt;
  return threshold;
}

std::optional<CollectCommand> Collector::next(env::State& state, const env::KeySpan& span, Timestamp threshold) {
  if (!position_) return std::nullopt;
  const env::KeySpan left{std::max(*position_, span.start), span.end};
  auto garbage = mvcc::find_garbage(state, left, threshold,
                                    {.keys_max = options_.piece_max, .versions_max = options_.piece_max});
  position_ = garbage.next;
  const env::KeySpan piece{left.start, garbage.next ? *garbage.next + '\0' : span.end};
  if (garbage.versions.empty() && find_old_records(state, piece, threshold, 1).empty()) return std::nullopt;
  return CollectCommand{piece, options_.piece_max};
}

}  // namespace ddb::range
