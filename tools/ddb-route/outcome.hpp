// What became of a transaction that was given a name.
#pragma once

#include <chrono>
#include <string>

#include "cli/tool.hpp"

namespace ddb::route {

struct OutcomeOptions {
  std::string name;
  bool forget = false;
};

/// failed, without a message: it was aborted.
Result<void> outcome(cli::Context& context, std::chrono::microseconds timeout, const OutcomeOptions& options);

}  // namespace ddb::route
