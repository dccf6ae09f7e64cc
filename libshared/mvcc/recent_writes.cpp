#include "mvcc/recent_writes.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "mvcc/key.hpp"

namespace ddb::mvcc {

void RecentWrites::start(Timestamp ts) {
  now_ = before_ = {};
  complete_above_ = ts;
}

void RecentWrites::note(BytesView key, Timestamp ts) {
  if (!complete_above_) return;
  now_.unsorted.emplace_back(key, ts);
  now_.highest = std::max(now_.highest, ts);
  if (now_.newest.size() + now_.unsorted.size() < keys_max_ / 2) return;
  complete_above_ = std::max(*complete_above_, before_.highest);
  before_ = std::exchange(now_, {});
}

std::optional<Bytes> RecentWrites::newer_in(const env::KeySpan& span, Timestamp ts) {
  DDB_ASSERT(knows_since(ts));
  if (is_empty(span)) return std::nullopt;
  const Bytes* key = find(now_, span, ts);
  if (key == nullptr) key = find(before_, span, ts);
  return key == nullptr ? std::nullopt : std::optional{*key};
}

void RecentWrites::sort(Generation& generation) {
  for (auto& [key, ts] : std::exchange(generation.unsorted, {})) {
    Timestamp& newest = generation.newest[std::move(key)];
    newest = std::max(newest, ts);
  }
}

const Bytes* RecentWrites::find(Generation& generation, const env::KeySpan& span, Timestamp ts) {
  if (generation.highest <= ts) return nullptr;
  sort(generation);
  const auto end = span.end.empty() ? generation.newest.end() : generation.newest.lower_bound(span.end);
  const auto found = std::find_if(generation.newest.lower_bound(span.start), end,
                                  [&](const auto& write) { return write.second > ts; });
  return found == end ? nullptr : &found->first;
}

}  // namespace ddb::mvcc
