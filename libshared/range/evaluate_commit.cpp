#include "range/evaluate_commit.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/rule.hpp"
#include "mvcc/reader.hpp"

namespace ddb::range {

namespace {

Error conflict(std::string what, Bytes key) {
  return {Code::conflict, std::move(what), "restart the transaction", std::move(key)};
}

Error conflict_at(Bytes key) {
  return conflict(fmt::format("another transaction wrote key {} first", to_hex(key)), key);
}

Error unknown_outcome() {
  return {Code::unknown_outcome, "the transaction may or may not have been committed: its record is no longer kept",
          "read what it wrote", {}};
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

/// What the written keys say.
struct Written {
  Timestamp min_commit_ts;
  int64_t rows = 0;  // live ones more, or less
};

/// P3 and P5 for all written keys, then the keys that must not exist.
Result<Written> check_written(const CommitContext& context, mvcc::Reader& reader, const proto::CommitRequest& request,
                              const Newest& anchor) {
  Written written{.min_commit_ts = request.attempt.c0};
  const Bytes* exists = nullptr;
  for (const env::Write& write : request.writes) {
    const auto newest = &write == &request.writes.front() ? Result<Newest>{anchor} : newest_of(reader, write.key);
    if (!newest) return std::unexpected(newest.error());
    if (DDB_KEEPS("P3") && newest->ts > request.read_ts) return std::unexpected(conflict_at(write.key));
    if (newest->live && write.kind == env::WriteKind::insert && exists == nullptr) exists = &write.key;
    written.rows += (write.kind == env::WriteKind::erase ? 0 : 1) - (newest->live ? 1 : 0);
    const Timestamp floor = DDB_KEEPS("P5") ? context.floor.at(write.key) : Timestamp{};
    written.min_commit_ts = std::max({written.min_commit_ts, newest->ts.next(), floor.next()});
  }
  if (exists == nullptr) return written;
  // P3 has passed: what is live now is live at read_ts. The answer is a read of that (R3).
  context.floor.raise(*exists, request.read_ts);
  return fail(Code::exists, fmt::format("key {} exists", to_hex(*exists)), {}, *exists);
}

void raise_floor(mvcc::ReadFloor& floor, const env::KeySpan& span, Timestamp ts) {
  mvcc::is_point(span) ? floor.raise(span.start, ts) : floor.raise(span, ts);
}

Result<std::optional<Bytes>> newer_in(const CommitContext& context, mvcc::Reader& reader, const env::KeySpan& span,
                                      Timestamp ts) {
  return context.recent.knows_since(ts) ? context.recent.newer_in(span, ts) : reader.newer_in(span, ts);
}

/// P4: the spans are read at `ts`.
Result<void> validate_spans(const CommitContext& context, mvcc::Reader& reader, const proto::CommitRequest& request,
                            Timestamp ts) {
  for (const env::KeySpan& span : request.read_spans) {
    if (DDB_KEEPS("P4.floor")) raise_floor(context.floor, span, ts);
    const auto newer = newer_in(context, reader, span, request.read_ts);
    if (!newer) return std::unexpected(newer.error());
    if (DDB_KEEPS("P4") && *newer) return std::unexpected(conflict_at(**newer));
  }
  return {};
}

CommitCommand command_of(const proto::CommitRequest& request, Timestamp commit_ts, int64_t rows) {
  CommitCommand command{.attempt = request.attempt, .commit_ts = commit_ts, .writes = {}, .rows = rows};
  command.writes.reserve(request.writes.size());
  for (const env::Write& write : request.writes) {
    const bool erased = write.kind == env::WriteKind::erase;
    command.writes.push_back({write.key, erased ? std::nullopt : std::optional{write.value}});
  }
  return command;
}

}  // namespace

Bytes transaction_key(BytesView anchor, Timestamp id) {
  Bytes key{anchor};
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(id.value >> shift));
  return key;
}

CommitVerdict evaluate_commit(const CommitContext& context, const proto::CommitRequest& request, Timestamp fresh) {
  const Bytes& anchor = request.writes.front().key;
  const proto::Attempt& attempt = request.attempt;
  mvcc::Reader reader{context.state};
  const auto newest = newest_of(reader, anchor);
  if (!newest) return newest.error();
  const auto recorded = committed_at(reader, anchor, *newest, attempt);
  if (!recorded) return recorded.error();
  if (DDB_KEEPS("P8.record") && *recorded) return proto::CommitReply{**recorded};
  if (DDB_KEEPS("P9") && attempt.c0 <= context.threshold) return unknown_outcome();
  if (DDB_KEEPS("V2") && attempt.c0 <= context.record_floor.at(transaction_key(anchor, attempt.id))) {
    return conflict("the attempt was settled as aborted", anchor);
  }
  if (request.read_ts < context.threshold) {  // P3, P4
    return conflict("the versions that the transaction read are no longer kept", anchor);
  }

  const auto written = check_written(context, reader, request, *newest);
  if (!written) return written.error();
  const Timestamp commit_ts = std::max(attempt.c0, fresh);
  if (written->min_commit_ts > commit_ts) return NeedsTimestamp{written->min_commit_ts};
  if (auto valid = validate_spans(context, reader, request, commit_ts); !valid) return valid.error();
  return command_of(request, commit_ts, written->rows);
}

proto::RangeReply evaluate_settle(const CommitContext& context, const proto::SettleRequest& request) {
  mvcc::Reader reader{context.state};
  const auto newest = newest_of(reader, request.anchor);
  if (!newest) return newest.error();
  const auto recorded = committed_at(reader, request.anchor, *newest, request.attempt);
  if (!recorded) return recorded.error();
  if (DDB_KEEPS("P8.record") && *recorded) return proto::SettleReply{**recorded};
  if (DDB_KEEPS("P9") && request.attempt.c0 <= context.threshold) return unknown_outcome();
  context.record_floor.raise(mvcc::point_span(transaction_key(request.anchor, request.attempt.id)), request.attempt.c0);
  return proto::SettleReply{};
}

}  // namespace ddb::range
