// Who waits, in a leader's memory, for a lock to be decided (K1): bounded in time, holding no latch.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/bytes.hpp"
#include "env/clock.hpp"

namespace ddb::range {

class LockWaits {
 public:
  using WaiterId = uint64_t;  // rises with the order of arrival

  /// Each waiter waits for one key at a time.
  void add(WaiterId waiter, Bytes key, Instant until);
  /// The lock at `key` is gone: appends who waited for it, in order of arrival.
  void opened(BytesView key, std::vector<WaiterId>& out);
  /// Appends those whose time is over.
  void expire(Instant now, std::vector<WaiterId>& out);
  void clear();

 private:
  struct Waiter {
    Bytes key;
    Instant until;
  };

  std::map<WaiterId, Waiter> waiters_;
  std::map<Bytes, std::vector<WaiterId>, std::less<>> by_key_;
};

}  // namespace ddb::range
