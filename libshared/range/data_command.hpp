// What a range writes into its Raft log. On disk: append fields and alternatives only.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "env/kv.hpp"
#include "proto/range.hpp"

namespace ddb::range {

struct VersionWrite {
  Bytes key;
  std::optional<Bytes> row;  // nullopt: a tombstone

  static constexpr auto fields() { return std::tuple{&VersionWrite::key, &VersionWrite::row}; }
};

/// A transaction of one range, committed (P8): its versions, and its record with the first of them.
struct CommitCommand {
  proto::Attempt attempt;
  Timestamp commit_ts;
  std::vector<VersionWrite> writes;
  int64_t rows = 0;  // live rows more than before, or less

  static constexpr auto fields() {
    return std::tuple{&CommitCommand::attempt, &CommitCommand::commit_ts, &CommitCommand::writes, &CommitCommand::rows};
  }
};

/// No read below `threshold` any more, and no repetition of commits whose C0 is at or below it (F3, P9).
struct ThresholdCommand {
  Timestamp threshold;

  static constexpr auto fields() { return std::tuple{&ThresholdCommand::threshold}; }
};

/// Erases the first `versions_max` versions of the span that nobody can see above the threshold (H2).
struct CollectCommand {
  env::KeySpan span;
  uint32_t versions_max = 0;

  static constexpr auto fields() { return std::tuple{&CollectCommand::span, &CollectCommand::versions_max}; }
};

struct DataCommand {
  uint64_t split = 0;  // the split version it was evaluated at (D2)
  std::variant<CommitCommand, ThresholdCommand, CollectCommand> body;

  static constexpr auto fields() { return std::tuple{&DataCommand::split, &DataCommand::body}; }
};

}  // namespace ddb::range
