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
  const auto at = now_.newest.lower_bound(key);
  if (at != now_.newest.end() && at->first == key) {
    at->second = std::max(at->second, ts);
  } else {
    now_.newest.emplace_hint(at, key, ts);
  }
  now_.highest = std::max(now_.highest, ts);
  if (now_.newest.size() < keys_max_ / 2) return;
  complete_above_ = std::max(*complete_above_, before_.highest);
  before_ = std::exchange(now_, {});
}

std::optional<Bytes> RecentWrites::newer_in(const env::KeySpan& span, Timestamp ts) const {
  DDB_ASSERT(knows_since(ts));
  if (is_empty(span)) return std::nullopt;
  const Bytes* key = find(now_, span, ts);
  if (key == nullptr) key = find(before_, span, ts);
  return key == nullptr ? std::nullopt : std::optional{*key};
}

const Bytes* RecentWrites::find(const Generation& generation, const env::KeySpan& span, Timestamp ts) {
  if (generation.highest <= ts) return nullptr;
  const auto end = span.end.empty() ? generation.newest.end() : generation.newest.lower_bound(span.end);
  const auto found = std::find_if(generation.newest.lower_bound(span.start), end,
                                  [&](const auto& write) { return write.second > ts; });
  return found == end ? nullptr : &found->first;
}

}  // namespace ddb::mvcc
