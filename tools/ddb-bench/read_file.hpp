#pragma once

#include <string>

#include "base/result.hpp"

namespace ddb::bench {

/// All of it; "-" is stdin. Errors: failed, io.
Result<std::string> read_file(const std::string& path);

}  // namespace ddb::bench
