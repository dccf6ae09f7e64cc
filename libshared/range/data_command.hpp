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

/// Locks of one attempt, and at the anchor its record (P6).
struct PrepareCommand {
  struct Write {
    Bytes key;
    std::optional<Bytes> row;  // nullopt: a tombstone
    int8_t rows = 0;           // live rows more, once it commits

    static constexpr auto fields() { return std::tuple{&Write::key, &Write::row, &Write::rows}; }
  };

  proto::Attempt attempt;
  Bytes anchor;
  Timestamp min_commit_ts;
  std::vector<Write> writes;
  proto::RecordKind record = proto::RecordKind::none;
  std::vector<Bytes> keys;  // of a staging record

  static constexpr auto fields() {
    return std::tuple{&PrepareCommand::attempt, &PrepareCommand::anchor, &PrepareCommand::min_commit_ts,
                      &PrepareCommand::writes,  &PrepareCommand::record, &PrepareCommand::keys};
  }
};

/// The attempt's record becomes COMMITTED, or goes: it is aborted. Evaluated from its STAGING or PENDING under a latch on
/// the record, so it still is that when this is applied. `keys`: locks of this range that go with it.
struct DecideCommand {
  proto::Attempt attempt;
  Bytes anchor;
  std::optional<Timestamp> commit_ts;  // nullopt: aborted
  std::vector<Bytes> keys;
  std::vector<env::KeySpan> spans{};

  static constexpr auto fields() {
    return std::tuple{&DecideCommand::attempt, &DecideCommand::anchor, &DecideCommand::commit_ts, &DecideCommand::keys,
                      &DecideCommand::spans};
  }
};

/// Exactly this attempt's locks become versions, or go (V1).
struct ResolveCommand {
  proto::Attempt attempt;
  std::optional<Timestamp> commit_ts;
  std::vector<Bytes> keys;

  static constexpr auto fields() {
    return std::tuple{&ResolveCommand::attempt, &ResolveCommand::commit_ts, &ResolveCommand::keys};
  }
};

/// No lock of these committed attempts is left: their records go with the threshold (P9).
struct ForgetCommand {
  struct Name {
    proto::Attempt attempt;
    Bytes anchor;

    static constexpr auto fields() { return std::tuple{&Name::attempt, &Name::anchor}; }
  };
  std::vector<Name> records;

  static constexpr auto fields() { return std::tuple{&ForgetCommand::records}; }
};

/// Erases the first `versions_max` versions of the span that nobody can see above the threshold (H2), and as many of
/// the records that nobody may ask for any more (P9). `dropped`: when the whole span was; once the threshold has passed that,
/// nobody can see anything below it there (H3).
struct CollectCommand {
  env::KeySpan span;
  uint32_t versions_max = 0;
  std::optional<Timestamp> dropped;

  static constexpr auto fields() {
    return std::tuple{&CollectCommand::span, &CollectCommand::versions_max, &CollectCommand::dropped};
  }
};

/// What a range counts of its rows.
struct Counts {
  uint64_t rows = 0;      // live
  uint64_t versions = 0;  // stored
  uint64_t bytes = 0;     // of their keys and values, as stored

  bool operator==(const Counts&) const = default;
  static constexpr auto fields() { return std::tuple{&Counts::rows, &Counts::versions, &Counts::bytes}; }
};

/// The range ends where `right` begins, from here on (S1).
struct SplitCommand {
  proto::RangeDescriptor left;   // as they are once it is applied
  proto::RangeDescriptor right;
  Counts moved;                  // that go right, as the leader estimates them

  static constexpr auto fields() { return std::tuple{&SplitCommand::left, &SplitCommand::right, &SplitCommand::moved}; }
};

/// H1: every replica notes the sum of its rows at this entry, and goes over them afterwards.
struct CheckCommand {
  Timestamp at;  // a timestamp of the oracle: when it was begun

  static constexpr auto fields() { return std::tuple{&CheckCommand::at}; }
};

/// What the answers to the check at that index came to (H1).
struct VerdictCommand {
  LogIndex check;
  std::vector<ReplicaId> damaged;
  std::vector<ReplicaId> silent;
  bool stopped = false;

  bool operator==(const VerdictCommand&) const = default;
  static constexpr auto fields() {
    return std::tuple{&VerdictCommand::check, &VerdictCommand::damaged, &VerdictCommand::silent, &VerdictCommand::stopped};
  }
};

using CommandBody = std::variant<CommitCommand, ThresholdCommand, CollectCommand, PrepareCommand, DecideCommand,
                                 ResolveCommand, ForgetCommand, SplitCommand, CheckCommand, VerdictCommand>;

struct DataCommand {
  uint64_t split = 0;  // the split version it was evaluated at (D2)
  CommandBody body;

  static constexpr auto fields() { return std::tuple{&DataCommand::split, &DataCommand::body}; }
};

}  // namespace ddb::range
