#include "range/check_request.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "mvcc/key.hpp"

namespace ddb::range {

namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

Result<void> usage(const char* what) { return fail(Code::usage, what); }

/// A bound may be one byte longer than a key: the end of a span of one key is.
Result<void> check_bound(BytesView bound) {
  if (!bound.empty() && bound.back() == '\0') bound.remove_suffix(1);
  return mvcc::check_key(bound);
}

Result<void> check_span(const env::KeySpan& span) {
  if (auto start = check_bound(span.start); !start) return start;
  return check_bound(span.end);
}

Result<void> check(const proto::ReadRequest& request, size_t) {
  for (const Bytes& key : request.keys) {
    if (auto ok = mvcc::check_key(key); !ok) return ok;
  }
  if (!request.scan) return {};
  if (request.rows_max == 0) return usage("a scan asks for no rows");
  return check_span(*request.scan);
}

Result<void> check_write(const env::Write& write) {
  const bool known = write.kind == env::WriteKind::put || write.kind == env::WriteKind::insert ||
                     write.kind == env::WriteKind::erase;
  if (!known) return usage("a write is of an unknown kind");
  return mvcc::check_key(write.key);
}

bool has_twice(const std::vector<env::Write>& writes) {
  std::vector<BytesView> keys;
  keys.reserve(writes.size());
  for (const env::Write& write : writes) keys.push_back(write.key);
  std::sort(keys.begin(), keys.end());
  return std::adjacent_find(keys.begin(), keys.end()) != keys.end();
}

Result<void> check(const proto::CommitRequest& request, size_t commit_bytes_max) {
  if (request.writes.empty()) return usage("a commit writes nothing");
  if (!request.attempt.id) return usage("a transaction has no id");
  // Else it would commit below what it read.
  if (request.attempt.c0 < request.read_ts) return usage("a commit's C0 is below its read timestamp");
  size_t bytes = 0;
  for (const env::Write& write : request.writes) {
    if (auto ok = check_write(write); !ok) return ok;
    bytes += write.key.size() + write.value.size();
  }
  if (bytes > commit_bytes_max) {
    return fail(Code::too_long, fmt::format("a transaction of {} bytes is over the limit", bytes),
                fmt::format("write up to {} bytes per range and transaction", commit_bytes_max));
  }
  if (request.writes.size() > 1 && has_twice(request.writes)) return usage("a commit writes a key twice");
  for (const env::KeySpan& span : request.read_spans) {
    if (auto ok = check_span(span); !ok) return ok;
  }
  return {};
}

Result<void> check(const proto::SettleRequest& request, size_t) { return mvcc::check_key(request.anchor); }

}  // namespace

Result<void> check_request(const proto::RangeRequestBody& body, size_t commit_bytes_max) {
  return std::visit([&](const auto& request) { return check(request, commit_bytes_max); }, body);
}

Timestamp highest_timestamp(const proto::RangeRequestBody& body) {
  return std::visit(Overloaded{[](const proto::ReadRequest& r) { return r.read_ts; },
                               [](const proto::CommitRequest& r) { return std::max(r.attempt.id, r.attempt.c0); },
                               [](const proto::SettleRequest& r) { return std::max(r.attempt.id, r.attempt.c0); }},
                    body);
}

bool is_within(const proto::RangeRequestBody& body, const env::KeySpan& span) {
  const auto key_within = [&](const Bytes& key) { return mvcc::contains(span, key); };
  const auto span_within = [&](const env::KeySpan& inner) {
    return mvcc::is_empty(inner) || mvcc::contains(span, inner);
  };
  return std::visit(
      Overloaded{[&](const proto::ReadRequest& r) {
                   return std::all_of(r.keys.begin(), r.keys.end(), key_within) && (!r.scan || span_within(*r.scan));
                 },
                 [&](const proto::CommitRequest& r) {
                   const auto write_within = [&](const env::Write& write) { return key_within(write.key); };
                   return std::all_of(r.writes.begin(), r.writes.end(), write_within) &&
                          std::all_of(r.read_spans.begin(), r.read_spans.end(), span_within);
                 },
                 [&](const proto::SettleRequest& r) { return key_within(r.anchor); }},
      body);
}

}  // namespace ddb::range
