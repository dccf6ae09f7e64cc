#include "mvcc/read_floor.hpp"

#include <algorithm>
#include <utility>

#include "codec/crc.hpp"

namespace ddb::mvcc {

namespace {

constexpr size_t buckets_min = 64;
constexpr size_t raises_per_bucket = 8;  // then there is traffic enough for twice as many

size_t bucket_of(BytesView key, size_t buckets) { return codec::crc32c(key) & (buckets - 1); }

void raise_to(Timestamp& floor, Timestamp ts) { floor = std::max(floor, ts); }

}  // namespace

void ReadFloor::raise_all(Timestamp ts) { raise_to(all_, ts); }

void ReadFloor::raise(BytesView key, Timestamp ts) {
  if (buckets_.empty()) buckets_.resize(buckets_min);
  if (++raises_ > buckets_.size() * raises_per_bucket && buckets_.size() < buckets_max) double_buckets();
  raise_to(buckets_[bucket_of(key, buckets_.size())], ts);
}

/// Both halves inherit the floor of the bucket they come from.
void ReadFloor::double_buckets() {
  const size_t size = buckets_.size();
  buckets_.resize(2 * size);
  std::copy_n(buckets_.begin(), size, buckets_.begin() + static_cast<std::ptrdiff_t>(size));
  raises_ = 0;
}

void ReadFloor::raise(const env::KeySpan& span, Timestamp ts) {
  if (ts <= all_ || (!span.end.empty() && span.end <= span.start)) return;
  const auto first = step_at(span.start);
  const auto last = span.end.empty() ? steps_.end() : step_at(span.end);
  for (auto step = first; step != last; ++step) raise_to(step->second, ts);
  merge_equal_steps(span.start, span.end);
  if (steps_.size() > steps_max) forget_older_half();
}

/// The step that starts at `key`; made if need be.
ReadFloor::Steps::iterator ReadFloor::step_at(BytesView key) {
  const auto next = steps_.lower_bound(key);
  if (next != steps_.end() && next->first == key) return next;
  const Timestamp here = next == steps_.begin() ? Timestamp{} : std::prev(next)->second;
  return steps_.emplace_hint(next, key, here);
}

void ReadFloor::merge_equal_steps(BytesView start, BytesView end) {
  auto step = steps_.lower_bound(start);
  Timestamp before = step == steps_.begin() ? Timestamp{} : std::prev(step)->second;
  while (step != steps_.end() && (end.empty() || step->first <= end)) {
    const bool equal = step->second == before;
    before = step->second;
    step = equal ? steps_.erase(step) : std::next(step);
  }
}

/// The older half of the steps goes below one mark for all keys.
void ReadFloor::forget_older_half() {
  std::vector<Timestamp> floors;
  floors.reserve(steps_.size());
  for (const auto& [key, floor] : steps_) {
    if (floor > all_) floors.push_back(floor);  // the rest is gaps
  }
  if (!floors.empty()) {
    const auto middle = floors.begin() + static_cast<std::ptrdiff_t>(floors.size() / 2);
    std::nth_element(floors.begin(), middle, floors.end());
    raise_all(*middle);
  }
  for (auto& [key, floor] : steps_) {
    if (floor <= all_) floor = Timestamp{};
  }
  merge_equal_steps({}, {});
}

Timestamp ReadFloor::at(BytesView key) const {
  Timestamp floor = all_;
  if (!buckets_.empty()) raise_to(floor, buckets_[bucket_of(key, buckets_.size())]);
  const auto next = steps_.upper_bound(key);
  if (next != steps_.begin()) raise_to(floor, std::prev(next)->second);
  return floor;
}

void ReadFloor::clear() { *this = {}; }

}  // namespace ddb::mvcc
