// ddb-bench check: workloads whose answers are checked, or a history that was recorded.
#pragma once

#include <string>

#include "cli/tool.hpp"

namespace ddb::bench {

struct CheckOptions {
  std::string file;  // empty: run workloads
};

Result<void> run_check(cli::Context& context, const CheckOptions& options);

}  // namespace ddb::bench
