// Expected failures: a value, or an Error that names what is wrong and what to do.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <tuple>
#include <utility>

namespace ddb {

/// What kind of failure; travels on the wire, so numbers are never reused.
enum class Code : uint8_t {
  failed = 1,           // the operation failed for the reason given (an SQL error, a failed check)
  usage = 2,            // the caller's words are off
  bad_data = 3,         // malformed or damaged bytes
  unavailable = 4,      // no server reachable
  internal = 5,         // a bug
  cannot_create = 6,
  io = 7,
  try_again = 8,        // temporary: overload, full store, election under way
  refused = 9,          // will not do it: wrong cluster, not allowed
  not_found = 10,
  conflict = 11,        // another transaction came first: restart the transaction
  exists = 12,          // a key that must not exist does; detail holds the key
  unknown_outcome = 13, // may or may not have happened
  not_leader = 14,      // ask another replica
  wrong_range = 15,     // routed by an old descriptor
  too_long = 16,        // key or frame over its limit
  store_full = 17,
  too_old = 18,         // below the collection or compaction threshold
};

/// As clients of the gateway and figures see it: "unavailable", "unknown_outcome"; "other" for a number of a later version.
const char* name_of(Code code);

struct Error {
  Code code = Code::failed;
  std::string message;  // what happened: one line, no trailing stop
  std::string hint;     // what to do about it; may be empty
  std::string detail;   // for programs: a key, an address; may be empty

  bool operator==(const Error&) const = default;
  static constexpr auto fields() {
    return std::tuple{&Error::code, &Error::message, &Error::hint, &Error::detail};
  }
};

/// "what happened: what to do", the line a person sees after the program's name.
std::string to_string(const Error& error);

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Code code, std::string message, std::string hint = {},
                                   std::string detail = {}) {
  return std::unexpected(
      Error{code, std::move(message), std::move(hint), std::move(detail)});
}

}  // namespace ddb
