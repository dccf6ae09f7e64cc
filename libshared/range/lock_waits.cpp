#include "range/lock_waits.hpp"

#include <algorithm>

namespace ddb::range {

void LockWaits::add(WaiterId waiter, Bytes key, Instant until) {
  by_key_[key].push_back(waiter);
  waiters_[waiter] = {std::move(key), until};
}

void LockWaits::opened(BytesView key, std::vector<WaiterId>& out) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  std::ranges::sort(found->second);
  for (const WaiterId waiter : found->second) {
    waiters_.erase(waiter);
    out.push_back(waiter);
  }
  by_key_.erase(found);
}

void LockWaits::expire(Instant now, std::vector<WaiterId>& out) {
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    if (now < it->second.until) {
      ++it;
      continue;
    }
    out.push_back(it->first);
    const auto key = by_key_.find(it->second.key);
    std::erase(key->second, it->first);
    if (key->second.empty()) by_key_.erase(key);
    it = waiters_.erase(it);
  }
}

void LockWaits::clear() {
  waiters_.clear();
  by_key_.clear();
}

}  // namespace ddb::range
