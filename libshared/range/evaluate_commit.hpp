// Whether a one-range transaction commits, and when; whether an attempt did (P3-P5, P8, P9, P11, V2).
//
// Runs at the leader, under the request's latches, the lease and L2's floor. The record of a committed attempt
// is the version that it wrote at its anchor, the first key written: see mvcc::Version::record.
//
// A conflict or `exists` answer is final for the attempt: whatever made it stays true for ever, also of a
// version that is collected later, because then the threshold is above read_ts.
#pragma once

#include <variant>

#include "env/state.hpp"
#include "mvcc/read_floor.hpp"
#include "mvcc/recent_writes.hpp"
#include "proto/range.hpp"
#include "range/data_command.hpp"

namespace ddb::range {

/// What the leader knows.
struct CommitContext {
  env::State& state;
  mvcc::ReadFloor& floor;
  mvcc::ReadFloor& record_floor;  // by transaction_key
  const mvcc::RecentWrites& recent;
  Timestamp threshold;
};

/// Names a transaction's record: all attempts with one anchor share it.
Bytes transaction_key(BytesView anchor, Timestamp id);

/// C0 is too low: take a fresh timestamp, at or above this (P8).
struct NeedsTimestamp {
  Timestamp at_least;
};

using CommitVerdict = std::variant<proto::RangeReply, NeedsTimestamp, CommitCommand>;

/// `fresh`: a timestamp that the oracle gave for this request (zero: none yet); C is that, or else C0.
CommitVerdict evaluate_commit(const CommitContext& context, const proto::CommitRequest& request, Timestamp fresh);

/// Committed, or aborted from now on.
proto::RangeReply evaluate_settle(const CommitContext& context, const proto::SettleRequest& request);

}  // namespace ddb::range
