// Checks a history: every workload in it by the checker that knows it.
#pragma once

#include <vector>

#include "check/history.hpp"
#include "check/report.hpp"

namespace ddb::check {

/// Names of what can be checked.
const std::vector<std::string>& workload_names();

/// A report per workload, in the order of their first operations. bad_data: a workload nobody knows, or operations that do not
/// belong to it.
Result<std::vector<Report>> check_history(const History& history);

}  // namespace ddb::check
