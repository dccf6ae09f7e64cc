#include "range/evaluate_record.hpp"

#include <algorithm>

#include "base/rule.hpp"
#include "mvcc/reader.hpp"

namespace ddb::range {

namespace {

using State = TransactionRecord::State;
using proto::RecoverReply;

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
  if (*record) return CommandBody{DecideCommand{request.attempt, request.anchor, request.commit_ts, request.keys}};
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
  if ((*record)->state == State::committed) return RecoverReply{RecoverReply::State::committed, (*record)->commit_ts, (*record)->keys};
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
