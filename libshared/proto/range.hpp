// What clients ask of a range, and what describes one. Append fields and alternatives only: order is a wire number.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "env/kv.hpp"

namespace ddb::proto {

/// Guards what is known of a range: D1 says what raises which.
struct Epoch {
  uint64_t conf = 0;
  uint64_t split = 0;

  bool operator==(const Epoch&) const = default;
  static constexpr auto fields() { return std::tuple{&Epoch::conf, &Epoch::split}; }
};

enum class ReplicaRole : uint8_t { voter = 1, learner = 2 };

struct ReplicaInfo {
  ReplicaId id;
  StoreId store;
  NodeId node;
  ReplicaRole role = ReplicaRole::voter;

  bool operator==(const ReplicaInfo&) const = default;
  static constexpr auto fields() {
    return std::tuple{&ReplicaInfo::id, &ReplicaInfo::store, &ReplicaInfo::node, &ReplicaInfo::role};
  }
};

/// The truth about a range, inside its Raft state; the metadata store holds a copy as the map (D4).
struct RangeDescriptor {
  RangeId id;
  env::KeySpan span;
  Epoch epoch;
  std::vector<ReplicaInfo> replicas;  // by id
  ReplicaId next_replica;             // the counter that replica ids come from

  bool operator==(const RangeDescriptor&) const = default;
  static constexpr auto fields() {
    return std::tuple{&RangeDescriptor::id, &RangeDescriptor::span, &RangeDescriptor::epoch,
                      &RangeDescriptor::replicas, &RangeDescriptor::next_replica};
  }
};

/// Which attempt of which transaction: its first timestamp, and C0 (TRANSACTIONS, Words).
struct Attempt {
  Timestamp id;
  Timestamp c0;

  auto operator<=>(const Attempt&) const = default;
  static constexpr auto fields() { return std::tuple{&Attempt::id, &Attempt::c0}; }
};

/// Point reads, then at most one scan page, all at read_ts.
struct ReadRequest {
  Timestamp read_ts;
  std::vector<Bytes> keys;
  std::optional<env::KeySpan> scan;
  bool reverse = false;
  uint32_t rows_max = 0;
  uint32_t bytes_max = 0;

  bool operator==(const ReadRequest&) const = default;
  static constexpr auto fields() {
    return std::tuple{&ReadRequest::read_ts, &ReadRequest::keys,     &ReadRequest::scan,
                      &ReadRequest::reverse, &ReadRequest::rows_max, &ReadRequest::bytes_max};
  }
};

struct ReadReply {
  std::vector<std::optional<Bytes>> values;  // one per key
  std::vector<env::KeyValue> rows;
  std::optional<env::KeySpan> rest;  // of the scan, within this range

  bool operator==(const ReadReply&) const = default;
  static constexpr auto fields() { return std::tuple{&ReadReply::values, &ReadReply::rows, &ReadReply::rest}; }
};

/// Commit of a transaction whose reads and writes are all in this range (P8). May be repeated as it is:
/// the record answers (P8, P9). The anchor is the first write's key.
struct CommitRequest {
  Attempt attempt;
  Timestamp read_ts;
  std::vector<env::Write> writes;       // at least one; no key twice
  std::vector<env::KeySpan> read_spans;

  bool operator==(const CommitRequest&) const = default;
  static constexpr auto fields() {
    return std::tuple{&CommitRequest::attempt, &CommitRequest::read_ts, &CommitRequest::writes,
                      &CommitRequest::read_spans};
  }
};

struct CommitReply {
  Timestamp commit_ts;

  bool operator==(const CommitReply&) const = default;
  static constexpr auto fields() { return std::tuple{&CommitReply::commit_ts}; }
};

/// Settles an attempt at its anchor (P11, V2): committed at some timestamp, or aborted for good.
struct SettleRequest {
  Attempt attempt;
  Bytes anchor;

  bool operator==(const SettleRequest&) const = default;
  static constexpr auto fields() { return std::tuple{&SettleRequest::attempt, &SettleRequest::anchor}; }
};

struct SettleReply {
  std::optional<Timestamp> commit_ts;  // nullopt: aborted

  bool operator==(const SettleReply&) const = default;
  static constexpr auto fields() { return std::tuple{&SettleReply::commit_ts}; }
};

using RangeRequestBody = std::variant<ReadRequest, CommitRequest, SettleRequest>;

struct RangeRequest {
  Epoch epoch;  // as the sender knows the range; conf is not compared by data requests (D2)
  RangeRequestBody body;

  bool operator==(const RangeRequest&) const = default;
  static constexpr auto fields() { return std::tuple{&RangeRequest::epoch, &RangeRequest::body}; }
};

/// Ask elsewhere, or with a newer descriptor: nothing was done, unless `in_doubt`.
struct Redirect {
  std::vector<RangeDescriptor> descriptors;  // what this replica knows, newest; may be empty
  ReplicaId leader;                          // of the first descriptor; zero: unknown
  /// The commit was proposed before leadership was lost: repeat the identical request, or settle the attempt.
  /// Until one of the two is answered, its outcome is unknown.
  bool in_doubt = false;

  bool operator==(const Redirect&) const = default;
  static constexpr auto fields() { return std::tuple{&Redirect::descriptors, &Redirect::leader, &Redirect::in_doubt}; }
};

using RangeReply = std::variant<Error, Redirect, ReadReply, CommitReply, SettleReply>;

}  // namespace ddb::proto
