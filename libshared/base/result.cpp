#include "base/result.hpp"

namespace ddb {

const char* name_of(Code code) {
  switch (code) {
    case Code::failed: return "failed";
    case Code::usage: return "usage";
    case Code::bad_data: return "bad_data";
    case Code::unavailable: return "unavailable";
    case Code::internal: return "internal";
    case Code::cannot_create: return "cannot_create";
    case Code::io: return "io";
    case Code::try_again: return "try_again";
    case Code::refused: return "refused";
    case Code::not_found: return "not_found";
    case Code::conflict: return "conflict";
    case Code::exists: return "exists";
    case Code::unknown_outcome: return "unknown_outcome";
    case Code::not_leader: return "not_leader";
    case Code::wrong_range: return "wrong_range";
    case Code::too_long: return "too_long";
    case Code::store_full: return "store_full";
    case Code::too_old: return "too_old";
  }
  return "other";
}

std::string to_string(const Error& error) {
  return error.hint.empty() ? error.message : error.message + ": " + error.hint;
}

}  // namespace ddb
