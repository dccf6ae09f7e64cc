#include "range/evaluate_read.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/rule.hpp"
#include "mvcc/reader.hpp"

namespace ddb::range {

namespace {

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
  const mvcc::ScanBounds bounds{.rows_max = std::min(request.rows_max, limits.rows_max),
                                .bytes_max = std::min(request.bytes_max, limits.bytes_max),
                                .versions_max = limits.versions_max};
  auto page = reader.scan(*request.scan, request.reverse, request.read_ts, bounds);
  if (!page) return std::unexpected(page.error());
  // Gaps included.
  if (DDB_KEEPS("R3")) floor.raise(covered(*request.scan, request.reverse, page->rest), request.read_ts);
  reply.rows = std::move(page->rows);
  reply.rest = std::move(page->rest);
  return {};
}

}  // namespace

proto::RangeReply evaluate_read(env::State& state, const proto::ReadRequest& request, Timestamp threshold,
                                const ReadLimits& limits, mvcc::ReadFloor& floor) {
  if (DDB_KEEPS("R5") && request.read_ts < threshold) {
    return Error{Code::too_old, "the versions of that time are no longer kept",
                 fmt::format("read at {} or later", threshold.value), {}};
  }
  proto::ReadReply reply;
  mvcc::Reader reader{state};
  if (DDB_KEEPS("R3")) {
    for (const Bytes& key : request.keys) floor.raise(key, request.read_ts);
  }
  if (auto done = read_keys(reader, request, limits, reply); !done) return done.error();
  if (!request.scan) return reply;
  if (auto done = read_page(reader, request, limits, floor, reply); !done) return done.error();
  return reply;
}

}  // namespace ddb::range
