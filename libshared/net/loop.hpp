// One thread's event loop. Everything in net/ and client/ belongs to one loop and is used on its thread only.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>

#include "env/clock.hpp"

namespace boost::asio {
class io_context;
}

namespace ddb::net {

using Task = std::move_only_function<void()>;

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// CLOCK_BOOTTIME.
  static Instant now();

  /// Runs tasks and I/O until stop(). An idle loop sleeps in epoll.
  void run();
  /// Runs until `done()` is true, asked after every event, or stop().
  void run_until(const std::function<bool()>& done);
  /// Ends run() and run_until() for good. Any thread.
  void stop();
  bool stopped() const;

  /// Runs `task` on the loop's thread, behind all that is ready by now: also the place to finish a turn's
  /// work in one piece. Any thread.
  void post(Task task);

  /// Runs `task` on each of these signals (SIGTERM, SIGHUP, ...), until the loop ends.
  void on_signal(std::initializer_list<int> signals, std::function<void(int)> task);

  /// While set, an otherwise idle loop polls for this long before it sleeps: burns a core for latency. Zero: never.
  void set_spin(Duration spin);
  /// Something is likely to come before `until`: if the loop becomes idle, it polls that long before it sleeps, giving
  /// way to whoever else wants the core. Waking up would take longer than the wait.
  void expect(Instant until);

  boost::asio::io_context& io();  // for what this header does not offer

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Calls back once per after(); destruction cancels. The task may destroy or restart its timer.
class Timer {
 public:
  explicit Timer(Loop& loop);
  ~Timer();
  Timer(Timer&&) noexcept;
  Timer& operator=(Timer&&) noexcept;

  void after(Duration delay, Task task);  // replaces what was pending
  void cancel();
  bool pending() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace ddb::net
