#include "base/result.hpp"

namespace ddb {

std::string to_string(const Error& error) {
  return error.hint.empty() ? error.message : error.message + ": " + error.hint;
}

}  // namespace ddb
