#include "cli/signals.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/assert.hpp"

namespace ddb::cli {

namespace {

std::atomic<bool> stop{false};
std::atomic<bool> hangup{false};
int wake[2] = {-1, -1};  // the self-pipe: a handler may do little more than write()

void on_signal(int signal) {
  const int saved = errno;
  (signal == SIGHUP ? hangup : stop) = true;
  [[maybe_unused]] const ssize_t written = write(wake[1], "", 1);  // full: the reader has a wake-up already
  errno = saved;
}

void handle(int signal, int flags) {
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = flags;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace

Signals::Signals() {
  DDB_ASSERT(wake[0] == -1);
  if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  handle(SIGINT, static_cast<int>(SA_RESETHAND));
  handle(SIGTERM, 0);
  handle(SIGHUP, SA_RESTART);
  signal(SIGPIPE, SIG_IGN);
}

Signals::~Signals() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_DFL);
  for (int& fd : wake) close(std::exchange(fd, -1));
  stop = hangup = false;
}

int Signals::fd() const { return wake[0]; }
bool Signals::stop_requested() const { return stop; }
bool Signals::take_hangup() { return hangup.exchange(false); }

void Signals::wait() {
  pollfd poll_fd{.fd = wake[0], .events = POLLIN, .revents = 0};
  while (poll(&poll_fd, 1, -1) < 0 && errno == EINTR) continue;
  char drained[64];
  while (read(wake[0], drained, sizeof drained) > 0) continue;
}

}  // namespace ddb::cli
