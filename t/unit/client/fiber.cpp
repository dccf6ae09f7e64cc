#include "client/fiber.hpp"

#include <doctest/doctest.h>
#include <string>

#include "fake_server.hpp"

using namespace ddb;
using namespace ddb::client;

namespace {

/// An asynchronous call that is answered a little later.
struct Echo {
  explicit Echo(net::Loop& the_loop) : loop{the_loop} {}
  void operator()(int value, Done<int> done) {
    loop.post([value, done = std::move(done)]() mutable { done(value); });
  }
  net::Loop& loop;
};

}  // namespace

TEST_CASE("fibers wait for each other's answers on one thread") {
  net::Loop loop;
  Fibers fibers{loop};
  Echo echo{loop};
  std::string order;
  for (const char name : {'a', 'b', 'c'})
    fibers.spawn([&, name] {
      CHECK(fibers.inside());
      for (int i = 0; i < 3; ++i) {
        order += name;
        CHECK(await<int>(fibers, [&](Done<int> done) { echo(i, std::move(done)); }) == i);
      }
    });
  CHECK(fibers.count() == 3);
  CHECK(order.empty());
  run_until(loop, [&] { return fibers.count() == 0; });
  CHECK(order == "abcabcabc");
  CHECK(!fibers.inside());
}

TEST_CASE("an answer that is there at once needs no waiting") {
  net::Loop loop;
  Fibers fibers{loop};
  LoopExecutor inline_executor{loop};
  const auto at_once = [](Done<int> done) { done(7); };
  CHECK(await<int>(inline_executor, at_once) == 7);
  bool ran = false;
  fibers.spawn([&] {
    CHECK(await<int>(fibers, at_once) == 7);
    ran = true;
  });
  run_until(loop, [&] { return fibers.count() == 0; });
  CHECK(ran);
}

TEST_CASE("a thousand fibers, each deep in its own stack") {
  net::Loop loop;
  Fibers fibers{loop};
  Echo echo{loop};
  int sum = 0;
  const std::function<int(int)> deep = [&](int depth) -> int {
    volatile char frame[512] = {};
    frame[0] = static_cast<char>(depth);
    if (depth > 0) return deep(depth - 1) + frame[0] * 0;
    return *await<int>(fibers, [&](Done<int> done) { echo(1, std::move(done)); });
  };
  for (int i = 0; i < 1000; ++i) fibers.spawn([&] { sum += deep(100); });
  run_until(loop, [&] { return fibers.count() == 0; });
  CHECK(sum == 1000);
}

TEST_CASE("stop ends every wait; late answers find nobody") {
  net::Loop loop;
  Fibers fibers{loop};
  std::vector<Done<int>> pending;
  int stopped = 0;
  for (int i = 0; i < 3; ++i)
    fibers.spawn([&] {
      for (int round = 0; round < 2; ++round) {
        const auto result = await<int>(fibers, [&](Done<int> done) { pending.push_back(std::move(done)); });
        CHECK(result.error().code == Code::unknown_outcome);
        ++stopped;
      }
    });
  run_until(loop, [&] { return pending.size() == 3; });
  fibers.stop();
  run_until(loop, [&] { return fibers.count() == 0; });
  CHECK(stopped == 6);
  for (auto& done : pending) done(1);
  run_for(loop, Duration{1000});
}

TEST_CASE("the inline executor gives up when the loop is stopped") {
  net::Loop loop;
  LoopExecutor executor{loop};
  loop.post([&] { loop.stop(); });
  CHECK(await<int>(executor, [](Done<int>) {}).error().code == Code::unknown_outcome);
}
