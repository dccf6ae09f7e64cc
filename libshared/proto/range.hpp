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
///
/// K3: with `update_id`, the id of a transaction that is going to write the one key that is read, it takes its turn among
/// those who say the same of that key, and reads at a fresh timestamp where the key has changed since read_ts.
struct ReadRequest {
  Timestamp read_ts;
  std::vector<Bytes> keys;
  std::optional<env::KeySpan> scan;
  bool reverse = false;
  uint32_t rows_max = 0;
  uint32_t bytes_max = 0;
  Timestamp update_id{};  // zero: a mere read
  Bytes select{};         // a codec::Selection, of the scan: all of it is read (R3, P4), what is wanted is answered; empty: all

  bool operator==(const ReadRequest&) const = default;
  static constexpr auto fields() {
    return std::tuple{&ReadRequest::read_ts, &ReadRequest::keys,     &ReadRequest::scan,
                      &ReadRequest::reverse, &ReadRequest::rows_max, &ReadRequest::bytes_max, &ReadRequest::update_id,
                      &ReadRequest::select};
  }
};

struct ReadReply {
  std::vector<std::optional<Bytes>> values;  // one per key
  std::vector<env::KeyValue> rows;
  std::optional<env::KeySpan> rest;  // of the scan, within this range
  Timestamp read_ts{};               // where it read, if above what was asked for (K3); else zero

  bool operator==(const ReadReply&) const = default;
  static constexpr auto fields() {
    return std::tuple{&ReadReply::values, &ReadReply::rows, &ReadReply::rest, &ReadReply::read_ts};
  }
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

/// What a prepare at the anchor leaves as the transaction's record. Numbers are on the wire and on disk.
enum class RecordKind : uint8_t {
  none = 0,     // not the anchor
  pending = 1,  // decided by a DecideRequest alone
  staging = 2,  // committed at C0 as soon as every listed key has a lock with min_commit_ts <= C0
};

/// One range's part of a transaction over several: locks, and the record at the anchor (P3 to P6).
/// Answered by PrepareReply; by SettleReply where the record says already that the attempt is committed.
struct PrepareRequest {
  Attempt attempt;
  Bytes anchor;  // the first key that the transaction writes
  Timestamp read_ts;
  std::vector<env::Write> writes;  // at least one; no key twice
  std::vector<env::KeySpan> read_spans;
  RecordKind record = RecordKind::none;
  std::vector<Bytes> keys;  // of a staging record: all that the transaction writes

  bool operator==(const PrepareRequest&) const = default;
  static constexpr auto fields() {
    return std::tuple{&PrepareRequest::attempt,    &PrepareRequest::anchor, &PrepareRequest::read_ts, &PrepareRequest::writes,
                      &PrepareRequest::read_spans, &PrepareRequest::record, &PrepareRequest::keys};
  }
};

struct PrepareReply {
  Timestamp min_commit_ts;

  bool operator==(const PrepareReply&) const = default;
  static constexpr auto fields() { return std::tuple{&PrepareReply::min_commit_ts}; }
};

/// Whether what was read at read_ts is still so at `at` (P4): Done, or conflict.
struct ValidateRequest {
  Attempt attempt;  // whose own locks are no conflict
  Timestamp read_ts;
  Timestamp at;
  std::vector<env::KeySpan> read_spans;  // at least one

  bool operator==(const ValidateRequest&) const = default;
  static constexpr auto fields() {
    return std::tuple{&ValidateRequest::attempt, &ValidateRequest::read_ts, &ValidateRequest::at,
                      &ValidateRequest::read_spans};
  }
};

/// COMMITTED(commit_ts) at the anchor, from this attempt's STAGING or PENDING only (P7, V3). The locks of this range go
/// with it. SettleReply: what the record says, whoever wrote it.
struct DecideRequest {
  Attempt attempt;
  Bytes anchor;
  Timestamp commit_ts;
  std::vector<Bytes> keys;  // of this range, to be resolved in the same step
  std::vector<env::KeySpan> spans{};  // from PENDING: they cover all that the transaction writes, in any range

  bool operator==(const DecideRequest&) const = default;
  static constexpr auto fields() {
    return std::tuple{&DecideRequest::attempt, &DecideRequest::anchor, &DecideRequest::commit_ts, &DecideRequest::keys,
                      &DecideRequest::spans};
  }
};

/// What has become of an attempt whose lock was met (V1, V2): asked at its anchor. RecoverReply.
struct RecoverRequest {
  Attempt attempt;
  Bytes anchor;

  bool operator==(const RecoverRequest&) const = default;
  static constexpr auto fields() { return std::tuple{&RecoverRequest::attempt, &RecoverRequest::anchor}; }
};

struct RecoverReply {
  enum class State : uint8_t { aborted = 0, committed = 1, staging = 2, pending = 3 };
  State state = State::aborted;
  Timestamp commit_ts;      // committed
  std::vector<Bytes> keys;  // staging: all that the transaction writes; committed: those that may still be locked
  std::vector<env::KeySpan> spans{};  // committed, where the keys are too many to be named: they are in these

  bool operator==(const RecoverReply&) const = default;
  static constexpr auto fields() {
    return std::tuple{&RecoverReply::state, &RecoverReply::commit_ts, &RecoverReply::keys, &RecoverReply::spans};
  }
};

/// Whether the attempt holds locks with min_commit_ts <= C0 on all these keys (V3); a read of them at C0. QueryLocksReply.
struct QueryLocksRequest {
  Attempt attempt;
  std::vector<Bytes> keys;  // at least one

  bool operator==(const QueryLocksRequest&) const = default;
  static constexpr auto fields() { return std::tuple{&QueryLocksRequest::attempt, &QueryLocksRequest::keys}; }
};

struct QueryLocksReply {
  bool all = false;

  bool operator==(const QueryLocksReply&) const = default;
  static constexpr auto fields() { return std::tuple{&QueryLocksReply::all}; }
};

/// Makes the locks of exactly this attempt versions, or removes them (V1). Where there are none, nothing. Done.
struct ResolveRequest {
  Attempt attempt;
  std::optional<Timestamp> commit_ts;  // nullopt: it is aborted
  std::vector<Bytes> keys;             // at least one

  bool operator==(const ResolveRequest&) const = default;
  static constexpr auto fields() {
    return std::tuple{&ResolveRequest::attempt, &ResolveRequest::commit_ts, &ResolveRequest::keys};
  }
};

/// Every lock of the committed attempt is resolved: its record may go in its time (P9). Done, and a hint only.
struct ForgetRequest {
  Attempt attempt;
  Bytes anchor;

  bool operator==(const ForgetRequest&) const = default;
  static constexpr auto fields() { return std::tuple{&ForgetRequest::attempt, &ForgetRequest::anchor}; }
};

/// The transaction is not going to write this key after all: its turn is over (K3). Done, and a hint only. A commit or
/// prepare in the range says the same of all keys there.
struct LeaveRequest {
  Timestamp update_id;
  Bytes key;

  bool operator==(const LeaveRequest&) const = default;
  static constexpr auto fields() { return std::tuple{&LeaveRequest::update_id, &LeaveRequest::key}; }
};

/// Which keys of the span a committed attempt still holds (P9). FindLocksReply.
struct FindLocksRequest {
  Attempt attempt;
  env::KeySpan span;  // not empty

  bool operator==(const FindLocksRequest&) const = default;
  static constexpr auto fields() { return std::tuple{&FindLocksRequest::attempt, &FindLocksRequest::span}; }
};

struct FindLocksReply {
  std::vector<Bytes> keys;
  std::optional<Bytes> next;  // from here on the span was not looked at; nullopt: all of it was

  bool operator==(const FindLocksReply&) const = default;
  static constexpr auto fields() { return std::tuple{&FindLocksReply::keys, &FindLocksReply::next}; }
};

struct Done {
  bool operator==(const Done&) const = default;
  static constexpr auto fields() { return std::tuple{}; }
};

/// Undecided locks of another transaction stand in the way, and did so while the range waited (K1): ask its anchor.
struct Locked {
  Attempt attempt;
  Bytes anchor;
  std::vector<Bytes> keys;  // of that attempt, as far as they were met; at least one

  bool operator==(const Locked&) const = default;
  static constexpr auto fields() { return std::tuple{&Locked::attempt, &Locked::anchor, &Locked::keys}; }
};

/// Splits the range at `key`: what is at and above it becomes range `right`, an id that was never used before.
struct SplitRequest {
  Bytes key;
  RangeId right;

  bool operator==(const SplitRequest&) const = default;
  static constexpr auto fields() { return std::tuple{&SplitRequest::key, &SplitRequest::right}; }
};

/// The range that begins at the key: the right half, or one that began there before (any other id).
struct SplitReply {
  RangeDescriptor range;

  bool operator==(const SplitReply&) const = default;
  static constexpr auto fields() { return std::tuple{&SplitReply::range}; }
};

using RangeRequestBody =
    std::variant<ReadRequest, CommitRequest, SettleRequest, PrepareRequest, ValidateRequest, DecideRequest, RecoverRequest,
                 QueryLocksRequest, ResolveRequest, ForgetRequest, SplitRequest, LeaveRequest, FindLocksRequest>;

struct RangeRequest {
  Epoch epoch;  // as the sender knows the range; conf is not compared by data requests (D2)
  RangeRequestBody body;

  bool operator==(const RangeRequest&) const = default;
  static constexpr auto fields() { return std::tuple{&RangeRequest::epoch, &RangeRequest::body}; }
};

/// Ask elsewhere, or with a newer descriptor: nothing was done, unless `in_doubt`.
struct Redirect {
  std::vector<RangeDescriptor> descriptors;  // the replica's, then what its store knows beside it; may be empty
  ReplicaId leader;                          // of the first descriptor; zero: unknown
  /// The commit was proposed before leadership was lost: repeat the identical request, or settle the attempt.
  /// Until one of the two is answered, its outcome is unknown.
  bool in_doubt = false;

  bool operator==(const Redirect&) const = default;
  static constexpr auto fields() { return std::tuple{&Redirect::descriptors, &Redirect::leader, &Redirect::in_doubt}; }
};

using RangeReply = std::variant<Error, Redirect, ReadReply, CommitReply, SettleReply, PrepareReply, RecoverReply,
                                QueryLocksReply, Done, Locked, SplitReply, FindLocksReply>;

}  // namespace ddb::proto
