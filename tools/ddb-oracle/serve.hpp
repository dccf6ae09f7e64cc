// ddb-oracle serve: runs one member of the oracle until a signal ends it.
#pragma once

#include <string>

#include "cli/tool.hpp"

namespace ddb::oracle {

struct ServeOptions {
  std::string directory;
  net::Address listen{"127.0.0.1", 7101};
  std::string peers;      // host:port,host:port... of all members; empty: this one is alone
  std::string advertise;  // which of `peers` this is; empty: `listen`
  uint32_t replicas = 3;
  std::string log;  // file; empty: stderr
  bool insecure = false;
};

Result<void> serve(const ServeOptions& options);

}  // namespace ddb::oracle
