#include "cli/signals.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <signal.h>

using ddb::cli::Signals;

namespace {
bool readable(int fd) {
  pollfd poll_fd{.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&poll_fd, 1, 0) == 1;
}
}  // namespace

TEST_CASE("a signal sets its flag and wakes the loop") {
  Signals signals;
  CHECK_FALSE(readable(signals.fd()));

  raise(SIGHUP);
  CHECK(readable(signals.fd()));
  signals.wait();
  CHECK_FALSE(readable(signals.fd()));
  CHECK(signals.take_hangup());
  CHECK_FALSE(signals.take_hangup());
  CHECK_FALSE(signals.stop_requested());

  raise(SIGTERM);
  raise(SIGTERM);
  signals.wait();
  CHECK(signals.stop_requested());
}

TEST_CASE("a second interrupt is not caught") {
  Signals signals;
  raise(SIGINT);
  CHECK(signals.stop_requested());
  struct sigaction action{};
  sigaction(SIGINT, nullptr, &action);
  CHECK((action.sa_handler == SIG_DFL));
}
