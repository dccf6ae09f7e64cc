// Which ranges there are, where, and how they fare.
#pragma once

#include <string>

#include "session.hpp"

namespace ddb::split {

struct WhereOptions {
  std::string table;
  std::string key;
};

/// unavailable: not every node answered; what is known is printed all the same.
Result<void> list(Session& session);
Result<void> where(Session& session, const WhereOptions& options);

}  // namespace ddb::split
