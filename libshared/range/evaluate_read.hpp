// What a read answers, at the leader, once nothing it must see is on its way (R1-R6).
#pragma once

#include "env/state.hpp"
#include "mvcc/read_floor.hpp"
#include "proto/range.hpp"
#include "range/data_state.hpp"
#include "range/evaluate_commit.hpp"

namespace ddb::range {

/// One answer, whatever the client asks for.
struct ReadLimits {
  uint32_t rows_max = 1 << 16;
  uint32_t bytes_max = 8 << 20;      // of a page; of the values of point reads: too_long beyond
  uint32_t versions_max = 1 << 17;   // keys looked at: a page over erased rows ends there, perhaps empty
  uint32_t selected_max = 1 << 14;   // the same of a scan that selects: many more keys than rows, all in one step of the store
};

/// Raises the floor of what it read. Locked: another's lock may commit at or below read_ts (R2). Errors: too_old,
/// too_long, bad_data.
///
/// K3, a read for an update: any lock of another's is in the way, since it would be one at commit; and where the key has
/// changed since read_ts, it wants to be at a `fresh` timestamp (zero: not yet; else read_ts is that).
Verdict evaluate_read(env::State& state, const proto::ReadRequest& request, const DataRecord& record, const ReadLimits& limits,
                      Timestamp fresh, mvcc::ReadFloor& floor);

}  // namespace ddb::range
