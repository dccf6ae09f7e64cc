#include "txn/coordinator.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/rule.hpp"

namespace ddb::txn {

namespace {

using proto::RangeReply;
using proto::RangeRequestBody;

/// The request was turned away before it was evaluated: the same one may be answered later, or elsewhere.
bool worth_repeating(Code code) {
  return code == Code::try_again || code == Code::not_leader || code == Code::unavailable;
}

/// The range turned the request itself away: this copy of it did nothing and will do nothing.
bool certain(Code code) {
  return code == Code::too_long || code == Code::store_full || code == Code::too_old || code == Code::usage ||
         code == Code::refused || code == Code::wrong_range;
}

Error bad_reply() { return {Code::bad_data, "a node's reply is not of the kind asked for", {}, {}}; }

Error unanswered(const Error& trouble) {
  if (trouble.code == Code::try_again) return trouble;
  return {Code::unavailable, trouble.message.empty() ? "no answer in time" : trouble.message, trouble.hint, trouble.detail};
}

}  // namespace

Coordinator::Coordinator(const Options& options)
    : read_ts_{options.read_ts}, spans_{options.read_spans_max}, read_ts_given_{options.read_ts} {}

Effects Coordinator::take() { return std::exchange(effects_, {}); }

bool Coordinator::has_effects() const {
  return effects_.want_timestamp || !effects_.sends.empty() || !effects_.reads.empty() || effects_.outcome;
}

uint64_t Coordinator::send(const Bytes& key, std::shared_ptr<const RangeRequestBody> body, uint32_t repeats) {
  effects_.sends.push_back({.token = ++last_token_, .key = key, .body = std::move(body), .repeats = repeats});
  return last_token_;
}

void Coordinator::want_timestamp() {
  if (!std::exchange(timestamp_wanted_, true)) effects_.want_timestamp = true;
}

void Coordinator::timestamp(Result<Timestamp> ts) {
  if (!std::exchange(timestamp_wanted_, false)) return;  // given up
  if (phase_ == Phase::starting) {
    if (!ts) return finish(std::unexpected(std::move(ts.error())));
    return start_attempt(*ts);
  }
  DDB_ASSERT(phase_ == Phase::open);
  if (ts) {
    read_ts_ = *ts;
    for (auto& [id, read] : reads_) send_read(read);
  } else {
    while (!reads_.empty()) finish_read(reads_.begin()->first, std::unexpected(ts.error()));
  }
}

void Coordinator::reply(uint64_t token, RangeReply reply) {
  if (token == token_ && phase_ == Phase::committing) return commit_answered(std::move(reply));
  if (token == token_ && phase_ == Phase::settling) return settle_answered(std::move(reply));
  for (auto& [id, read] : reads_)
    if (read.token == token) return read_answered(id, std::move(reply));
}

void Coordinator::no_answer(uint64_t token, const Error& why) {
  if (token == token_ && (phase_ == Phase::committing || phase_ == Phase::settling)) {
    if (phase_ == Phase::committing && why.code == Code::unknown_outcome) in_doubt_ = true;
    return repeat(why);
  }
  for (auto& [id, read] : reads_)
    if (read.token == token) return repeat_read(read, why);
}

void Coordinator::give_up() {
  timestamp_wanted_ = false;
  while (!reads_.empty()) finish_read(reads_.begin()->first, std::unexpected(unanswered(reads_.begin()->second.trouble)));
  if (phase_ == Phase::starting) finish(std::unexpected(restarts_ > 0 ? refusal_ : unanswered({})));
  if (phase_ == Phase::committing) in_doubt_ = in_doubt_ || copy_under_way();
  effects_.want_timestamp = false;
  effects_.sends.clear();
  if (phase_ == Phase::committing || phase_ == Phase::settling) finish(std::unexpected(uncertainty()));
}

bool Coordinator::copy_under_way() const {
  return std::ranges::find(effects_.sends, token_, &Send::token) == effects_.sends.end();
}

uint64_t Coordinator::read(Bytes key, proto::ReadRequest request) {
  DDB_ASSERT(phase_ == Phase::open);
  has_read_ = true;
  const ReadId id = ++last_read_;
  auto& read = reads_[id];
  read.key = std::move(key);
  read.body = std::make_shared<RangeRequestBody>(std::move(request));
  if (read_ts_) {
    send_read(read);
  } else {
    want_timestamp();
  }
  return id;
}

void Coordinator::send_read(Read& read) {
  if (read.repeats == 0) std::get<proto::ReadRequest>(*read.body).read_ts = read_ts_;
  read.token = send(read.key, read.body, read.repeats);
}

/// Reads change nothing that a repetition could double: they are repeated until someone answers.
void Coordinator::repeat_read(Read& read, Error why) {
  ++read.repeats;
  read.trouble = std::move(why);
  send_read(read);
}

void Coordinator::read_answered(ReadId id, RangeReply reply) {
  Read& read = reads_.at(id);
  if (std::holds_alternative<proto::Redirect>(reply)) return repeat_read(read, {Code::unavailable, "no replica leads", {}, {}});
  if (auto* error = std::get_if<Error>(&reply)) {
    if (worth_repeating(error->code)) return repeat_read(read, std::move(*error));
    return finish_read(id, std::unexpected(std::move(*error)));
  }
  auto* done = std::get_if<proto::ReadReply>(&reply);
  const auto& asked = std::get<proto::ReadRequest>(*read.body);
  if (done == nullptr || done->values.size() != asked.keys.size()) return finish_read(id, std::unexpected(bad_reply()));
  note_spans(asked, *done);
  finish_read(id, std::move(*done));
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
  if (writes.empty()) return finish(read_ts_);  // P1
  writes_ = std::move(writes);
  phase_ = Phase::starting;
  want_timestamp();  // C0 (P2)
}

void Coordinator::start_attempt(Timestamp c0) {
  // What read nothing has no snapshot to defend: it reads at C0, and its id is C0 where no older one is known.
  const Timestamp read_ts = has_read_ ? read_ts_ : c0;
  if (read_ts > c0) return finish(fail(Code::refused, "the transaction reads at a timestamp that is yet to come"));
  if (!attempt_.id) attempt_.id = read_ts_given_ ? c0 : read_ts;
  attempt_.c0 = c0;
  request_ = std::make_shared<RangeRequestBody>(proto::CommitRequest{
      .attempt = attempt_, .read_ts = read_ts, .writes = writes_, .read_spans = spans_.spans()});
  phase_ = Phase::committing;
  in_doubt_ = false;
  repeats_ = 0;
  trouble_ = {};
  token_ = send(writes_.front().key, request_, repeats_);
}

/// The identical request again (V5, P8): the record answers if an earlier copy was carried out.
void Coordinator::repeat(Error why) {
  trouble_ = std::move(why);
  token_ = send(writes_.front().key, request_, ++repeats_);
}

void Coordinator::commit_answered(RangeReply reply) {
  if (const auto* committed = std::get_if<proto::CommitReply>(&reply)) return finish(committed->commit_ts);
  if (const auto* redirect = std::get_if<proto::Redirect>(&reply)) {
    in_doubt_ = in_doubt_ || redirect->in_doubt;
    return repeat({Code::unavailable, "no replica leads", {}, {}});
  }
  auto* error = std::get_if<Error>(&reply);
  commit_refused(error != nullptr ? std::move(*error) : bad_reply());
}

void Coordinator::commit_refused(Error error) {
  if (worth_repeating(error.code)) return repeat(std::move(error));
  if (error.code == Code::unknown_outcome) return finish(std::unexpected(std::move(error)));  // P9: the record is gone
  if (DDB_KEEPS("P11") && (!certain(error.code) || in_doubt_)) return settle(std::move(error));
  finish(std::unexpected(std::move(error)));
}

/// P11: before anyone hears of an abort, and before another attempt is sent, the attempt ends at its anchor.
void Coordinator::settle(Error reason) {
  phase_ = Phase::settling;
  refusal_ = std::move(reason);
  request_ = std::make_shared<RangeRequestBody>(
      proto::SettleRequest{.attempt = attempt_, .anchor = writes_.front().key});
  repeats_ = 0;
  token_ = send(writes_.front().key, request_, repeats_);
}

void Coordinator::settle_answered(RangeReply reply) {
  if (const auto* verdict = std::get_if<proto::SettleReply>(&reply)) return settled(verdict->commit_ts);
  auto* error = std::get_if<Error>(&reply);
  if (std::holds_alternative<proto::Redirect>(reply)) return repeat({Code::unavailable, "no replica leads", {}, {}});
  if (error != nullptr && worth_repeating(error->code)) return repeat(std::move(*error));
  trouble_ = error != nullptr ? std::move(*error) : bad_reply();
  finish(std::unexpected(uncertainty()));
}

void Coordinator::settled(std::optional<Timestamp> commit_ts) {
  if (commit_ts) return finish(*commit_ts);
  if (refusal_.code != Code::conflict || has_read_) return finish(std::unexpected(std::move(refusal_)));
  ++restarts_;  // nothing was read, so nothing that the caller knows is outdated: a new attempt at a new C0
  phase_ = Phase::starting;
  want_timestamp();
}

/// unknown_outcome only when it is true: not when no copy has left.
Error Coordinator::uncertainty() const {
  if (phase_ == Phase::committing && !in_doubt_) return unanswered(trouble_);
  const std::string why = trouble_.message.empty() ? "no answer in time" : trouble_.message;
  return {Code::unknown_outcome, "the transaction may or may not have committed: " + why, "read back what it wrote", {}};
}

void Coordinator::finish(Result<Timestamp> outcome) {
  phase_ = Phase::over;
  token_ = 0;
  timestamp_wanted_ = false;
  effects_.outcome = std::move(outcome);
}

}  // namespace ddb::txn
