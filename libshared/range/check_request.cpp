#include "range/check_request.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/overloaded.hpp"
#include "mvcc/key.hpp"

namespace ddb::range {

namespace {

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
  if (request.update_id && (request.keys.size() != 1 || request.scan)) return usage("a read for an update is of one key");
  if (!request.scan && !request.select.empty()) return usage("a selection is of a scan");
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

Result<void> check(const std::vector<env::Write>& writes, size_t bytes_max) {
  if (writes.empty()) return usage("a commit writes nothing");
  size_t bytes = 0;
  for (const env::Write& write : writes) {
    if (auto ok = check_write(write); !ok) return ok;
    bytes += write.key.size() + write.value.size();
  }
  if (bytes > bytes_max) {
    return fail(Code::too_long, fmt::format("a transaction of {} bytes is over the limit", bytes),
                fmt::format("write up to {} bytes per range and transaction", bytes_max));
  }
  if (writes.size() > 1 && has_twice(writes)) return usage("a commit writes a key twice");
  return {};
}

Result<void> check(const std::vector<env::KeySpan>& spans) {
  for (const env::KeySpan& span : spans) {
    if (auto ok = check_span(span); !ok) return ok;
  }
  return {};
}

Result<void> check(const std::vector<Bytes>& keys) {
  for (const Bytes& key : keys) {
    if (auto ok = mvcc::check_key(key); !ok) return ok;
  }
  return {};
}

Result<void> check(const proto::Attempt& attempt, Timestamp read_ts) {
  if (!attempt.id) return usage("a transaction has no id");
  // Else it would commit below what it read.
  if (attempt.c0 < read_ts) return usage("a commit's C0 is below its read timestamp");
  return {};
}

Result<void> check(const proto::CommitRequest& request, size_t commit_bytes_max) {
  if (auto ok = check(request.attempt, request.read_ts); !ok) return ok;
  if (auto ok = check(request.writes, commit_bytes_max); !ok) return ok;
  return check(request.read_spans);
}

Result<void> check(const proto::PrepareRequest& request, size_t commit_bytes_max) {
  if (auto ok = check(request.attempt, request.read_ts); !ok) return ok;
  if (auto ok = check(request.writes, commit_bytes_max); !ok) return ok;
  if (auto ok = check(request.keys); !ok) return ok;
  if (auto ok = check(request.read_spans); !ok) return ok;
  if (request.record > proto::RecordKind::staging) return usage("a record is of an unknown kind");
  if (request.record == proto::RecordKind::staging && request.keys.empty()) return usage("a staging record lists no keys");
  return mvcc::check_key(request.anchor);
}

Result<void> check(const proto::ValidateRequest& request, size_t) {
  if (request.read_spans.empty()) return usage("there is nothing to validate");
  if (request.at < request.read_ts) return usage("a validation is for a time before the read");
  return check(request.read_spans);
}

Result<void> check(const proto::SettleRequest& request, size_t) { return mvcc::check_key(request.anchor); }

Result<void> check(const proto::DecideRequest& request, size_t) {
  if (request.commit_ts < request.attempt.c0) return usage("a commit timestamp is below C0");
  if (auto ok = check(request.keys); !ok) return ok;
  if (auto ok = check(request.spans); !ok) return ok;
  return mvcc::check_key(request.anchor);
}

Result<void> check(const proto::RecoverRequest& request, size_t) { return mvcc::check_key(request.anchor); }

Result<void> check(const proto::QueryLocksRequest& request, size_t) {
  if (request.keys.empty()) return usage("no keys are asked about");
  return check(request.keys);
}

Result<void> check(const proto::ResolveRequest& request, size_t) {
  if (request.keys.empty()) return usage("no keys are to be resolved");
  if (request.commit_ts && *request.commit_ts < request.attempt.c0) return usage("a commit timestamp is below C0");
  return check(request.keys);
}

Result<void> check(const proto::FindLocksRequest& request, size_t) {
  if (env::is_empty(request.span)) return usage("no keys are asked about");
  return check_span(request.span);
}

Result<void> check(const proto::ForgetRequest& request, size_t) { return mvcc::check_key(request.anchor); }

Result<void> check(const proto::LeaveRequest& request, size_t) { return mvcc::check_key(request.key); }

Result<void> check(const proto::SplitRequest& request, size_t) {
  if (!request.right) return usage("a split names no new range");
  return mvcc::check_key(request.key);
}

}  // namespace

Result<void> check_request(const proto::RangeRequestBody& body, size_t commit_bytes_max) {
  return std::visit([&](const auto& request) { return check(request, commit_bytes_max); }, body);
}

Timestamp highest_timestamp(const proto::RangeRequestBody& body) {
  return std::visit(
      Overloaded{[](const proto::ReadRequest& r) { return std::max(r.read_ts, r.update_id); },
                 [](const proto::ValidateRequest& r) { return std::max({r.attempt.id, r.attempt.c0, r.at}); },
                 [](const proto::DecideRequest& r) { return std::max({r.attempt.id, r.attempt.c0, r.commit_ts}); },
                 [](const proto::ResolveRequest& r) {
                   return std::max({r.attempt.id, r.attempt.c0, r.commit_ts.value_or(Timestamp{})});
                 },
                 [](const proto::SplitRequest&) { return Timestamp{}; },
                 [](const proto::LeaveRequest&) { return Timestamp{}; },
                 [](const auto& r) { return std::max(r.attempt.id, r.attempt.c0); }},
      body);
}

BytesView first_key(const proto::RangeRequestBody& body) {
  return std::visit(Overloaded{[](const proto::ReadRequest& r) -> BytesView {
                                 if (!r.keys.empty()) return r.keys.front();
                                 return r.scan ? BytesView{r.scan->start} : BytesView{};
                               },
                               [](const proto::CommitRequest& r) -> BytesView { return r.writes.front().key; },
                               [](const proto::PrepareRequest& r) -> BytesView { return r.writes.front().key; },
                               [](const proto::ValidateRequest& r) -> BytesView { return r.read_spans.front().start; },
                               [](const proto::QueryLocksRequest& r) -> BytesView { return r.keys.front(); },
                               [](const proto::ResolveRequest& r) -> BytesView { return r.keys.front(); },
                               [](const proto::FindLocksRequest& r) -> BytesView { return r.span.start; },
                               [](const proto::SplitRequest& r) -> BytesView { return r.key; },
                               [](const proto::LeaveRequest& r) -> BytesView { return r.key; },
                               [](const auto& r) -> BytesView { return r.anchor; }},
                    body);
}

}  // namespace ddb::range
