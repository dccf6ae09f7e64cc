#include "txn/attempt.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/rule.hpp"
#include "txn/span_set.hpp"
#include "txn/validation.hpp"

namespace ddb::txn {

namespace {

constexpr int reroutes_max = 64;  // times that ranges may change under one attempt
constexpr size_t record_spans_max = 64;

Error bad_reply() { return {Code::bad_data, "a node's reply is not of the kind asked for", {}, {}}; }

Error error_of(proto::RangeReply& reply) {
  auto* error = std::get_if<Error>(&reply);
  return error != nullptr ? std::move(*error) : bad_reply();
}

std::vector<Bytes> keys_of(const std::vector<env::Write>& writes) {
  std::vector<Bytes> keys;
  keys.reserve(writes.size());
  for (const env::Write& write : writes) keys.push_back(write.key);
  return keys;
}

/// P9: where whoever clears up for a lost coordinator has to look, since the record lists no keys (P2).
std::vector<env::KeySpan> spans_of(const std::vector<std::vector<Bytes>>& groups) {
  SpanSet spans{record_spans_max};
  for (const auto& group : groups) {
    const auto [first, last] = std::ranges::minmax_element(group);
    spans.add({*first, span_of(*last).end});
  }
  return spans.spans();
}

std::shared_ptr<const Part> share(Part part) { return std::make_shared<const Part>(std::move(part)); }

}  // namespace

void Attempt::start() {
  min_commit_ts_ = plan_.attempt.c0;
  auto parts = cut(ranges_, plan_.writes, plan_.read_spans);
  place(std::move(parts), true);
}

/// P2: what is only read passes before the request that could complete the commit leaves: the anchor's at first, and every
/// one that a new routing has cut spans from.
void Attempt::place(std::vector<Part> parts, bool first) {
  std::vector<std::shared_ptr<const Part>> writers;
  std::vector<env::KeySpan> merely_read;
  for (Part& part : parts) {
    if (part.writes.empty()) std::ranges::move(part.read_spans, std::back_inserter(merely_read));
    else writers.push_back(share(std::move(part)));
  }
  unprepared_ += writers.size();

  const auto waits = [&](const Part& part) {
    return !first || std::ranges::find(part.writes, anchor(), &env::Write::key) != part.writes.end();
  };
  std::vector<std::shared_ptr<const Part>> later;
  for (const auto& part : writers) {
    if (DDB_KEEPS("P2") && !merely_read.empty() && waits(*part)) later.push_back(part);
    else prepare(part);
  }
  if (merely_read.empty()) return;
  validate(std::move(merely_read), plan_.attempt.c0, [self = shared_from_this(), later] {
    for (const auto& waiting : later) self->prepare(waiting);
  });
}

void Attempt::prepare(std::shared_ptr<const Part> part) {
  proto::PrepareRequest request{.attempt = plan_.attempt, .anchor = anchor(), .read_ts = plan_.read_ts, .writes = part->writes,
                                .read_spans = part->read_spans, .record = proto::RecordKind::none, .keys = {}};
  if (std::ranges::find(part->writes, anchor(), &env::Write::key) != part->writes.end()) {
    request.record = plan_.staging ? proto::RecordKind::staging : proto::RecordKind::pending;
    if (plan_.staging) request.keys = keys_of(plan_.writes);
  }
  prepared_ = true;
  const Bytes key = request.record == proto::RecordKind::none ? part->writes.front().key : anchor();
  calls_.call(key, std::move(request), [self = shared_from_this(), part](Answer answer) {
    if (!self->over_) self->prepare_answered(part, std::move(answer.reply));
  });
}

void Attempt::prepare_answered(const std::shared_ptr<const Part>& part, proto::RangeReply reply) {
  if (const auto* lock = std::get_if<proto::PrepareReply>(&reply)) {
    min_commit_ts_ = std::max(min_commit_ts_, lock->min_commit_ts);
    recorded_ = recorded_ || std::ranges::find(part->writes, anchor(), &env::Write::key) != part->writes.end();
    if (--unprepared_ == 0) all_prepared();
    return;
  }
  if (const auto* verdict = std::get_if<proto::SettleReply>(&reply); verdict && verdict->commit_ts) {
    commit(*verdict->commit_ts);  // somebody has finished it (V3)
    return tidy_up(*verdict->commit_ts);
  }
  if (const auto* locked = std::get_if<proto::Locked>(&reply)) {
    return meet(*locked, [self = shared_from_this(), part] { self->prepare(part); });
  }
  Error error = error_of(reply);
  if (error.code != Code::wrong_range || !reroute()) return fail(std::move(error));
  --unprepared_;
  place(cut(ranges_, part->writes, part->read_spans), false);
}

/// The anchor's prepare again, of its first key alone: it changes nothing (P6), and is heard. Not before the record is there:
/// it would make one. What the answer says is no news: the record is obeyed where it is asked for (V4).
void Attempt::renew() {
  if (over_ || !recorded_ || std::exchange(renewing_, true)) return;
  proto::PrepareRequest request{.attempt = plan_.attempt, .anchor = anchor(), .read_ts = plan_.read_ts, .writes = {plan_.writes.front()},
                                .read_spans = {}, .record = proto::RecordKind::pending, .keys = {}};
  calls_.call(anchor(), std::move(request), [self = shared_from_this()](Answer) { self->renewing_ = false; });
}

void Attempt::validate(std::vector<env::KeySpan> spans, Timestamp at, std::function<void()> passed) {
  const auto unless_over = [self = shared_from_this()](auto&& then) {
    return [self, then](auto&&... with) {
      if (!self->over_) then(std::forward<decltype(with)>(with)...);
    };
  };
  txn::validate(calls_, ranges_, {plan_.attempt, plan_.read_ts, at, std::move(spans)},
                {.passed = unless_over(std::move(passed)),
                 .failed = unless_over([this](Error error) { fail(std::move(error)); }),
                 .met = unless_over([this](const proto::Locked& locked, std::function<void()> again) { meet(locked, std::move(again)); })});
}

/// P7.
void Attempt::all_prepared() {
  const Timestamp c0 = plan_.attempt.c0;
  if (DDB_KEEPS("P7") && min_commit_ts_ > c0) return events_.want_timestamp();
  if (plan_.staging) commit(c0);
  decide(c0);
}

void Attempt::timestamp(Timestamp fresh) {
  if (over_) return;
  if (fresh < min_commit_ts_) return events_.want_timestamp();
  refresh(fresh);
}

void Attempt::refresh(Timestamp at) {
  if (!DDB_KEEPS("P7.refresh")) return decide(at);
  validate(plan_.read_spans, at, [self = shared_from_this(), at] { self->decide(at); });
}

/// The locks of the anchor's own range are resolved in the same step.
void Attempt::decide(Timestamp commit_ts) {
  const auto groups = cut(ranges_, keys_of(plan_.writes));
  const auto local = std::ranges::find_if(groups, [&](const auto& group) { return std::ranges::find(group, anchor()) != group.end(); });
  calls_.call(anchor(), proto::DecideRequest{plan_.attempt, anchor(), commit_ts, *local, plan_.staging ? std::vector<env::KeySpan>{} : spans_of(groups)},
              [self = shared_from_this(), commit_ts](Answer answer) {
                const auto* error = std::get_if<Error>(&answer.reply);
                if (error != nullptr && error->code == Code::wrong_range && self->reroute()) return self->decide(commit_ts);
                self->decided(answer.reply);
              });
}

void Attempt::decided(const proto::RangeReply& reply) {
  const auto* verdict = std::get_if<proto::SettleReply>(&reply);
  if (verdict != nullptr && verdict->commit_ts) {
    commit(*verdict->commit_ts);
    return tidy_up(*verdict->commit_ts);
  }
  if (over_) return;
  const auto* error = std::get_if<Error>(&reply);
  fail(error != nullptr ? *error : Error{Code::conflict, "another transaction gave this one up for dead", "restart the transaction", {}});
}

void Attempt::tidy_up(Timestamp commit_ts) {
  resolve_locks(commit_ts, [self = shared_from_this()](bool all) {
    if (all) self->calls_.call(self->anchor(), proto::ForgetRequest{self->plan_.attempt, self->anchor()}, [](Answer) {});
  });
}

void Attempt::resolve_locks(std::optional<Timestamp> commit_ts, std::function<void(bool)> done) {
  resolve(calls_, ranges_, plan_.attempt, commit_ts, keys_of(plan_.writes), std::move(done));
}

void Attempt::commit(Timestamp commit_ts) {
  over_ = true;
  if (!std::exchange(told_, true)) events_.committed(commit_ts);
}

void Attempt::fail(Error error) {
  over_ = true;
  events_.failed(std::move(error));
}

bool Attempt::reroute() { return ++reroutes_ <= reroutes_max; }

/// K1: the older one finds out about who is in its way; the younger one gives way.
void Attempt::meet(const proto::Locked& locked, std::function<void()> again) {
  if (DDB_KEEPS("K1") && plan_.attempt.id > locked.attempt.id) {
    const Bytes& key = locked.keys.empty() ? locked.anchor : locked.keys.front();
    return fail({Code::conflict, "key " + to_hex(key) + " is held by the older transaction " + std::to_string(locked.attempt.id.value),
                 "restart the transaction", key});
  }
  recovery_.clear_away(locked, [self = shared_from_this(), again = std::move(again)] {
    if (!self->over_) again();
  });
}

}  // namespace ddb::txn
