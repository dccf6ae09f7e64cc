// ddb-oracle serve: runs one member of the oracle until a signal ends it.
#pragma once

#include <string>

#include "cli/tool.hpp"
#include "server/oracle_server.hpp"

namespace ddb::oracle {

struct ServeOptions {
  server::OracleServerOptions server;
  std::string log;  // file; empty: stderr
};

Result<void> serve(const ServeOptions& options);

}  // namespace ddb::oracle
