// ddb-node serve: runs one store until a signal ends it.
#pragma once

#include <string>

#include "cli/tool.hpp"
#include "server/node_server.hpp"

namespace ddb::node {

struct ServeOptions {
  server::NodeServerOptions server;  // oracles are the context's
  std::string log;                   // file; empty: stderr
};

Result<void> serve(cli::Context& context, const ServeOptions& options);

}  // namespace ddb::node
