// Where ranges are split: at keys that are given, or so that a table's rows spread evenly.
#pragma once

#include <string>
#include <vector>

#include "session.hpp"

namespace ddb::split {

struct AtOptions {
  std::string table;
  std::vector<std::string> keys;
  std::vector<std::string> hex;
};

struct EvenOptions {
  std::string table;
  uint64_t ranges = 0;
};

/// A row per key: the range that begins there, and whether it did before, which is said on stderr too.
/// Errors: usage, not_found (table), and what the ranges say. What was split before an error stays so.
Result<void> at(Session& session, const AtOptions& options);
Result<void> even(Session& session, const EvenOptions& options);

}  // namespace ddb::split
