// What a server of a cluster tells whoever runs it.
#pragma once

#include <functional>
#include <string>

#include "base/result.hpp"

namespace ddb::server {

/// Called on the loop's thread.
struct Events {
  std::function<void(const std::string&)> info = [](const std::string&) {};
  std::function<void(const std::string&)> warning = [](const std::string&) {};
  std::function<void(const Error&)> failed;  // it has stopped for good: the process must end
};

}  // namespace ddb::server
