#include "serve.hpp"

#include "cli/daemon.hpp"

namespace ddb::oracle {

Result<void> serve(const ServeOptions& options) {
  return cli::Daemon{options.log}.run<server::OracleServer>(options.server, "stopping");
}

}  // namespace ddb::oracle
