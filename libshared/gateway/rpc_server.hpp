// Serves SQL over MessagePack-RPC: a session per connection. The protocol is ddb-rpc(5).
#pragma once

#include <functional>
#include <memory>

#include "client/figures.hpp"
#include "net/connection.hpp"
#include "sql/session.hpp"

namespace ddb::gateway {

constexpr size_t requests_waiting_max = 1000;       // of one connection; then it is read no further
constexpr size_t replies_unread_max = 8u << 20;     // bytes; then its statements wait

/// What the server needs of its surroundings. Statements run where `spawn` puts them: in fibers of the loop, where the
/// key space may suspend them.
struct RpcServerOptions {
  net::Address listen;
  bool insecure = false;
  std::function<void(std::function<void()>)> spawn;
  std::function<void(Duration)> sleep;  // suspends the fiber
  std::function<Result<std::unique_ptr<sql::Session>>()> open_session;
  std::function<client::Figures()> figures = {};  // for status; may be empty
};

/// Used on its loop's thread.
class RpcServer {
 public:
  /// Errors: cannot_create, refused (net::Listener).
  static Result<std::unique_ptr<RpcServer>> open(net::Loop& loop, RpcServerOptions options);
  ~RpcServer();  // only once stopped, or when no fiber will run again
  const net::Address& address() const;  // with the real port

  /// Takes no more connections and requests, interrupts what runs, tells its clients, and calls back when all are gone.
  void stop(std::function<void()> done);

 private:
  struct Impl;
  explicit RpcServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace ddb::gateway
