// What a store knows of how far its ranges may collect, and its part in raising that (F3, H2, H3).
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

  /// H3: nothing is left there; said to the others at the next look.
  void cleared(const env::KeySpan& span) { cleared_.push_back(span); }

  /// Looks at the metadata every tenth of the age, or every ten seconds, and does there what is to be done.
  void tick(Instant now);
  Instant due() const { return asking_ ? Instant::max() : next_; }

 private:
  void read_age(const Result<proto::OracleReply>& reply);
  void read_state(const Result<proto::OracleReply>& reply);
  void learn(const proto::CollectState& state);
  void read_gateways(const proto::CollectState& state, const Result<proto::OracleReply>& reply);
  void act(const proto::CollectState& state, uint64_t lowest_gateway);
  void write(const proto::CollectState& state, uint64_t lowest_gateway, Timestamp now);

  OracleCalls& calls_;
  TimestampQueue& timestamps_;
  const Duration default_age_;
  Duration age_;
  const std::function<bool()> wanted_;
  Allowance allowance_;
  std::vector<env::KeySpan> cleared_;
  bool asking_ = false;
  Instant now_{};
  Instant next_{};
};

}  // namespace ddb::range
