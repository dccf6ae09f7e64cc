// Many seeds, in worker processes: a failed assertion or a hang ends one worker, and costs one seed.
#pragma once

#include "run.hpp"

namespace sim {

struct SeedsOptions {
  RunOptions run;  // but for its seed
  uint64_t first = 1;
  uint64_t count = 1;
  unsigned jobs = 1;         // workers, each on one seed at a time
  bool until_found = false;  // end at the first violation
};

struct SeedsResult {
  uint64_t seeds = 0;         // that were run
  uint64_t failed = 0;
  uint64_t first_failed = 0;  // the lowest of them
  uint64_t reached = 0;       // how often a dropped rule would have mattered (base/rule.hpp)
  Tally tally;
};

/// Tells each violation on stdout, with what replays it.
SeedsResult run_seeds(const SeedsOptions& options);

}  // namespace sim
