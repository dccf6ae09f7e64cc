// What a checker says about a history.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ddb::check {

/// Levels of isolation, as bits. Adya, Weak Consistency (1999); Bailis et al., Highly Available Transactions (2013).
using Levels = uint8_t;
constexpr Levels read_uncommitted = 1;
constexpr Levels read_committed = 2;
constexpr Levels snapshot_isolation = 4;
constexpr Levels repeatable_read = 8;
constexpr Levels serializable = 16;
constexpr Levels session_serializable = 32;        // and each process's operations in their order
constexpr Levels strong_snapshot_isolation = 64;   // and in real time
constexpr Levels strict_serializable = 128;        // and in real time
constexpr Levels all_levels = 255;

/// What an anomaly rules out: the level it is the definition of, and all above.
constexpr Levels without_read_committed = all_levels & ~read_uncommitted;
constexpr Levels without_snapshot = without_read_committed & ~read_committed;
constexpr Levels without_repeatable_read = repeatable_read | serializable | session_serializable | strict_serializable;
constexpr Levels without_session = session_serializable | strict_serializable;
constexpr Levels without_strong_snapshot = strong_snapshot_isolation | strict_serializable;

/// Names, weakest first, separated by spaces.
std::string to_string(Levels levels);

struct Violation {
  std::string anomaly;  // "G-single", "aborted read" ...
  Levels rules_out = strict_serializable;
  std::string words;    // who read and wrote what; lines without a last '\n'
};

struct Report {
  std::string workload;
  uint64_t operations = 0;
  uint64_t ok = 0;
  uint64_t failed = 0;
  uint64_t unknown = 0;
  uint64_t found = 0;                 // violations, of which the first few of each kind are told
  std::vector<Violation> violations;
  std::string undecided;              // why there is no verdict; empty: there is one

  Levels ruled_out() const;

  /// Counts; keeps the words of the first few of a kind.
  void add(Violation violation);
};

}  // namespace ddb::check
