#include "range/collection.hpp"

#include <algorithm>

#include "proto/meta_keys.hpp"

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

void Collection::read_state(const Result<proto::OracleReply>& reply) {
  asking_ = false;
  const auto* range = range_of(reply);
  const auto state = range == nullptr ? fail(Code::unavailable, "the oracle does not answer") : proto::read_collect_state(*range);
  if (!state) return;
  learn(*state);
  if (std::ranges::all_of(state->dropped, [](const auto& entry) { return static_cast<bool>(entry.what.at); })) return act(*state, 0);
  asking_ = true;
  calls_.call(proto::MetaRangeRequest{proto::gateway_prefix, prefix_end(proto::gateway_prefix)},
              [this, state = *state](const Result<proto::OracleReply>& got) { read_gateways(state, got); });
}

void Collection::learn(const proto::CollectState& state) {
  allowance_.threshold = std::max(allowance_.threshold, state.allowed);
  allowance_.dropped.clear();
  for (const auto& entry : state.dropped) {
    if (!entry.what.at) continue;
    for (const auto& span : entry.what.spans) allowance_.dropped.push_back({span, entry.what.at});
  }
}

void Collection::read_gateways(const proto::CollectState& state, const Result<proto::OracleReply>& reply) {
  asking_ = false;
  const auto* gateways = range_of(reply);
  act(state, gateways == nullptr ? 0 : proto::lowest_gateway(*gateways, UINT64_MAX));
}

/// A fresh timestamp is above all that was read or written before the gateways were seen where they are.
void Collection::act(const proto::CollectState& state, uint64_t lowest_gateway) {
  if (!wanted_() && lowest_gateway == 0 && cleared_.empty()) return;
  asking_ = true;
  timestamps_.want([this, state, lowest_gateway](Timestamp now) { write(state, lowest_gateway, now); });
}

/// Each by compare-and-set: what comes too late is done at a later look, by the range's next sweep.
void Collection::write(const proto::CollectState& state, uint64_t lowest_gateway, Timestamp now) {
  asking_ = false;
  for (const auto& entry : state.dropped) {
    if (auto update = proto::update_dropped(entry, cleared_, lowest_gateway, now)) {
      calls_.call(std::move(*update), [](const Result<proto::OracleReply>&) {});
    }
  }
  cleared_.clear();
  auto raise = wanted_() ? proto::raise_allowed(state, threshold_at(now, age_)) : std::nullopt;
  if (!raise) return;
  asking_ = true;
  calls_.call(std::move(raise->request), [this, to = raise->to](const Result<proto::OracleReply>& reply) {
    asking_ = false;
    const auto* done = reply ? std::get_if<env::MetaTxnResult>(&*reply) : nullptr;
    if (done != nullptr && done->succeeded) allowance_.threshold = std::max(allowance_.threshold, to);
  });
}

}  // namespace ddb::range
