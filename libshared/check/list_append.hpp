// Transactions over lists that only grow: reads tell the order of appends, so everything else follows.
// Kingsbury and Alvaro, Elle: Inferring Isolation Anomalies from Experimental Observations (2020).
#pragma once

#include <span>

#include "check/history.hpp"
#include "check/report.hpp"

namespace ddb::check {

/// Each value is appended to its key once at most; else, bad_data. In time and memory linear in the size of the history, except for
/// the search of the shortest circle, which is bounded.
Result<void> check_list_append(const History& history, std::span<const uint32_t> operations, Report& report);

}  // namespace ddb::check
