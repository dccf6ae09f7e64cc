#include "closed_loop.hpp"

#include <csignal>
#include <utility>

#include "bench/history.hpp"

namespace ddb::bench {

namespace {

constexpr Duration error_pause = std::chrono::milliseconds{10};
constexpr Duration progress_interval = std::chrono::milliseconds{200};

}  // namespace

ClosedLoop::ClosedLoop(net::Loop& loop, const LoadOptions& options, std::function<void(uint32_t)> start)
    : loop_{loop}, options_{options}, start_{std::move(start)}, later_{loop}, begin_ns_{now_ns()} {}

bool ClosedLoop::run() {
  loop_.on_signal({SIGINT, SIGTERM}, [this](int) {
    interrupted_ = true;
    finish();
  });
  if (options_.operations == 0) later_.after(options_.duration, [this] { finish(); });
  loop_.set_spin(options_.spin);
  show_progress();
  for (uint32_t client = 0; client < options_.clients; ++client) next(client);
  loop_.run_until([this] { return !measuring_ && ended_ == started_; });
  loop_.set_spin({});
  progress_.clear();
  return !interrupted_;
}

void ClosedLoop::next(uint32_t client) {
  if (!measuring_) return;
  if (options_.operations != 0 && started_ == options_.operations) {
    if (ended_ == started_) finish();
    return;
  }
  ++started_;
  start_(client);
}

void ClosedLoop::ended(uint32_t client, bool ok) {
  ++ended_;
  if (ok) return next(client);
  later_.after(error_pause, [this, client] { next(client); });
}

void ClosedLoop::finish() {
  if (std::exchange(measuring_, false)) end_ns_ = now_ns();
}

void ClosedLoop::show_progress() {
  if (!measuring_) return;
  progress_.update(ended_, options_.operations);
  later_.after(progress_interval, [this] { show_progress(); });
}

}  // namespace ddb::bench
