#include "net/loop.hpp"

#include <time.h>

#include <algorithm>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <vector>

namespace ddb::net {

namespace asio = boost::asio;

struct Loop::Impl {
  asio::io_context io{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};  // one thread does I/O; any may post
  asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(io);
  std::vector<std::unique_ptr<asio::signal_set>> signals;
  Duration spin{};
  Instant expected{};  // see expect()

  void run_one() {
    const bool expects = expected != Instant{};
    if (expects || spin > Duration::zero()) {
      const Instant until = std::max(now() + spin, expected);
      do {
        if (io.poll_one() > 0 || io.stopped()) return;
        if (expects) std::this_thread::yield();
      } while (now() < until);
      expected = {};
    }
    io.run_one();
  }
};

Loop::Loop() : impl_{std::make_unique<Impl>()} {}
Loop::~Loop() = default;

Instant Loop::now() {
  timespec t{};
  clock_gettime(CLOCK_BOOTTIME, &t);
  return Instant{std::chrono::seconds{t.tv_sec} + std::chrono::microseconds{t.tv_nsec / 1000}};
}

void Loop::run() {
  while (!impl_->io.stopped()) {
    impl_->run_one();
    if (impl_->spin == Duration::zero()) impl_->io.poll();
  }
}

void Loop::run_until(const std::function<bool()>& done) {
  while (!done() && !impl_->io.stopped()) impl_->run_one();
}

void Loop::stop() { impl_->io.stop(); }
bool Loop::stopped() const { return impl_->io.stopped(); }
void Loop::set_spin(Duration spin) { impl_->spin = spin; }
void Loop::expect(Instant until) { impl_->expected = until; }
asio::io_context& Loop::io() { return impl_->io; }

void Loop::post(Task task) { asio::post(impl_->io, std::move(task)); }

namespace {

void wait_for_signal(asio::signal_set& set, std::function<void(int)> task) {
  set.async_wait([&set, task = std::move(task)](const boost::system::error_code& error, int signal) {
    if (error) return;
    task(signal);
    wait_for_signal(set, task);
  });
}

}  // namespace

void Loop::on_signal(std::initializer_list<int> signals, std::function<void(int)> task) {
  auto set = std::make_unique<asio::signal_set>(impl_->io);
  for (const int signal : signals) set->add(signal);
  wait_for_signal(*set, std::move(task));
  impl_->signals.push_back(std::move(set));
}

struct Timer::Impl {
  explicit Impl(asio::io_context& io) : timer{io} {}
  asio::steady_timer timer;
  Task task;
  uint64_t round = 0;  // tells a cancelled expiry that was already queued from the present one
};

Timer::Timer(Loop& loop) : impl_{std::make_shared<Impl>(loop.io())} {}
Timer::~Timer() {
  if (impl_) cancel();
}
Timer::Timer(Timer&&) noexcept = default;
Timer& Timer::operator=(Timer&& other) noexcept {
  if (impl_) cancel();
  impl_ = std::move(other.impl_);
  return *this;
}

void Timer::after(Duration delay, Task task) {
  impl_->task = std::move(task);
  impl_->timer.expires_after(delay);
  impl_->timer.async_wait([impl = impl_, round = ++impl_->round](const boost::system::error_code&) {
    if (round != impl->round) return;
    auto due = std::exchange(impl->task, nullptr);
    if (due) due();
  });
}

void Timer::cancel() {
  ++impl_->round;
  impl_->task = nullptr;
  impl_->timer.cancel();
}

bool Timer::pending() const { return impl_->task != nullptr; }

}  // namespace ddb::net
