#include "range/evaluate_commit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <expected>

#include "base/rule.hpp"
#include "mvcc/reader.hpp"
#include "range/evaluate_record.hpp"

namespace ddb::range {

namespace {

/// An answer instead of a value: an Error, or Locked.
template <class T = void>
using Checked = std::expected<T, proto::RangeReply>;

constexpr size_t locks_named_max = 64;

Error conflict(std::string what, Bytes key) {
  return {Code::conflict, std::move(what), "restart the transaction", std::move(key)};
}

/// K2: names the key, and the other transaction.
Error conflict_at(Bytes key, Timestamp commit_ts) {
  return conflict(fmt::format("key {} was written by the transaction that committed at {}", to_hex(key), commit_ts.value), key);
}

Error settled_before(const Bytes& anchor) { return conflict("the attempt was settled as aborted", anchor); }

proto::Locked locked_by(const mvcc::Lock& lock, std::vector<Bytes> keys) {
  return {{lock.attempt.id, lock.attempt.c0}, lock.anchor, std::move(keys)};
}

/// The newest version of a key, or that there is none.
struct Newest {
  Timestamp ts;  // zero: none
  bool live = false;
};

Result<Newest> newest_of(mvcc::Reader& reader, BytesView key) {
  const auto version = reader.at(key, Timestamp{UINT64_MAX});
  if (!version) return std::unexpected(version.error());
  if (!*version) return Newest{};
  return Newest{(*version)->ts, !(*version)->tombstone};
}

/// What the record of an attempt says, if there is one (P8): C is not below C0, so it is seldom looked for.
Result<std::optional<Timestamp>> committed_at(mvcc::Reader& reader, BytesView anchor, const Newest& newest,
                                              const proto::Attempt& attempt) {
  if (newest.ts < attempt.c0) return std::nullopt;
  const auto record = reader.record(anchor, {attempt.id, attempt.c0});
  if (!record) return std::unexpected(record.error());
  if (!*record) return std::nullopt;
  return (*record)->ts;
}

/// What one written key says.
struct Written {
  Timestamp min_commit_ts;
  int8_t rows = 0;  // live ones more, or less
  bool exists = false;  // it must not, but does
};

/// P3 and P5 for one key.
Checked<Written> check_key(const CommitContext& context, mvcc::Reader& reader, const env::Write& write, Timestamp read_ts) {
  const auto lock = context.locks().at(write.key);
  if (!lock) return std::unexpected(lock.error());
  if (DDB_KEEPS("P3.lock") && *lock) return std::unexpected(locked_by(**lock, {write.key}));
  const auto newest = newest_of(reader, write.key);
  if (!newest) return std::unexpected(newest.error());
  if (DDB_KEEPS("P3") && newest->ts > read_ts) return std::unexpected(conflict_at(write.key, newest->ts));
  const int live_after = write.kind == env::WriteKind::erase ? 0 : 1;
  const Timestamp floor = DDB_KEEPS("P5") ? context.floor.at(write.key) : Timestamp{};
  return Written{.min_commit_ts = std::max(newest->ts.next(), floor.next()),
                 .rows = static_cast<int8_t>(live_after - (newest->live ? 1 : 0)),
                 .exists = newest->live && write.kind == env::WriteKind::insert};
}

/// P3 and P5 for all written keys, then the keys that must not exist. `each` gets what each key says.
Checked<Timestamp> check_written(const CommitContext& context, mvcc::Reader& reader, const std::vector<env::Write>& writes,
                                 Timestamp read_ts, Timestamp c0, const auto& each) {
  Timestamp min_commit_ts = c0;
  const Bytes* exists = nullptr;
  for (const env::Write& write : writes) {
    const auto written = check_key(context, reader, write, read_ts);
    if (!written) return std::unexpected(written.error());
    if (written->exists && exists == nullptr) exists = &write.key;
    min_commit_ts = std::max(min_commit_ts, written->min_commit_ts);
    each(write, written->rows);
  }
  if (exists == nullptr) return min_commit_ts;
  // P3 has passed: what is live now is live at read_ts. The answer is a read of that (R3).
  context.floor.raise(*exists, read_ts);
  return std::unexpected(Error{Code::exists, fmt::format("key {} exists", to_hex(*exists)), {}, *exists});
}

void raise_floor(mvcc::ReadFloor& floor, const env::KeySpan& span, Timestamp ts) {
  env::is_point(span) ? floor.raise(span.start, ts) : floor.raise(span, ts);
}

Result<std::optional<Bytes>> newer_in(const CommitContext& context, mvcc::Reader& reader, const env::KeySpan& span,
                                      Timestamp ts) {
  return context.recent.knows_since(ts) ? context.recent.newer_in(span, ts) : reader.newer_in(span, ts);
}

/// The first of the locks, and those of the same attempt.
proto::Locked locked_by(const std::vector<mvcc::LockAt>& locks) {
  std::vector<Bytes> keys;
  for (const auto& at : locks) {
    if (at.lock.attempt == locks.front().lock.attempt) keys.push_back(at.key);
  }
  return locked_by(locks.front().lock, std::move(keys));
}

/// P4: the spans are read at `at`.
Checked<> validate_spans(const CommitContext& context, mvcc::Reader& reader, const std::vector<env::KeySpan>& spans,
                         const proto::Attempt& own, Timestamp read_ts, Timestamp at) {
  for (const env::KeySpan& span : spans) {
    if (DDB_KEEPS("P4.floor")) raise_floor(context.floor, span, at);
    const auto newer = newer_in(context, reader, span, read_ts);
    if (!newer) return std::unexpected(newer.error());
    if (DDB_KEEPS("P4") && *newer) {
      const auto newest = newest_of(reader, **newer);
      if (!newest) return std::unexpected(newest.error());
      return std::unexpected(conflict_at(**newer, newest->ts));
    }
    const auto locks = context.locks().in_the_way(span, at, {own.id, own.c0}, locks_named_max);
    if (!locks) return std::unexpected(locks.error());
    if (DDB_KEEPS("P4.lock") && !locks->empty()) return std::unexpected(locked_by(*locks));
  }
  return {};
}

/// P3, P4: what is below the threshold can be checked no more.
Checked<> check_age(const CommitContext& context, Timestamp read_ts, const Bytes& key) {
  if (read_ts >= context.record.threshold) return {};
  return std::unexpected(conflict("the versions that the transaction read are no longer kept", key));
}

std::optional<Bytes> row_of(const env::Write& write) {
  return write.kind == env::WriteKind::erase ? std::nullopt : std::optional{write.value};
}

/// P6: the answer to a repeated prepare; nullopt: it holds no lock on these keys yet.
Checked<std::optional<Timestamp>> prepared_before(const CommitContext& context, const proto::PrepareRequest& request) {
  Timestamp min_commit_ts;
  size_t held = 0;
  for (const env::Write& write : request.writes) {
    const auto lock = context.locks().at(write.key);
    if (!lock) return std::unexpected(lock.error());
    if (!*lock || (*lock)->attempt != mvcc::Writer{request.attempt.id, request.attempt.c0}) continue;
    min_commit_ts = std::max(min_commit_ts, (*lock)->min_commit_ts);
    ++held;
  }
  if (held == 0) return std::nullopt;
  // Some are resolved already: the attempt is decided, and this a copy that comes late (V5).
  if (DDB_KEEPS("V5") && held < request.writes.size()) return std::unexpected(settled_before(request.anchor));
  return min_commit_ts;
}

/// V2, P9: whether the anchor's range takes a record of this attempt; else the answer.
Checked<> check_record(const CommitContext& context, const proto::PrepareRequest& request) {
  const proto::Attempt& attempt = request.attempt;
  if (DDB_KEEPS("P9") && attempt.c0 <= context.record.threshold) return std::unexpected(unknown_outcome());
  const Bytes key = transaction_key(request.anchor, attempt.id);
  // A record of another attempt: of this transaction, so one of the two is long settled (P11).
  const bool taken = context.record.records > 0 && context.state.get(env::Table::txn, key);
  if (DDB_KEEPS("V2") && (taken || attempt.c0 <= context.record_floor.at(key))) return std::unexpected(settled_before(request.anchor));
  return {};
}

}  // namespace

Verdict evaluate_commit(const CommitContext& context, const proto::CommitRequest& request, Timestamp fresh) {
  const Bytes& anchor = request.writes.front().key;
  const proto::Attempt& attempt = request.attempt;
  mvcc::Reader reader{context.state};
  const auto newest = newest_of(reader, anchor);
  if (!newest) return newest.error();
  const auto recorded = committed_at(reader, anchor, *newest, attempt);
  if (!recorded) return recorded.error();
  if (DDB_KEEPS("P8.record") && *recorded) return proto::CommitReply{**recorded};
  if (DDB_KEEPS("P9") && attempt.c0 <= context.record.threshold) return unknown_outcome();
  if (DDB_KEEPS("V2") && attempt.c0 <= context.record_floor.at(transaction_key(anchor, attempt.id))) return settled_before(anchor);
  if (auto ok = check_age(context, request.read_ts, anchor); !ok) return ok.error();

  CommitCommand command{.attempt = attempt, .commit_ts = std::max(attempt.c0, fresh), .writes = {}, .rows = 0};
  command.writes.reserve(request.writes.size());
  const auto min_commit_ts =
      check_written(context, reader, request.writes, request.read_ts, attempt.c0, [&](const env::Write& write, int8_t rows) {
        command.rows += rows;
        command.writes.push_back({write.key, row_of(write)});
      });
  if (!min_commit_ts) return min_commit_ts.error();
  if (DDB_KEEPS("P10") && *min_commit_ts > command.commit_ts) return NeedsTimestamp{*min_commit_ts};
  command.commit_ts = std::max(command.commit_ts, *min_commit_ts);
  auto valid = validate_spans(context, reader, request.read_spans, attempt, request.read_ts, command.commit_ts);
  if (!valid) return valid.error();
  return CommandBody{std::move(command)};
}

Verdict evaluate_prepare(const CommitContext& context, const proto::PrepareRequest& request) {
  const proto::Attempt& attempt = request.attempt;
  const bool is_anchor = request.record != proto::RecordKind::none;
  if (is_anchor) {
    const auto record = record_of(context, request.anchor, attempt);
    if (!record) return record.error();
    if (*record && (*record)->state == TransactionRecord::State::committed) return proto::SettleReply{(*record)->commit_ts};
    if (!*record) {
      if (auto ok = check_record(context, request); !ok) return ok.error();
    }
  }
  const auto before = prepared_before(context, request);
  if (!before) return before.error();
  if (DDB_KEEPS("P6") && *before) return proto::PrepareReply{**before};
  if (auto ok = check_age(context, request.read_ts, request.anchor); !ok) return ok.error();

  mvcc::Reader reader{context.state};
  PrepareCommand command{.attempt = attempt, .anchor = request.anchor, .min_commit_ts = {}, .writes = {},
                         .record = request.record, .keys = request.keys};
  command.writes.reserve(request.writes.size());
  const auto min_commit_ts =
      check_written(context, reader, request.writes, request.read_ts, attempt.c0, [&](const env::Write& write, int8_t rows) {
        command.writes.push_back({write.key, row_of(write), rows});
      });
  if (!min_commit_ts) return min_commit_ts.error();
  command.min_commit_ts = *min_commit_ts;
  auto valid = validate_spans(context, reader, request.read_spans, attempt, request.read_ts, attempt.c0);  // P5
  if (!valid) return valid.error();
  return CommandBody{std::move(command)};
}

proto::RangeReply evaluate_validate(const CommitContext& context, const proto::ValidateRequest& request) {
  if (auto ok = check_age(context, request.read_ts, request.read_spans.front().start); !ok) return ok.error();
  mvcc::Reader reader{context.state};
  auto valid = validate_spans(context, reader, request.read_spans, request.attempt, request.read_ts, request.at);
  if (!valid) return valid.error();
  return proto::Done{};
}

}  // namespace ddb::range
