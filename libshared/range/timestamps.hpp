// Fresh timestamps for the replicas of a store: one request in flight carries all waiters.
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "env/clock.hpp"
#include "range/oracle_calls.hpp"

namespace ddb::range {

/// O1: a response serves only waiters that were queued before its request left.
class TimestampQueue {
 public:
  using Done = std::function<void(Timestamp)>;

  explicit TimestampQueue(OracleCalls& calls) : calls_{calls} {}

  void want(Done done) { queued_.push_back(std::move(done)); }
  /// Sends what is queued, unless a request is under way or the last failed a moment ago.
  void pump(Instant now);
  bool idle() const { return queued_.empty(); }  // nobody waits for a request to leave

 private:
  void answered(std::vector<Done> waiters, Result<proto::OracleReply> reply);

  OracleCalls& calls_;
  std::deque<Done> queued_;
  bool in_flight_ = false;
  Instant not_before_{};
  Instant now_{};
};

}  // namespace ddb::range
