// ddb-split check: compares the replicas of ranges (H1).
#pragma once

#include "session.hpp"

namespace ddb::split {

struct CheckOptions {
  std::vector<std::string> ranges;  // ids; none: all
  std::chrono::microseconds wait = std::chrono::minutes{5};
};

/// failed: a replica is damaged, or a range has stopped. try_again: not all were compared in time.
Result<void> check(Session& session, const CheckOptions& options);

}  // namespace ddb::split
