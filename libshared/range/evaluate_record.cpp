#include "range/evaluate_record.hpp"

#include <algorithm>

#include "base/rule.hpp"
#include "mvcc/key.hpp"
#include "mvcc/lock.hpp"
#include "mvcc/reader.hpp"

namespace ddb::range {

namespace {

using State = TransactionRecord::State;
using proto::RecoverReply;

constexpr size_t locks_looked_at_max = 1024;  // for one answer

/// V2: from here on no record of this attempt, or of an older one, is created. A span: exact, where a key shares a floor.
void close_record(const CommitContext& context, const Bytes& anchor, const proto::Attempt& attempt) {
  if (DDB_KEEPS("V2.floor")) context.record_floor.raise(env::point_span(transaction_key(anchor, attempt.id)), attempt.c0);
}

Verdict abort(const CommitContext& context, const Bytes& anchor, const proto::Attempt& attempt) {
  close_record(context, anchor, attempt);
  return CommandBody{DecideCommand{attempt, anchor, std::nullopt, {}}};
}

bool is_held(const std::optional<mvcc::Lock>& lock, const proto::Attempt& attempt) {
  return lock && lock->attempt == mvcc::Writer{attempt.id, attempt.c0};
}

}  // namespace

Error unknown_outcome() {
  return {Code::unknown_outcome, "the transaction may or may not have been committed: its record is no longer kept",
          "read what it wrote", {}};
}

Result<std::optional<TransactionRecord>> record_of(const CommitContext& context, BytesView anchor,
                                                   const proto::Attempt& attempt) {
  if (context.record.records == 0) return std::nullopt;
  auto record = read_record(context.state, transaction_key(anchor, attempt.id));
  if (!record || !*record || (*record)->c0 == attempt.c0) return record;
  return std::nullopt;
}

Verdict evaluate_settle(const CommitContext& context, const proto::SettleRequest& request) {
  const auto record = record_of(context, request.anchor, request.attempt);
  if (!record) return record.error();
  if (*record && (*record)->state == State::committed) return proto::SettleReply{(*record)->commit_ts};
  if (*record) return abort(context, request.anchor, request.attempt);
  mvcc::Reader reader{context.state};
  const auto version = reader.record(request.anchor, {request.attempt.id, request.attempt.c0});  // P8
  if (!version) return version.error();
  if (DDB_KEEPS("P8.record") && *version) return proto::SettleReply{(*version)->ts};
  if (DDB_KEEPS("P9") && request.attempt.c0 <= context.record.threshold) return unknown_outcome();
  close_record(context, request.anchor, request.attempt);
  return proto::SettleReply{};
}

Verdict evaluate_decide(const CommitContext& context, const proto::DecideRequest& request) {
  const auto record = record_of(context, request.anchor, request.attempt);
  if (!record) return record.error();
  if (*record && (*record)->state == State::committed) return proto::SettleReply{(*record)->commit_ts};
  if (*record) return CommandBody{DecideCommand{request.attempt, request.anchor, request.commit_ts, request.keys, request.spans}};
  if (DDB_KEEPS("P9") && request.attempt.c0 <= context.record.threshold) return unknown_outcome();
  close_record(context, request.anchor, request.attempt);
  return proto::SettleReply{};
}

Verdict evaluate_recover(const CommitContext& context, const proto::RecoverRequest& request, bool abandoned) {
  const auto record = record_of(context, request.anchor, request.attempt);
  if (!record) return record.error();
  if (!*record) {
    // V2. At or below the threshold too: a record goes only after the last lock, and who asks holds one (P9).
    close_record(context, request.anchor, request.attempt);
    return RecoverReply{};
  }
  if ((*record)->state == State::committed) return RecoverReply{RecoverReply::State::committed, (*record)->commit_ts, (*record)->keys, (*record)->spans};
  if ((*record)->state == State::staging) return RecoverReply{RecoverReply::State::staging, {}, (*record)->keys};
  if (!abandoned) return RecoverReply{RecoverReply::State::pending, {}, {}};
  return abort(context, request.anchor, request.attempt);
}

proto::RangeReply evaluate_query(const CommitContext& context, const proto::QueryLocksRequest& request) {
  auto locks = context.locks();
  bool all = true;
  for (const Bytes& key : request.keys) {
    if (DDB_KEEPS("V3")) context.floor.raise(key, request.attempt.c0);  // R3: no lock of this attempt at C0 or below comes after this
    const auto lock = locks.at(key);
    if (!lock) return lock.error();
    all = all && is_held(*lock, request.attempt) && (*lock)->min_commit_ts <= request.attempt.c0;
  }
  return proto::QueryLocksReply{all};
}

/// The attempt is committed: no lock of it comes any more, so this is a question about what is applied.
proto::RangeReply evaluate_find_locks(const CommitContext& context, const proto::FindLocksRequest& request) {
  proto::FindLocksReply reply;
  if (context.record.locks == 0) return reply;
  const env::KeySpan stored = mvcc::stored_span(request.span);
  const auto cursor = context.state.cursor(env::Table::lock);
  size_t left = locks_looked_at_max;
  for (bool on = cursor->seek(stored.start); on && env::contains(stored, cursor->key()); on = cursor->next()) {
    auto key = mvcc::decode_key(cursor->key());
    if (!key) return std::move(key.error());
    if (left-- == 0) {
      reply.next = *std::move(key);
      return reply;
    }
    const auto lock = mvcc::decode_lock(cursor->key(), cursor->value());
    if (!lock) return lock.error();
    if (is_held(*lock, request.attempt)) reply.keys.push_back(*std::move(key));
  }
  return reply;
}

Verdict evaluate_resolve(const CommitContext& context, const proto::ResolveRequest& request) {
  ResolveCommand command{request.attempt, request.commit_ts, {}};
  for (const Bytes& key : request.keys) {
    const auto lock = context.locks().at(key);
    if (!lock) return lock.error();
    if (!DDB_KEEPS("V1") || is_held(*lock, request.attempt)) command.keys.push_back(key);
  }
  if (command.keys.empty()) return proto::Done{};
  return CommandBody{std::move(command)};
}

}  // namespace ddb::range
