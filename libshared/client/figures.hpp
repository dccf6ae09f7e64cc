// What a client has asked of its cluster since it began; counts that only rise.
#pragma once

#include <cstdint>

namespace ddb::client {

struct Figures {
  uint64_t requests = 0;             // to ranges, repetitions and clearing up included
  uint64_t requests_misrouted = 0;   // of these, answered by a redirect, or that the range is another now
  uint64_t map_reads = 0;            // of all ranges, from the oracle: no way was known, or the one known was old
  uint64_t timestamp_requests = 0;   // round trips to the oracle for timestamps
  uint64_t timestamps = 0;           // that these brought
  uint64_t commits_one_range = 0;    // of transactions that wrote
  uint64_t commits_several_ranges = 0;
  uint64_t commits_failed = 0;       // conflicts and unknown outcomes included
  uint64_t restarts = 0;             // of commits that had read nothing, unseen by the caller
  uint64_t recoveries = 0;           // of other transactions, whose locks stood in the way (V1)
};

}  // namespace ddb::client
