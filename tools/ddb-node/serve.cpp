#include "serve.hpp"

#include "cli/daemon.hpp"

namespace ddb::node {

Result<void> serve(cli::Context& context, const ServeOptions& options) {
  server::NodeServerOptions server = options.server;
  auto oracles = context.oracles();
  if (!oracles) return std::unexpected(oracles.error());
  server.oracles = *std::move(oracles);
  cli::Daemon daemon{options.log};
  return daemon.run<server::NodeServer>(server, "stopping: handing over leaderships");
}

}  // namespace ddb::node
