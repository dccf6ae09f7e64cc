#include "range/split.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/rule.hpp"
#include "mvcc/key.hpp"
#include "mvcc/version.hpp"

namespace ddb::range {

namespace {

/// Of a half, looked at to estimate what it holds: a millisecond's work, for nothing else goes on meanwhile.
constexpr uint64_t versions_counted_max = 2000;

/// What the span holds; nullopt: more versions than are worth counting.
std::optional<Counts> count(env::State& state, const env::KeySpan& span) {
  const env::KeySpan stored = mvcc::stored_span(span);
  Counts counts;
  Bytes last;  // key, encoded: its newest version comes first
  const auto cursor = state.cursor(env::Table::data);
  for (bool on = cursor->seek(stored.start); on && env::contains(stored, cursor->key()); on = cursor->next()) {
    if (++counts.versions > versions_counted_max) return std::nullopt;
    counts.bytes += cursor->key().size() + cursor->value().size();
    const auto parts = mvcc::split_version_key(cursor->key());
    if (!parts || parts->encoded == last) continue;
    last = parts->encoded;
    const auto version = mvcc::decode_version(cursor->key(), cursor->value());
    if (version && !version->tombstone) ++counts.rows;
  }
  return counts;
}

/// What goes right: counted on the smaller side, if that is small, or else half of all.
Counts estimate_moved(env::State& state, const DataRecord& record, const env::KeySpan& left, const env::KeySpan& right) {
  if (const auto moved = count(state, right)) return *moved;
  const auto minus = [](uint64_t all, uint64_t part) { return all - std::min(all, part); };
  const Counts kept = count(state, left).value_or(Counts{record.rows / 2, record.versions / 2, record.bytes / 2});
  return {minus(record.rows, kept.rows), minus(record.versions, kept.versions), minus(record.bytes, kept.bytes)};
}

/// D1: both halves are one split version higher. C5: the right one's replicas are its first.
SplitCommand divide(const proto::RangeDescriptor& whole, const proto::SplitRequest& request) {
  SplitCommand command{whole, whole, {}};
  command.left.span.end = command.right.span.start = request.key;
  if (DDB_KEEPS("D1")) command.left.epoch.split = command.right.epoch.split = whole.epoch.split + 1;
  command.right.id = request.right;
  command.right.next_replica = {};
  for (auto& replica : command.right.replicas) {
    replica.id = command.right.next_replica = command.right.next_replica.next();
  }
  command.right.next_replica = command.right.next_replica.next();
  return command;
}

}  // namespace

Verdict evaluate_split(MachineHost& host, const DataRecord& record, const proto::SplitRequest& request) {
  const proto::RangeDescriptor& whole = host.descriptor();
  if (request.key == whole.span.start) return proto::RangeReply{proto::SplitReply{whole}};
  if (!host.config_settled() && DDB_KEEPS("S1")) {
    return proto::RangeReply{Error{Code::try_again, "the range's configuration is changing", "repeat the request a little later", {}}};
  }
  if (host.has_trace(request.right)) {
    return proto::RangeReply{Error{Code::refused, fmt::format("range id {} was used before", request.right.value),
                                   "take new ids from the oracle", {}}};
  }
  SplitCommand command = divide(whole, request);
  command.moved = estimate_moved(host.state(), record, command.left.span, command.right.span);
  return CommandBody{std::move(command)};
}

}  // namespace ddb::range
