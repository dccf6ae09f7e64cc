// One simulated run: a cluster, its clients, its misfortunes, and the verdict.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace sim {

struct RunOptions {
  uint64_t seed = 1;
  int seconds = 20;   // of simulated time under faults; then everything is healed and must come to rest
  bool trace = false; // tells faults on stderr
};

/// What a run counts.
enum Count : size_t { steps, faults, transactions, timestamps, meta_writes, tally_size };
using Tally = std::array<uint64_t, tally_size>;

struct RunResult {
  std::string violation;  // empty: none
  uint64_t digest = 0;
  Tally tally{};
};

RunResult run(const RunOptions& options);

}  // namespace sim
