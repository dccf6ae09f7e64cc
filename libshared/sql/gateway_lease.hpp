// One gateway's word to the others: it lives, and which schema version it is at (G1-G3 in catalog.hpp).
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "base/result.hpp"
#include "env/clock.hpp"
#include "env/meta.hpp"

namespace ddb::sql {

/// Thread-safe. No lock is held across a metadata request.
class GatewayLease {
 public:
  GatewayLease(env::Meta& meta, std::string name, Duration ttl, std::function<Instant()> now)
      : meta_{meta}, name_{std::move(name)}, ttl_{ttl}, now_{std::move(now)} {}

  /// Takes a lease and announces `version`, if the schema is still at `revision`; false: it is not.
  Result<bool> enter(uint64_t version, Revision revision);
  /// Renews. False: the lease has run out, enter() again.
  Result<bool> keep();
  /// False: as keep().
  Result<bool> announce(uint64_t version);
  Result<void> leave();

  /// By this gateway's own clock, from before it asked (G3); with half of it left, and a third for the timer.
  bool valid() const { return left() > ttl_ / 4; }
  bool due() const { return left() < ttl_ * 2 / 3; }
  /// Rises with every enter(): what was begun under an earlier lease is void.
  uint64_t epoch() const;

  /// The lowest version that any other living gateway is at; `otherwise` when there is none.
  Result<uint64_t> lowest_of_others(uint64_t otherwise);

 private:
  Duration left() const;
  std::string name() const;

  env::Meta& meta_;
  std::string name_;
  Duration ttl_;
  std::function<Instant()> now_;
  mutable std::mutex mutex_;  // of what follows
  LeaseId lease_;
  Instant until_{};
  uint64_t announced_ = 0;
  uint64_t epoch_ = 0;
};

}  // namespace ddb::sql
