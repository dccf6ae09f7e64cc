#include "cli/exit_code.hpp"

namespace ddb::cli {

ExitCode exit_code(Code code) {
  switch (code) {
    case Code::failed:
    case Code::not_found:
    case Code::exists:
    case Code::too_old: return exit_failed;
    case Code::usage: return exit_usage;
    case Code::bad_data:
    case Code::too_long: return exit_bad_data;
    case Code::unavailable: return exit_unavailable;
    case Code::internal: return exit_internal;
    case Code::cannot_create: return exit_cannot_create;
    case Code::io:
    case Code::unknown_outcome: return exit_io;
    case Code::try_again:
    case Code::conflict:
    case Code::not_leader:
    case Code::wrong_range:
    case Code::store_full: return exit_try_again;
    case Code::refused: return exit_refused;
  }
  return exit_internal;  // a number from a newer peer
}

}  // namespace ddb::cli
