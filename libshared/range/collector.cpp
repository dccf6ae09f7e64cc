#include "range/collector.hpp"

#include <algorithm>
#include <array>

#include "env/span.hpp"
#include "mvcc/gc.hpp"
#include "mvcc/key.hpp"

namespace ddb::range {

namespace {

/// Neither versions nor locks: a lock may be part of a transaction that is committed elsewhere (V3), and stays.
bool is_clear(env::State& state, const env::KeySpan& span) {
  const env::KeySpan stored = mvcc::stored_span(span);
  return std::ranges::none_of(std::array{env::Table::data, env::Table::lock}, [&](env::Table table) {
    const auto cursor = state.cursor(table);
    return cursor->seek(stored.start) && env::contains(stored, cursor->key());
  });
}

}  // namespace

bool Collector::has_garbage(const DataRecord& record, const env::KeySpan& range, const Allowance& allowance) {
  if (record.versions > record.rows || record.records > 0) return true;
  return std::ranges::any_of(allowance.dropped, [&](const auto& dropped) { return env::overlap(dropped.span, range); });
}

void Collector::begin_sweep(const env::KeySpan& range, Timestamp threshold, const Allowance& allowance) {
  left_.clear();
  left_.push_back({range, range.start, {}});
  for (const auto& dropped : allowance.dropped) {
    if (dropped.at > threshold || !env::overlap(dropped.span, range)) continue;
    const env::KeySpan span = env::intersect(dropped.span, range);
    left_.push_back({span, span.start, dropped.at});
  }
}

std::optional<CollectCommand> Collector::next(env::State& state, const env::KeySpan& range, Timestamp threshold) {
  Part& part = left_.front();
  const env::KeySpan whole = env::intersect(part.span, range);  // the range may have split
  const env::KeySpan left{std::max(part.position, whole.start), whole.end};
  const bool none = env::is_empty(left);
  mvcc::Garbage garbage;
  if (!none) {
    garbage = mvcc::find_garbage(state, left, threshold, {.keys_max = options_.piece_max, .versions_max = options_.piece_max,
                                                          .whole = part.dropped.has_value()});
  }
  const env::KeySpan piece{left.start, garbage.next ? *garbage.next + '\0' : whole.end};
  const bool found = !garbage.versions.empty() || (!none && !find_old_records(state, piece, threshold, 1).empty());
  const auto dropped = part.dropped;
  if (garbage.next) {
    part.position = *garbage.next;
  } else if (!dropped || !found) {  // else it is looked at once more, when that is gone
    if (dropped && !none && is_clear(state, whole)) cleared_.push_back(whole);
    left_.pop_front();
  }
  if (!found) return std::nullopt;
  return CollectCommand{piece, options_.piece_max, dropped};
}

}  // namespace ddb::range
