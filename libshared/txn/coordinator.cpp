#include "txn/coordinator.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/rule.hpp"
#include "txn/validation.hpp"

namespace ddb::txn {

namespace {

constexpr int reroutes_max = 64;  // times that ranges may change under one transaction's commit
constexpr uint32_t refreshes_max = 8;  // K2: then the conflict is heard of

using proto::RangeReply;
using proto::RangeRequestBody;

/// The range turned the request itself away: this copy of it did nothing and will do nothing.
bool certain(Code code) {
  return code == Code::too_long || code == Code::store_full || code == Code::too_old || code == Code::usage ||
         code == Code::refused;
}

Error bad_reply() { return {Code::bad_data, "a node's reply is not of the kind asked for", {}, {}}; }

Error unanswered(const Error& trouble) {
  if (trouble.code == Code::try_again) return trouble;
  return {Code::unavailable, trouble.message.empty() ? "no answer in time" : trouble.message, trouble.hint, trouble.detail};
}

}  // namespace

Coordinator::Coordinator(const Options& options)
    : ranges_{options.ranges != nullptr ? *options.ranges : static_cast<const Ranges&>(one_range_)},
      staging_keys_max_{options.staging_keys_max},
      read_ts_{options.read_ts},
      spans_{options.read_spans_max},
      read_ts_given_{options.read_ts} {}

Effects Coordinator::take() {
  Effects out = std::exchange(effects_, {});
  out.sends = calls_.take();
  return out;
}

bool Coordinator::has_effects() const {
  return effects_.want_timestamp || calls_.has_sends() || !effects_.reads.empty() || effects_.outcome;
}

void Coordinator::want_timestamp() {
  if (!std::exchange(timestamp_wanted_, true)) effects_.want_timestamp = true;
}

void Coordinator::timestamp(Result<Timestamp> ts) {
  if (!std::exchange(timestamp_wanted_, false)) return;  // given up
  switch (phase_) {
    case Phase::starting: return ts ? start_attempt(*ts) : finish(std::unexpected(std::move(ts.error())));
    case Phase::committing: return ts ? attempt_->timestamp(*ts) : settle(std::move(ts.error()));
    case Phase::refreshing: return ts ? refresh_at(*ts) : finish(std::unexpected(std::move(refusal_)));
    default: DDB_ASSERT(phase_ == Phase::open);
  }
  if (!ts) {
    while (!reads_.empty()) finish_read(reads_.begin()->first, std::unexpected(ts.error()));
    return;
  }
  read_ts_ = *ts;
  id_.id = *ts;
  send_waiting_reads();
}

void Coordinator::reply(uint64_t token, RangeReply reply) { calls_.reply(token, std::move(reply)); }

void Coordinator::no_answer(uint64_t token, const Error& why) { calls_.no_answer(token, why); }

void Coordinator::give_up() {
  timestamp_wanted_ = false;
  moving_ = false;
  while (!reads_.empty()) {
    const auto& [id, read] = *reads_.begin();
    finish_read(id, std::unexpected(unanswered(calls_.trouble(read.call).why)));
  }
  const Calls::Trouble trouble = calls_.trouble(call_);
  const Phase phase = phase_;
  if (phase == Phase::starting) finish(std::unexpected(restarts_ > 0 ? refusal_ : unanswered({})));
  if (phase == Phase::refreshing) finish(std::unexpected(std::move(refusal_)));
  if (phase == Phase::settling) finish(std::unexpected(uncertainty(trouble.why, true)));
  if (phase == Phase::committing && attempt_) finish(std::unexpected(uncertainty({}, attempt_->has_prepared())));
  if (phase == Phase::committing && !attempt_) {
    finish(std::unexpected(uncertainty(trouble.why, in_doubt_ || trouble.in_doubt)));
  }
  effects_.want_timestamp = false;
  calls_.clear();
}

uint64_t Coordinator::read(Bytes key, proto::ReadRequest request) { return add_read(std::move(key), std::move(request), false); }

uint64_t Coordinator::read_for_update(Bytes key) {
  proto::ReadRequest request;
  request.keys = {key};
  return add_read(std::move(key), std::move(request), !read_ts_given_);  // a given read_ts cannot move
}

Coordinator::ReadId Coordinator::add_read(Bytes key, proto::ReadRequest request, bool for_update) {
  DDB_ASSERT(phase_ == Phase::open);
  has_read_ = true;
  const ReadId id = ++last_read_;
  reads_[id] = {.key = std::move(key), .request = std::move(request), .for_update = for_update, .call = 0};
  if (!read_ts_) want_timestamp();
  else if (!moving_) send_read(id);
  return id;
}

void Coordinator::drop(ReadId id) {
  const auto read = reads_.extract(id);
  if (read) calls_.cancel(read.mapped().call);
}

void Coordinator::send_read(ReadId id) {
  Read& read = reads_.at(id);
  read.request.read_ts = read_ts_;
  if (read.for_update) read.request.update_id = id_.id;
  read.call = calls_.call(read.key, read.request, [this, id](Answer answer) { read_answered(id, std::move(answer.reply)); });
}

void Coordinator::send_waiting_reads() {
  for (const auto& [id, read] : reads_) {
    if (read.call == 0) send_read(id);
  }
}

/// Reads change nothing that a repetition could double: they are repeated until someone answers.
void Coordinator::read_answered(ReadId id, RangeReply reply) {
  const auto read = reads_.find(id);
  if (read == reads_.end()) return;
  if (const auto* locked = std::get_if<proto::Locked>(&reply)) {
    return recovery_.clear_away(*locked, [this, id] {
      if (reads_.contains(id)) send_read(id);
    });
  }
  if (auto* error = std::get_if<Error>(&reply)) return finish_read(id, std::unexpected(std::move(*error)));
  auto* done = std::get_if<proto::ReadReply>(&reply);
  const proto::ReadRequest& asked = read->second.request;
  if (done == nullptr || done->values.size() != asked.keys.size()) return finish_read(id, std::unexpected(bad_reply()));
  if (read->second.for_update) update_keys_.push_back(read->second.key);
  if (DDB_KEEPS("R6") && (moving_ || asked.read_ts != read_ts_)) {  // from before read_ts moved, or amid that: it is read again
    read->second.call = 0;
    if (!moving_) send_read(id);
    return;
  }
  done->read_ts > read_ts_ ? move_reads(id, std::move(*done)) : take_read(id, std::move(*done));
}

void Coordinator::take_read(ReadId id, proto::ReadReply reply) {
  note_spans(reads_.at(id).request, reply);
  finish_read(id, std::move(reply));
}

/// K2: what was read before has to be so at the read's own timestamp as well. Reads that are answered meanwhile wait.
void Coordinator::move_reads(ReadId id, proto::ReadReply reply) {
  moving_ = true;
  const Timestamp at = reply.read_ts;
  const auto passed = [this, id, at, reply = std::move(reply)] {
    moving_ = false;
    if (phase_ != Phase::open) return;
    read_ts_ = at;
    if (reads_.contains(id)) take_read(id, reply);
    send_waiting_reads();
  };
  const auto failed = [this, id](Error error) {
    moving_ = false;
    if (phase_ != Phase::open) return;
    if (reads_.contains(id)) finish_read(id, std::unexpected(std::move(error)));
    send_waiting_reads();
  };
  validate_reads(at, passed, failed);
}

/// K2: every span. Others' locks are found out about at once: nobody waits for this one, which holds none (K1).
void Coordinator::validate_reads(Timestamp at, std::function<void()> passed, std::function<void(Error)> failed) {
  if (!DDB_KEEPS("K2")) return passed();
  validate(calls_, ranges_, {{id_.id, at}, read_ts_, at, spans_.spans()},
           {.passed = std::move(passed), .failed = std::move(failed),
            .met = [this](const proto::Locked& locked, std::function<void()> again) { recovery_.clear_away(locked, std::move(again)); }});
}

void Coordinator::finish_read(ReadId id, Result<proto::ReadReply> reply) {
  reads_.erase(id);
  effects_.reads.push_back({.id = id, .reply = std::move(reply)});
}

/// What was read, empty gaps included: all of it is validated at commit (P4).
void Coordinator::note_spans(const proto::ReadRequest& request, const proto::ReadReply& reply) {
  for (const auto& key : request.keys) spans_.add(span_of(key));
  if (!request.scan) return;
  env::KeySpan span = *request.scan;
  if (reply.rest && request.reverse) span.start = reply.rest->end;
  if (reply.rest && !request.reverse) span.end = reply.rest->start;
  if (span.end.empty() || span.start < span.end) spans_.add(std::move(span));
}

void Coordinator::commit(std::vector<env::Write> writes) {
  DDB_ASSERT(phase_ == Phase::open);
  DDB_ASSERT(reads_.empty());
  if (DDB_KEEPS("P1") && writes.empty()) return finish(read_ts_);
  writes_ = std::move(writes);
  start_over();
}

/// A new attempt, at a new C0 (P2).
void Coordinator::start_over() {
  attempt_ = nullptr;
  phase_ = Phase::starting;
  want_timestamp();
}

void Coordinator::start_attempt(Timestamp c0) {
  // What read nothing has no snapshot to defend: it reads at C0, and its id is C0 where no older one is known.
  const Timestamp read_ts = has_read_ ? read_ts_ : c0;
  if (read_ts > c0) return finish(fail(Code::refused, "the transaction reads at a timestamp that is yet to come"));
  if (!id_.id) id_.id = read_ts_given_ ? c0 : read_ts;
  id_.c0 = c0;
  phase_ = Phase::committing;
  in_doubt_ = false;
  if (cut(ranges_, writes_, spans_.spans()).size() == 1) {
    request_ = std::make_shared<RangeRequestBody>(
        proto::CommitRequest{.attempt = id_, .read_ts = read_ts, .writes = writes_, .read_spans = spans_.spans()});
    return send_commit();
  }
  attempt_ = std::make_shared<Attempt>(
      calls_, recovery_, ranges_, AttemptPlan{id_, read_ts, writes_, spans_.spans(), writes_.size() <= staging_keys_max_},
      Attempt::Events{.committed = [this](Timestamp ts) { finish(ts); },
                      .failed = [this](Error error) { commit_refused(std::move(error)); },
                      .want_timestamp = [this] { want_timestamp(); }});
  attempt_->start();
}

/// P8.
void Coordinator::send_commit() {
  call_ = calls_.call(writes_.front().key, request_, [this](Answer answer) { commit_answered(std::move(answer)); });
}

void Coordinator::commit_answered(Answer answer) {
  if (phase_ != Phase::committing) return;
  in_doubt_ = in_doubt_ || answer.in_doubt;
  if (const auto* committed = std::get_if<proto::CommitReply>(&answer.reply)) return finish(committed->commit_ts);
  if (const auto* locked = std::get_if<proto::Locked>(&answer.reply)) {
    return recovery_.clear_away(*locked, [this] {
      if (phase_ == Phase::committing) send_commit();
    });
  }
  auto* error = std::get_if<Error>(&answer.reply);
  commit_refused(error != nullptr ? std::move(*error) : bad_reply());
}

void Coordinator::commit_refused(Error error) {
  if (error.code == Code::unknown_outcome) return finish(std::unexpected(std::move(error)));  // P9: the record is gone
  if (!DDB_KEEPS("P11")) return finish(std::unexpected(std::move(error)));
  if (attempt_) return attempt_->has_prepared() ? settle(std::move(error)) : finish(std::unexpected(std::move(error)));
  if (in_doubt_) return settle(std::move(error));
  // Nothing of this attempt has been carried out, or ever will be.
  if (error.code == Code::wrong_range && ++reroutes_ <= reroutes_max) return start_attempt(id_.c0);
  if (!certain(error.code) && error.code != Code::wrong_range) return settle(std::move(error));
  finish(std::unexpected(std::move(error)));
}

/// P11: before anyone hears of an abort, and before another attempt is sent, the attempt ends at its anchor.
void Coordinator::settle(Error reason) {
  if (attempt_) attempt_->abandon();
  phase_ = Phase::settling;
  refusal_ = std::move(reason);
  call_ = calls_.call(writes_.front().key, proto::SettleRequest{.attempt = id_, .anchor = writes_.front().key},
                      [this](Answer answer) { settle_answered(std::move(answer.reply)); });
}

void Coordinator::settle_answered(RangeReply reply) {
  if (phase_ != Phase::settling) return;
  if (const auto* verdict = std::get_if<proto::SettleReply>(&reply)) return settled(verdict->commit_ts);
  auto* error = std::get_if<Error>(&reply);
  finish(std::unexpected(uncertainty(error != nullptr ? *error : bad_reply(), true)));
}

void Coordinator::settled(std::optional<Timestamp> commit_ts) {
  if (commit_ts) {
    finish(*commit_ts);
    if (attempt_) attempt_->resolve_locks(commit_ts, [](bool) {});
    return;
  }
  const bool cut_anew = refusal_.code == Code::wrong_range && ++reroutes_ <= reroutes_max;
  const bool unread = refusal_.code == Code::conflict && !has_read_;
  const bool again = cut_anew || unread;
  if (!again && !may_be_repeatable()) {
    finish(std::unexpected(std::move(refusal_)));
    if (attempt_) attempt_->resolve_locks(std::nullopt, [](bool) {});
    return;
  }
  // Cut anew, or with nothing read that could be outdated: a new attempt at a new C0. Else K2 first, without the old locks.
  const auto go_on = [this, again] {
    if (phase_ != Phase::settling) return;
    if (!again) return refresh();
    ++restarts_;
    start_over();
  };
  attempt_ ? attempt_->resolve_locks(std::nullopt, [go_on](bool) { go_on(); }) : go_on();
}

/// A conflict at a key that was read has changed what it read; one elsewhere, or with nobody's write, may not have.
bool Coordinator::may_be_repeatable() const {
  if (refusal_.code != Code::conflict || read_ts_given_ || refreshes_ >= refreshes_max) return false;
  return !spans_.covers(refusal_.detail);
}

/// K2.
void Coordinator::refresh() {
  ++refreshes_;
  phase_ = Phase::refreshing;
  want_timestamp();
}

void Coordinator::refresh_at(Timestamp fresh) {
  const auto passed = [this, fresh] {
    if (phase_ != Phase::refreshing) return;
    read_ts_ = fresh;
    ++restarts_;
    start_over();
  };
  const auto failed = [this](Error) {
    if (phase_ == Phase::refreshing) finish(std::unexpected(std::move(refusal_)));
  };
  validate_reads(fresh, passed, failed);
}

/// unknown_outcome only when it is true: not when no copy has left.
Error Coordinator::uncertainty(const Error& trouble, bool in_doubt) const {
  if (!in_doubt) return unanswered(trouble);
  const std::string why = trouble.message.empty() ? "no answer in time" : trouble.message;
  return {Code::unknown_outcome, "the transaction may or may not have committed: " + why, "read back what it wrote", {}};
}

void Coordinator::renew() {
  if (phase_ == Phase::committing && attempt_) attempt_->renew();
}

/// What the transaction has asked to write is told by that.
void Coordinator::leave() {
  for (const Bytes& key : std::exchange(update_keys_, {})) {
    const bool written = id_.c0 && std::ranges::find(writes_, key, &env::Write::key) != writes_.end();
    if (!written) calls_.call(key, proto::LeaveRequest{id_.id, key}, [](Answer) {});
  }
}

void Coordinator::finish(Result<Timestamp> outcome) {
  phase_ = Phase::over;
  timestamp_wanted_ = false;
  leave();
  effects_.outcome = std::move(outcome);
}

}  // namespace ddb::txn
