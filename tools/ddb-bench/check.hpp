// ddb-bench check: workloads whose answers are checked, or a history that was recorded.
#pragma once

#include <string>
#include <vector>

#include "cli/tool.hpp"
#include "env/clock.hpp"

namespace ddb::bench {

struct CheckOptions {
  std::vector<std::string> workloads;  // none: all
  std::string file;                    // not empty: check this, and run nothing
  std::string via = "sql";
  std::string gateways;                // empty: DDB_RPC
  uint32_t clients = 4;                // of each workload
  Duration duration = std::chrono::seconds{10};
  Duration timeout = std::chrono::seconds{10};  // of one statement
  std::string history;                 // empty: none
  uint64_t seed = 1;
};

Result<void> run_check(cli::Context& context, const CheckOptions& options);

}  // namespace ddb::bench
