// What gateways that serve did since their start.
#pragma once

#include <string>
#include <vector>

#include "cli/tool.hpp"

namespace ddb::route {

/// No addresses: those of DDB_RPC. Errors: usage; unavailable: a gateway did not answer, the others are printed.
Result<void> status(cli::Context& context, const std::vector<std::string>& addresses);

}  // namespace ddb::route
