#include "range/collection.hpp"

#include <algorithm>

namespace ddb::range {

namespace {

constexpr int steps_per_age = 10;  // in which thresholds follow
constexpr Duration look_interval_max = std::chrono::seconds{10};

uint64_t to_timestamp_units(Duration duration) {
  return Timestamp::of(static_cast<uint64_t>(duration / std::chrono::milliseconds{1}), 0).value;
}

const env::MetaRange* range_of(const Result<proto::OracleReply>& reply) {
  return reply ? std::get_if<env::MetaRange>(&*reply) : nullptr;
}

/// In whole steps, so that all stores ask for the same one.
Timestamp threshold_at(Timestamp now, Duration age) {
  const uint64_t step = std::max<uint64_t>(to_timestamp_units(age / steps_per_age), 1);
  const uint64_t age_units = to_timestamp_units(age);
  return now.value <= age_units ? Timestamp{} : Timestamp{(now.value - age_units) / step * step};
}

}  // namespace

void Collection::tick(Instant now) {
  now_ = now;
  if (asking_ || now < next_) return;
  asking_ = true;
  calls_.call(proto::MetaRangeRequest{proto::config_collect_age, {}},
              [this](const Result<proto::OracleReply>& reply) { read_age(reply); });
}

void Collection::read_age(const Result<proto::OracleReply>& reply) {
  if (const auto* setting = range_of(reply)) age_ = proto::read_collect_age(*setting).value_or(default_age_);
  next_ = now_ + std::min(age_ / steps_per_age, look_interval_max);
  calls_.call(proto::MetaRangeRequest{proto::collect_prefix, prefix_end(proto::collect_prefix)},
              [this](const Result<proto::OracleReply>& got) { read_state(got); });
}

/// The timestamp comes after the look: by then `wanted_` may say otherwise, which does no harm.
void Collection::read_state(const Result<proto::OracleReply>& reply) {
  asking_ = false;
  const auto* range = range_of(reply);
  const auto state = range == nullptr ? fail(Code::unavailable, "the oracle does not answer") : proto::read_collect_state(*range);
  if (!state) return;
  allowance_.threshold = std::max(allowance_.threshold, state->allowed);
  if (!wanted_()) return;
  asking_ = true;
  timestamps_.want([this, state = *state](Timestamp now) { raise(state, now); });
}

void Collection::raise(const proto::CollectState& state, Timestamp now) {
  asking_ = false;
  auto raise = proto::raise_allowed(state, threshold_at(now, age_));
  if (!raise) return;
  asking_ = true;
  calls_.call(std::move(raise->request), [this, to = raise->to](const Result<proto::OracleReply>& reply) {
    asking_ = false;
    const auto* done = reply ? std::get_if<env::MetaTxnResult>(&*reply) : nullptr;
    if (done != nullptr && done->succeeded) allowance_.threshold = std::max(allowance_.threshold, to);
  });
}

}  // namespace ddb::range
