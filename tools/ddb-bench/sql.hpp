// ddb-bench sql: a file of statements, over and over, at a gateway.
#pragma once

#include <string>
#include <vector>

#include "cli/tool.hpp"
#include "closed_loop.hpp"

namespace ddb::bench {

struct SqlOptions {
  LoadOptions load;
  Duration timeout = std::chrono::seconds{10};
  std::string file;
  std::string gateways;  // empty: DDB_RPC
  uint64_t keys = 10'000;
  uint64_t seed = 1;
};

/// What --rpc gives (`option`, may be empty), or else DDB_RPC. Errors: usage.
Result<std::vector<net::Address>> gateway_addresses(const std::string& option);

Result<void> run_sql(cli::Context& context, const SqlOptions& options);

}  // namespace ddb::bench
