// Reads histories, and tells what the checkers say about them.
#pragma once

#include <string>

#include "check/history.hpp"
#include "cli/tool.hpp"

namespace ddb::bench {

/// "-" is stdin. bad_data: names the line.
Result<check::History> read_history(const std::string& path);

/// A row per workload; on stderr what is wrong, in words. failed: something is; bad_data: not everything could be decided.
Result<void> judge(cli::Context& context, const check::History& history);

}  // namespace ddb::bench
