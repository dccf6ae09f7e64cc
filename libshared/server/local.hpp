// A whole cluster in this process: one oracle and one node on one directory, reached by local sockets in it.
//
//   DIR/oracle-1/data, DIR/node-1/data   what ddb-oracle and ddb-node serve take as --data
//   DIR/oracle-1/socket, DIR/node-1/socket
//   DIR/cluster                          for ddb-up, which can go on from here
//   DIR/lock                             held while this runs, as by ddb-up
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "env/fs.hpp"
#include "server/node_server.hpp"
#include "server/oracle_server.hpp"

namespace ddb::server {

/// Belongs to one loop and its thread.
class Local {
 public:
  /// Makes the directory if there is none. try_again: another process has it; refused: it holds a cluster of more than this;
  /// usage: its path is too long for a local socket.
  static Result<std::unique_ptr<Local>> open(net::Loop& loop, const std::string& directory, const Events& events);

  std::vector<net::Address> oracles() const { return {oracle_->address()}; }
  /// Flushes both, then `done`.
  void stop(std::function<void()> done);

 private:
  Local() = default;

  std::unique_ptr<env::DirectoryLock> lock_;
  std::unique_ptr<OracleServer> oracle_;
  std::unique_ptr<NodeServer> node_;
};

}  // namespace ddb::server
