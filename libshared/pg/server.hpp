// Serves PostgreSQL's protocol: a conversation per connection, each in a fiber while it has something to do. See ddb-pg(7).
#pragma once

#include <functional>
#include <memory>

#include "net/connection.hpp"
#include "sql/schema.hpp"
#include "sql/session.hpp"

namespace ddb::pg {

constexpr size_t input_waiting_max = 1 << 20;   // bytes beyond the message in hand; then a client is read no further
constexpr size_t output_unread_max = 4u << 20;  // bytes; then its statements wait

/// What the server needs of its surroundings. Statements run where `spawn` puts them: in fibers of the loop, where the key space
/// may suspend them.
struct ServerOptions {
  net::Address listen;
  bool insecure = false;
  size_t connections_max = 1000;  // more are told so (53300)
  std::function<void(std::function<void()>)> spawn;
  std::function<void(Duration)> sleep;  // suspends the fiber
  std::function<Result<std::unique_ptr<sql::Session>>(sql::SessionOptions)> open_session;
  std::function<std::shared_ptr<const sql::Schema>()> schema;
  std::function<uint32_t()> random;  // secrets of cancel requests
};

/// Used on its loop's thread.
class Server {
 public:
  /// Errors: cannot_create, refused (net::Listener).
  static Result<std::unique_ptr<Server>> open(net::Loop& loop, ServerOptions options);
  ~Server();  // only once stopped, or when no fiber will run again
  const net::Address& address() const;  // with the real port

  /// Takes no more connections, interrupts what runs, tells its clients (57P01), and calls back when all are gone.
  void stop(std::function<void()> done);

 private:
  struct Impl;
  explicit Server(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace ddb::pg
