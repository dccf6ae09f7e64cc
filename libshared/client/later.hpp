// Tasks to run after a pause, on one timer.
#pragma once

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "net/loop.hpp"

namespace ddb::client {

/// Destruction drops what is left.
class Later {
 public:
  explicit Later(net::Loop& loop) : timer_{loop} {}

  void after(Duration delay, net::Task task) {
    tasks_.emplace(net::Loop::now() + delay, std::move(task));
    arm();
  }

 private:
  void arm() {
    if (tasks_.empty()) return;
    timer_.after(std::max(tasks_.begin()->first - net::Loop::now(), Duration{0}), [this] { run_due(); });
  }

  void run_due() {
    std::vector<net::Task> due;
    const auto end = tasks_.upper_bound(net::Loop::now());
    for (auto it = tasks_.begin(); it != end; ++it) due.push_back(std::move(it->second));
    tasks_.erase(tasks_.begin(), end);
    arm();
    for (auto& task : due) task();
  }

  net::Timer timer_;
  std::multimap<Instant, net::Task> tasks_;
};

}  // namespace ddb::client
