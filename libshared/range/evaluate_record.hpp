// What has become of an attempt: its record at the anchor, its locks anywhere (P7, P9, P11, V1-V3).
//
// Runs at the leader as evaluate_commit does.
#pragma once

#include "range/evaluate_commit.hpp"

namespace ddb::range {

/// Committed, or aborted from now on (P11).
Verdict evaluate_settle(const CommitContext& context, const proto::SettleRequest& request);

/// COMMITTED, from STAGING or PENDING (P7, V3).
Verdict evaluate_decide(const CommitContext& context, const proto::DecideRequest& request);

/// V1, V2. `abandoned`: nobody has been heard of who works on it; then a PENDING attempt is aborted.
Verdict evaluate_recover(const CommitContext& context, const proto::RecoverRequest& request, bool abandoned);

/// V3's question: a read of the keys at C0.
proto::RangeReply evaluate_query(const CommitContext& context, const proto::QueryLocksRequest& request);

/// Which locks of a span a committed attempt has left: a bounded piece of it (P9).
proto::RangeReply evaluate_find_locks(const CommitContext& context, const proto::FindLocksRequest& request);

/// V1. Names the locks that are the attempt's; Done where there is none.
Verdict evaluate_resolve(const CommitContext& context, const proto::ResolveRequest& request);

/// For a record that is gone while somebody asks for it as its own coordinator (P9).
Error unknown_outcome();

/// What the record says of this attempt; nullopt: no record speaks of it. bad_data: it is damaged.
Result<std::optional<TransactionRecord>> record_of(const CommitContext& context, BytesView anchor,
                                                   const proto::Attempt& attempt);

}  // namespace ddb::range
