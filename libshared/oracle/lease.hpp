// When leases run out, in the leader's memory: a new leader gives every lease its full time anew.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "env/clock.hpp"

namespace ddb::oracle {

/// Deadlines of things that live as long as they are renewed.
template <class Key>
class Deadlines {
 public:
  void set(Key key, Duration ttl, Instant now) { leases_.insert_or_assign(key, Lease{ttl, now + ttl, false}); }

  /// False: there is no such lease, or its end is already on its way through the log.
  bool renew(Key key, Instant now) {
    const auto found = leases_.find(key);
    if (found == leases_.end() || found->second.ending) return false;
    found->second.deadline = now + found->second.ttl;
    return true;
  }

  /// Those that have run out; from here on they cannot be renewed, unless reprieve() takes it back.
  std::vector<Key> end(Instant now) {
    std::vector<Key> ended;
    for (auto& [key, lease] : leases_) {
      if (lease.ending || lease.deadline > now) continue;
      lease.ending = true;
      ended.push_back(key);
    }
    return ended;
  }
  void reprieve(Key key) {
    if (const auto found = leases_.find(key); found != leases_.end()) found->second.ending = false;
  }

  /// The leader itself stood still for that long: nobody could reach it.
  void forgive(Duration pause) {
    for (auto& [key, lease] : leases_) lease.deadline += pause;
  }

  /// Zero: none, or run out.
  Duration left(Key key, Instant now) const {
    const auto found = leases_.find(key);
    return found == leases_.end() ? Duration{} : std::max(Duration{}, found->second.deadline - now);
  }
  Duration ttl(Key key) const { return leases_.at(key).ttl; }

  void erase(Key key) { leases_.erase(key); }
  void clear() { leases_.clear(); }

 private:
  struct Lease {
    Duration ttl{};
    Instant deadline{};
    bool ending = false;
  };
  std::map<Key, Lease> leases_;
};

}  // namespace ddb::oracle
