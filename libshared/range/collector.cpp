#include "range/collector.hpp"

#include <algorithm>

#include "mvcc/gc.hpp"

namespace ddb::range {

std::optional<CollectCommand> Collector::next(env::State& state, const env::KeySpan& span, Timestamp threshold) {
  if (!position_) return std::nullopt;
  const env::KeySpan left{std::max(*position_, span.start), span.end};
  auto garbage = mvcc::find_garbage(state, left, threshold,
                                    {.keys_max = options_.piece_max, .versions_max = options_.piece_max});
  position_ = garbage.next;
  const env::KeySpan piece{left.start, garbage.next ? *garbage.next + '\0' : span.end};
  if (garbage.versions.empty() && find_old_records(state, piece, threshold, 1).empty()) return std::nullopt;
  return CollectCommand{piece, options_.piece_max};
}

}  // namespace ddb::range
