// One simulated run: a cluster, its clients, its misfortunes, and the verdict.
#pragma once

#include <cstdint>
#include <string>

namespace sim {

struct RunOptions {
  uint64_t seed = 1;
  int seconds = 20;   // of simulated time under faults; then everything is healed and must come to rest
  bool trace = false; // tells faults on stderr
};

struct RunResult {
  std::string violation;  // empty: none
  uint64_t steps = 0;
  uint64_t digest = 0;
  uint64_t transactions = 0;
  uint64_t timestamps = 0;
  uint64_t meta_writes = 0;
  uint64_t faults = 0;
};

RunResult run(const RunOptions& options);

}  // namespace sim
