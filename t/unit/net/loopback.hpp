// A listener on a free loopback port, and waiting with a limit, for the tests of net/.
#pragma once

#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <utility>

#include "net/connection.hpp"
#include "net/loop.hpp"

namespace ddb::net {

inline const Address any_port{.host = "127.0.0.1", .port = 0};

/// Runs the loop until `done` holds; fails the test after five seconds.
inline void run_until(Loop& loop, const std::function<bool()>& done) {
  Timer limit{loop};
  bool late = false;
  limit.after(std::chrono::seconds{5}, [&] { late = true; });
  loop.run_until([&] { return late || done(); });
  REQUIRE(!late);
}

/// Runs the loop for a while, to see that something does not happen.
inline void run_for(Loop& loop, Duration time) {
  Timer timer{loop};
  bool over = false;
  timer.after(time, [&] { over = true; });
  loop.run_until([&] { return over; });
}

/// Two ends of one TCP connection; neither is started.
struct Pair {
  explicit Pair(Loop& loop, const ConnectionOptions& options = {}, const Address& address = any_port) {
    auto listener = Listener::open(loop, address, {.insecure = false, .connection = options},
                                   [this](ConnectionPtr accepted) { server = std::move(accepted); });
    REQUIRE(listener);
    Dialer dialer{loop, (*listener)->address(), std::chrono::seconds{5}, options, [this](Result<ConnectionPtr> dialed) {
                    REQUIRE(dialed);
                    client = std::move(*dialed);
                  }};
    run_until(loop, [this] { return client && server; });
  }
  ConnectionPtr client;
  ConnectionPtr server;
};

}  // namespace ddb::net
