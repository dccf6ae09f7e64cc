// What a store knows of how far its ranges may collect, and its part in raising that (F3, H2).
#pragma once

#include <functional>

#include "env/clock.hpp"
#include "proto/collect.hpp"
#include "range/machine.hpp"
#include "range/oracle_calls.hpp"
#include "range/timestamps.hpp"

namespace ddb::range {

class Collection {
 public:
  /// `age`: where the metadata has no setting. `wanted`: whether some range here could use a higher threshold.
  Collection(OracleCalls& calls, TimestampQueue& timestamps, Duration age, std::function<bool()> wanted)
      : calls_{calls}, timestamps_{timestamps}, default_age_{age}, age_{age}, wanted_{std::move(wanted)} {}

  const Allowance& allowance() const { return allowance_; }

  /// Looks at the metadata every tenth of the age.
  void tick(Instant now);
  Instant due() const { return asking_ ? Instant::max() : next_; }

 private:
  void read_age(const Result<proto::OracleReply>& reply);
  void read_state(const Result<proto::OracleReply>& reply);
  void raise(const proto::CollectState& state, Timestamp now);

  OracleCalls& calls_;
  TimestampQueue& timestamps_;
  const Duration default_age_;
  Duration age_;
  const std::function<bool()> wanted_;
  Allowance allowance_;
  bool asking_ = false;
  Instant now_{};
  Instant next_{};
};

}  // namespace ddb::range
