// The result: one row per kind of operation.
#pragma once

#include <string>
#include <vector>

#include "bench/measure.hpp"
#include "cli/output.hpp"
#include "closed_loop.hpp"

namespace ddb::bench {

struct Reported {
  std::string operation;
  const Measure* measure;
};

/// Rows of what was measured. The last error, when nothing succeeded at all.
Result<void> report(cli::Output& out, const std::string& workload, uint32_t clients, const ClosedLoop& run,
                    const std::vector<Reported>& operations);

}  // namespace ddb::bench
