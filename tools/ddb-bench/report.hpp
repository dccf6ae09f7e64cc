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
  bool part = false;  // of another operation, which tells whether anything succeeded
};

/// Rows of what was measured. The last error, when no operation succeeded.
Result<void> report(cli::Output& out, const std::string& workload, uint32_t clients, const ClosedLoop& run,
                    const std::vector<Reported>& operations);

}  // namespace ddb::bench
