#include "range/checker.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "proto/collect.hpp"
#include "range/judge.hpp"

namespace ddb::range {

namespace {

constexpr int looks_per_interval = 10;
constexpr Duration rest = std::chrono::milliseconds{200};        // between checks that were due
constexpr Duration verdict_time = std::chrono::seconds{2};       // until it is proposed again

bool is_open(const Replica& replica) {
  const proto::Health* health = replica.health();
  return health != nullptr && replica.leads() && health->check && !health->concluded;
}

std::vector<ReplicaId> members_of(const Replica& replica) {
  std::vector<ReplicaId> members;
  for (const auto& member : replica.descriptor().replicas) members.push_back(member.id);
  return members;
}

std::string name_of(const Replica& replica, ReplicaId id) {
  for (const auto& member : replica.descriptor().replicas) {
    if (member.id == id) return fmt::format("range {}: the replica on node {}", replica.range().value, member.node.value);
  }
  return fmt::format("range {}: replica {}", replica.range().value, id.value);
}

}  // namespace

Checker::Checker(SnapshotHost& host, Scanner& scanner, OracleCalls& calls, TimestampQueue& timestamps, Duration interval,
                 Stalest stalest, Warn warn)
    : host_{host},
      scanner_{scanner},
      calls_{calls},
      timestamps_{timestamps},
      default_interval_{interval},
      interval_{interval},
      stalest_{std::move(stalest)},
      warn_{std::move(warn)} {}

void Checker::want(RangeId range) {
  if (!wanted_.insert(range).second || wanted_.size() > 1) return;
  timestamps_.want([this](Timestamp now) { begin(now); });
}

void Checker::begin(Timestamp now) {
  for (const RangeId range : std::exchange(wanted_, {})) {
    Replica* replica = host_.find(range);
    if (replica != nullptr && replica->leads() && !is_open(*replica)) replica->begin_check(now);
  }
}

void Checker::look_at(const Replica& replica, Instant now) {
  const auto found = underway_.find(replica.range());
  if (!is_open(replica)) {
    if (found != underway_.end()) underway_.erase(found);
    if (replica.leads() && replica.met_damage()) want(replica.range());
    return;
  }
  const LogIndex check = replica.health()->check;
  if (found == underway_.end() || found->second.check != check) underway_[replica.range()] = {check, {}, {}, now, now};
}

void Checker::answered(const Replica& replica, ReplicaId from, const proto::CheckAnswer& answer, Instant now) {
  const auto found = underway_.find(replica.range());
  if (found == underway_.end() || found->second.check != answer.index) return;
  Underway& check = found->second;
  check.heard[from] = now;
  if (!answer.done || !check.answers.emplace(from, answer).second) return;
  if (answer.damaged > 0) {
    warn_(fmt::format("{} has {} damaged rows, the first at stored key {}", name_of(replica, from), answer.damaged,
                      to_hex(answer.first)));
  }
  if (is_complete(replica, check, now)) check.next_ask = now;
}

void Checker::tick(Instant now) {
  for (auto at = underway_.begin(); at != underway_.end();) {
    Replica* replica = host_.find(at->first);
    if (replica == nullptr || !is_open(*replica)) {
      at = underway_.erase(at);
      continue;
    }
    if (now >= at->second.next_ask) ask(*replica, at->second, now);
    ++at;
  }
  look_for_due(now);
}

void Checker::ask(Replica& replica, Underway& check, Instant now) {
  if (const auto own = scanner_.ask(replica, check.check); own.done) answered(replica, replica.id(), own, now);
  check.heard[replica.id()] = now;
  if (is_complete(replica, check, now)) {
    check.next_ask = now + verdict_time;
    next_look_ = std::min(next_look_, now + rest);
    return conclude(replica, check);
  }
  check.next_ask = now + ask_interval;
  for (const ReplicaId member : members_of(replica)) {
    if (member != replica.id() && !check.answers.contains(member)) host_.send(replica, member, proto::CheckQuestion{check.check});
  }
}

bool Checker::is_complete(const Replica& replica, const Underway& check, Instant now) const {
  return std::ranges::all_of(members_of(replica), [&](ReplicaId member) {
    if (check.answers.contains(member)) return true;
    const auto heard = check.heard.find(member);
    return now - (heard == check.heard.end() ? check.begun : heard->second) > patience;
  });
}

void Checker::conclude(Replica& replica, const Underway& check) {
  const auto judgement = judge(members_of(replica), replica.health()->damaged, check.answers);
  for (const ReplicaId damaged : judgement.damaged) {
    if (check.answers.at(damaged).damaged == 0) warn_(name_of(replica, damaged) + " does not hold what the majority holds");
  }
  if (judgement.stopped) {
    warn_(fmt::format("range {} stops: its replicas differ, and no majority agrees", replica.range().value));
  }
  replica.conclude_check(check.check, judgement.damaged, judgement.silent, judgement.stopped);
}

Instant Checker::due() const {
  Instant due = looking_ ? Instant::max() : next_look_;
  for (const auto& [range, check] : underway_) due = std::min(due, check.next_ask);
  return due;
}

/// One after the other, so that scans take a small part of what the store can do.
void Checker::look_for_due(Instant now) {
  const Duration interval = std::min(interval_ / looks_per_interval, look_interval_max);
  if (next_look_ == Instant::min()) next_look_ = now + interval;
  if (looking_ || now < next_look_) return;
  next_look_ = now + interval;
  if (!underway_.empty()) return;
  looking_ = true;
  calls_.call(proto::MetaRangeRequest{proto::config_check_interval, {}},
              [this](const Result<proto::OracleReply>& reply) { read_interval(reply); });
}

void Checker::read_interval(const Result<proto::OracleReply>& reply) {
  looking_ = false;
  const auto* setting = reply ? std::get_if<env::MetaRange>(&*reply) : nullptr;
  if (setting == nullptr) return;
  interval_ = proto::read_check_interval(*setting).value_or(default_interval_);
  timestamps_.want([this](Timestamp now) {
    if (const Replica* replica = stalest_(now, interval_)) want(replica->range());
  });
}

}  // namespace ddb::range
