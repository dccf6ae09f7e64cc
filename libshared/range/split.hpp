// Whether a range may split, and into what (S1, D1).
//
// Runs at the leader, under an exclusive latch on the whole range from before evaluation until the command is
// applied (L3): nothing is evaluated meanwhile that the new half would have to know of.
#pragma once

#include "range/data_state.hpp"
#include "range/evaluate_commit.hpp"
#include "range/machine.hpp"

namespace ddb::range {

/// The key lies in the range; its first key answers with the range as it is.
Verdict evaluate_split(MachineHost& host, const DataRecord& record, const proto::SplitRequest& request);

}  // namespace ddb::range
