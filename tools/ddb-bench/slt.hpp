// ddb-bench slt: sqllogictest files at a gateway.
#pragma once

#include <string>
#include <vector>

#include "cli/tool.hpp"
#include "env/clock.hpp"

namespace ddb::bench {

struct SltOptions {
  std::vector<std::string> files;
  std::string gateways;  // empty: DDB_RPC
  Duration timeout = std::chrono::seconds{60};
  bool drop = false;  // what is in the database already
};

/// Errors: refused when the database is not empty and may not be emptied; failed when a record did.
Result<void> run_slt(cli::Context& context, const SltOptions& options);

}  // namespace ddb::bench
