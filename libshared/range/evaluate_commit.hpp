// Whether a transaction, or one range's part of it, may commit, and when (P3-P6, P8, P9).
//
// Runs at the leader, under the request's latches, the lease and L2's floor. The record of an attempt committed in one
// range is the version that it wrote at its anchor, the first key written: see mvcc::Version::record.
//
// A conflict or `exists` answer is final for the attempt: whatever made it stays true for ever, also of a
// version that is collected later, because then the threshold is above read_ts. Locked is final for nobody.
#pragma once

#include <variant>

#include "env/state.hpp"
#include "mvcc/lock.hpp"
#include "mvcc/read_floor.hpp"
#include "mvcc/recent_writes.hpp"
#include "proto/range.hpp"
#include "range/data_command.hpp"
#include "range/data_state.hpp"

namespace ddb::range {

/// What the leader knows.
struct CommitContext {
  env::State& state;
  mvcc::ReadFloor& floor;
  mvcc::ReadFloor& record_floor;  // by transaction_key
  mvcc::RecentWrites& recent;
  const DataRecord& record;

  mvcc::LockReader locks() const { return {state, record.locks > 0}; }
};

/// C0 is too low: take a fresh timestamp, at or above this (P8).
struct NeedsTimestamp {
  Timestamp at_least;
};

/// An answer now, or what must be applied first.
using Verdict = std::variant<proto::RangeReply, NeedsTimestamp, CommandBody>;

/// `fresh`: a timestamp that the oracle gave for this request (zero: none yet); C is that, or else C0.
Verdict evaluate_commit(const CommitContext& context, const proto::CommitRequest& request, Timestamp fresh);

Verdict evaluate_prepare(const CommitContext& context, const proto::PrepareRequest& request);

/// P4: Done, conflict or Locked.
proto::RangeReply evaluate_validate(const CommitContext& context, const proto::ValidateRequest& request);

}  // namespace ddb::range
