#include "range/evaluate_read.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/rule.hpp"
#include "mvcc/lock.hpp"
#include "mvcc/reader.hpp"

namespace ddb::range {

namespace {

constexpr size_t locks_named_max = 64;

Result<void> read_keys(mvcc::Reader& reader, const proto::ReadRequest& request, const ReadLimits& limits,
                       proto::ReadReply& reply) {
  size_t bytes = 0;
  reply.values.reserve(request.keys.size());
  for (const Bytes& key : request.keys) {
    const auto version = reader.at(key, DDB_KEEPS("R4") ? request.read_ts : Timestamp{UINT64_MAX});
    if (!version) return std::unexpected(version.error());
    const bool live = *version && !(*version)->tombstone;
    reply.values.push_back(live ? std::optional<Bytes>{(*version)->row} : std::nullopt);
    if (live) bytes += (*version)->row.size();
    if (bytes > limits.bytes_max) {
      return fail(Code::too_long, fmt::format("the values of {} keys are over the limit", request.keys.size()),
                  fmt::format("read up to {} bytes at a time", limits.bytes_max));
    }
  }
  return {};
}

/// What the page covered: the span up to what is left.
env::KeySpan covered(const env::KeySpan& span, bool reverse, const std::optional<env::KeySpan>& rest) {
  if (!rest) return span;
  return reverse ? env::KeySpan{rest->end, span.end} : env::KeySpan{span.start, rest->start};
}

Result<void> read_page(mvcc::Reader& reader, const proto::ReadRequest& request, const ReadLimits& limits,
                       mvcc::ReadFloor& floor, proto::ReadReply& reply) {
  const bool selects = !request.select.empty();
  const mvcc::ScanBounds bounds{.rows_max = std::min(request.rows_max, limits.rows_max),
                                .bytes_max = std::min(request.bytes_max, limits.bytes_max),
                                .versions_max = selects ? std::min(limits.versions_max, limits.selected_max) : limits.versions_max};
  std::optional<codec::Selector> selector;
  if (selects) {
    auto opened = codec::Selector::open(request.select);
    if (!opened) return fail(Code::usage, opened.error().message);
    selector = *std::move(opened);
  }
  auto page = reader.scan(*request.scan, request.reverse, request.read_ts, bounds, selector ? &*selector : nullptr);
  if (!page) return std::unexpected(page.error());
  // Gaps included.
  if (DDB_KEEPS("R3")) floor.raise(covered(*request.scan, request.reverse, page->rest), request.read_ts);
  reply.rows = std::move(page->rows);
  reply.rest = std::move(page->rest);
  return {};
}

/// R2: the locks in the way of what was read, those of the first one's attempt.
Result<std::optional<proto::Locked>> locked_below(env::State& state, const proto::ReadRequest& request,
                                                  const std::optional<env::KeySpan>& rest) {
  mvcc::LockReader reader{state, true};
  const Timestamp highest = request.update_id ? Timestamp{UINT64_MAX} : request.read_ts;
  std::optional<proto::Locked> locked;
  const auto meet = [&](const Bytes& key, const mvcc::Lock& lock) {
    const proto::Attempt attempt{lock.attempt.id, lock.attempt.c0};
    if (!locked) locked = proto::Locked{attempt, lock.anchor, {}};
    if (locked->attempt == attempt) locked->keys.push_back(key);
  };
  for (const Bytes& key : request.keys) {
    const auto lock = reader.at(key);
    if (!lock) return std::unexpected(lock.error());
    if (*lock && (*lock)->min_commit_ts <= highest) meet(key, **lock);
  }
  if (!request.scan) return locked;
  const auto found = reader.in_the_way(covered(*request.scan, request.reverse, rest), request.read_ts, {}, locks_named_max);
  if (!found) return std::unexpected(found.error());
  for (const auto& at : *found) meet(at.key, at.lock);
  return locked;
}

/// The newest version of the key, if it is above read_ts.
Result<std::optional<Timestamp>> changed_since(mvcc::Reader& reader, const proto::ReadRequest& request) {
  const auto newest = reader.at(request.keys.front(), Timestamp{UINT64_MAX});
  if (!newest) return std::unexpected(newest.error());
  if (!*newest || (*newest)->ts <= request.read_ts) return std::nullopt;
  return (*newest)->ts;
}

proto::RangeReply read_at(env::State& state, const proto::ReadRequest& request, const DataRecord& record, const ReadLimits& limits,
                          mvcc::ReadFloor& floor) {
  proto::ReadReply reply;
  mvcc::Reader reader{state};
  if (DDB_KEEPS("R3")) {
    for (const Bytes& key : request.keys) floor.raise(key, request.read_ts);
  }
  if (auto done = read_keys(reader, request, limits, reply); !done) return done.error();
  if (request.scan) {
    if (auto done = read_page(reader, request, limits, floor, reply); !done) return done.error();
  }
  if (record.locks == 0 || !DDB_KEEPS("R2")) return reply;
  auto locked = locked_below(state, request, reply.rest);
  if (!locked) return locked.error();
  if (*locked) return **std::move(locked);
  return reply;
}

}  // namespace

Verdict evaluate_read(env::State& state, const proto::ReadRequest& request, const DataRecord& record, const ReadLimits& limits,
                      Timestamp fresh, mvcc::ReadFloor& floor) {
  if (DDB_KEEPS("R5") && request.read_ts < record.threshold) {
    return Error{Code::too_old, "the versions of that time are no longer kept",
                 fmt::format("read at {} or later", record.threshold.value), {}};
  }
  proto::RangeReply reply = read_at(state, request, record, limits, floor);
  auto* read = std::get_if<proto::ReadReply>(&reply);
  if (!request.update_id || read == nullptr) return reply;
  mvcc::Reader reader{state};
  const auto changed = fresh ? Result<std::optional<Timestamp>>{} : changed_since(reader, request);
  if (!changed) return changed.error();
  if (*changed) return NeedsTimestamp{**changed};
  read->read_ts = fresh;
  return reply;
}

}  // namespace ddb::range
