// A node that takes part in a cluster: registered with the oracle, following the addresses of its peers.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/address.hpp"
#include "net/loop.hpp"
#include "server/events.hpp"
#include "wal/log.hpp"

namespace ddb::server {

struct NodeServerOptions {
  std::string directory;
  net::Address listen{"127.0.0.1", 0};
  std::string advertise;  // address that others reach it by; empty: `listen`
  std::string locality;
  bool insecure = false;
  std::vector<net::Address> oracles;
  wal::Options log = {};  // sizes of its files
};

/// Belongs to one loop and its thread. Serves until it is stopped or fails.
class NodeServer {
 public:
  /// Errors: as host::NodeHost::open.
  static Result<std::unique_ptr<NodeServer>> open(net::Loop& loop, const NodeServerOptions& options, Events events);
  ~NodeServer();
  NodeServer(const NodeServer&) = delete;
  NodeServer& operator=(const NodeServer&) = delete;

  /// Hands over leaderships, flushes, then `done`, which may come after stop_patience.
  void stop(std::function<void()> done);

 private:
  struct Impl;
  explicit NodeServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ddb::server
