// What a store does so that its ranges' replicas are compared (H1). See range/checker.hpp.
#include <fmt/format.h>

#include "range/store.hpp"

namespace ddb::range {

namespace {

Timestamp plus(Timestamp ts, Duration length) {
  return Timestamp{ts.value + Timestamp::of(static_cast<uint64_t>(length / std::chrono::milliseconds{1}), 0).value};
}

}  // namespace

size_t Store::check(const std::vector<RangeId>& ranges, Instant now) {
  now_ = now;
  size_t begun = 0;
  for (const auto& [range, replica] : replicas_) {
    const bool named = ranges.empty() || std::ranges::find(ranges, range) != ranges.end();
    if (!named || !replica->leads()) continue;
    checker_.want(range);
    ++begun;
  }
  return begun;
}

void Store::scanned(uint64_t id, Result<RowSum> sum, Instant now) {
  now_ = now;
  if (!sum && sum.error().code != Code::try_again) failed_ = sum.error();
  const auto answer = scanner_.scanned(id, sum);
  if (const Replica* replica = answer ? find(answer->first) : nullptr) {
    checker_.answered(*replica, replica->id(), answer->second, now);
  }
}

void Store::watch_health(const Replica& replica) {
  if (options_.has_oracle) checker_.look_at(replica, now_);
  if (!replica.damaged()) {
    damaged_.erase(replica.range());
  } else if (damaged_.insert(replica.range()).second) {
    warnings_.push_back(fmt::format("range {}: the replica here is damaged: it serves nobody, and votes on", replica.range().value));
  }
}

Replica* Store::stalest(Timestamp now, Duration interval) {
  Replica* found = nullptr;
  for (const auto& [range, replica] : replicas_) {
    const proto::Health* health = replica->health();
    if (health == nullptr || !replica->leads()) continue;
    const Duration wait = health->stopped ? std::min(interval, Checker::retry_stopped) : interval;
    if (health->checked_at && plus(health->checked_at, wait) > now) continue;
    if (found == nullptr || health->checked_at < found->health()->checked_at) found = replica.get();
  }
  return found;
}

}  // namespace ddb::range
