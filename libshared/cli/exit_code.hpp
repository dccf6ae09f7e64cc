// What a program's exit status says: 0, 1, and the sysexits numbers.
#pragma once

#include "base/result.hpp"

namespace ddb::cli {

enum ExitCode : int {
  exit_done = 0,
  exit_failed = 1,          // the operation failed: an SQL error, a failed check
  exit_usage = 64,
  exit_bad_data = 65,
  exit_unavailable = 69,    // no server reachable
  exit_internal = 70,
  exit_cannot_create = 73,
  exit_io = 74,
  exit_try_again = 75,      // temporary: the same command may work later
  exit_refused = 77,
};

/// A conflict, a full store, an election under way may be tried again; an unknown outcome may not
/// (it could happen twice), nor has it failed: it counts as an I/O error.
ExitCode exit_code(Code code);

}  // namespace ddb::cli
