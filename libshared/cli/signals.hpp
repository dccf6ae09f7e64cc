// Signals as flags: a loop finishes its step, then ends.
#pragma once

namespace ddb::cli {

/// From here on SIGINT and SIGTERM ask the program to end (a second SIGINT ends it at once) and SIGHUP asks it to
/// reopen its log. One per process, made before other threads start.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// Readable once a signal has come; for poll() and Asio. Whoever reads it drains it.
  int fd() const;

  bool stop_requested() const;

  /// True once per SIGHUP (several that come together count once).
  bool take_hangup();

  /// Blocks until a signal comes; returns at once when one came since the last wait().
  void wait();
};

}  // namespace ddb::cli
