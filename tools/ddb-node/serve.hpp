// ddb-node serve: runs one store until a signal ends it.
#pragma once

#include <string>

#include "cli/tool.hpp"

namespace ddb::node {

struct ServeOptions {
  std::string directory;
  net::Address listen{"127.0.0.1", 0};
  std::string advertise;  // host:port that others reach it by; empty: `listen`
  std::string locality;
  std::string log;  // file; empty: stderr
  bool insecure = false;
};

Result<void> serve(cli::Context& context, const ServeOptions& options);

}  // namespace ddb::node
