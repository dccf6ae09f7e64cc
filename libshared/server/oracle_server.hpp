// A member of the oracle: founded, registered, serving.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/address.hpp"
#include "net/loop.hpp"
#include "server/events.hpp"
#include "wal/log.hpp"

namespace ddb::server {

struct OracleServerOptions {
  std::string directory;
  net::Address listen{"127.0.0.1", 7101};
  std::string peers;      // addresses of all members, with commas; empty: this one is alone
  std::string advertise;  // which of `peers` this is; empty: `listen`
  uint32_t replicas = 3;
  bool insecure = false;
  wal::Options log = {};  // sizes of its files
};

/// Belongs to one loop and its thread. Serves until it is stopped or fails.
class OracleServer {
 public:
  /// Errors: as host::OracleHost::open; usage: `peers`.
  static Result<std::unique_ptr<OracleServer>> open(net::Loop& loop, const OracleServerOptions& options, Events events);
  ~OracleServer();
  OracleServer(const OracleServer&) = delete;
  OracleServer& operator=(const OracleServer&) = delete;

  const net::Address& address() const;
  /// Hands over leadership, flushes, then `done`.
  void stop(std::function<void()> done);

 private:
  struct Impl;
  explicit OracleServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ddb::server
