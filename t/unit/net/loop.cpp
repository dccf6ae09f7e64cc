#include "net/loop.hpp"

#include <csignal>
#include <doctest/doctest.h>
#include <optional>
#include <thread>

#include "loopback.hpp"

using namespace ddb;
using namespace ddb::net;

TEST_CASE("tasks run in order, from any thread, until the loop is stopped") {
  Loop loop;
  std::string order;
  loop.post([&] { order += 'a'; });
  std::thread other{[&] {
    loop.post([&] { order += 'b'; });
    loop.post([&] { loop.stop(); });
  }};
  loop.run();
  other.join();
  CHECK(order == "ab");
  CHECK(loop.stopped());
}

TEST_CASE("a timer fires once, not when cancelled, restarted or destroyed") {
  Loop loop;
  int fired = 0;
  Timer timer{loop};
  timer.after(Duration{100}, [&] { fired += 1; });
  CHECK(timer.pending());
  timer.after(Duration{200}, [&] { fired += 10; });
  run_until(loop, [&] { return !timer.pending(); });
  CHECK(fired == 10);
  timer.after(Duration{0}, [&] { fired += 100; });
  timer.cancel();
  std::optional<Timer> gone{loop};
  gone->after(Duration{0}, [&] { fired += 1000; });
  gone.reset();
  run_for(loop, std::chrono::milliseconds{5});
  CHECK(fired == 10);
}

TEST_CASE("a timer's task may restart or destroy it") {
  Loop loop;
  auto timer = std::make_unique<Timer>(loop);
  int fired = 0;
  timer->after(Duration{1}, [&] {
    ++fired;
    timer->after(Duration{1}, [&] {
      ++fired;
      timer.reset();
    });
  });
  run_until(loop, [&] { return fired == 2; });
}

TEST_CASE("signals become tasks, each time") {
  Loop loop;
  int caught = 0;
  loop.on_signal({SIGUSR1, SIGUSR2}, [&](int signal) { caught += signal == SIGUSR1 ? 1 : 10; });
  for (const int expected : {1, 2}) {
    std::raise(SIGUSR1);
    run_until(loop, [&] { return caught == expected; });
  }
  std::raise(SIGUSR2);
  run_until(loop, [&] { return caught == 12; });
}

TEST_CASE("spinning changes nothing but latency") {
  Loop loop;
  loop.set_spin(std::chrono::milliseconds{1});
  int fired = 0;
  Timer timer{loop};
  timer.after(std::chrono::milliseconds{3}, [&] {
    ++fired;
    loop.post([&] { loop.stop(); });
  });
  loop.run();
  CHECK(fired == 1);
}

TEST_CASE("expecting what does not come changes nothing either, and ends") {
  Loop loop;
  int fired = 0;
  Timer timer{loop};
  timer.after(std::chrono::milliseconds{3}, [&] {
    ++fired;
    loop.stop();
  });
  loop.expect(Loop::now() + std::chrono::milliseconds{1});
  loop.run();
  CHECK(fired == 1);
}
