// ddb-node status: a line per replica, as the nodes themselves tell it.
#pragma once

#include <string>
#include <vector>

#include "cli/tool.hpp"

namespace ddb::node {

/// Of these nodes, or of all that the oracle knows when none is named. Nodes that do not answer are named on
/// stderr; unavailable: one or more did not.
Result<void> status(cli::Context& context, const std::vector<std::string>& addresses);

}  // namespace ddb::node
