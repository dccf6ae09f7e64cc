// ddb-node: store ranges. See ddb-node(1).
#include "serve.hpp"
#include "status.hpp"

int main(int argc, char** argv) {
  using namespace ddb;
  cli::Tool tool{"ddb-node", "store ranges, replicate them, serve reads and transactions"};

  node::ServeOptions serve;
  tool.command("serve", "run a node until SIGTERM")
      .with_oracle()
      .option("-d,--data", serve.server.directory, "data directory; made if it is not there").required()
      .option("-l,--listen", serve.server.listen, "HOST:PORT to listen on; port 0: any")
      .option("--advertise", serve.server.advertise, "HOST:PORT that others reach this node by; default: what it listens on")
      .option("--locality", serve.server.locality, "where it stands, as region=eu,zone=a")
      .option("--log", serve.log, "log file, reopened on SIGHUP; default: stderr")
      .flag("--insecure", serve.server.insecure, "listen on an address that is not loopback, without TLS")
      .action([&](cli::Context& context) { return node::serve(context, serve); });

  std::vector<std::string> addresses;
  tool.command("status", "print a line per replica")
      .with_oracle()
      .with_output()
      .option("address", addresses, "nodes to ask; default: all that the oracle knows")
      .action([&](cli::Context& context) { return node::status(context, addresses); });

  return tool.run(argc, argv);
}
