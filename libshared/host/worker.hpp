// A thread that does one task at a time.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace ddb::host {

/// Tasks come from one other thread, each only after the one before has said that it is done.
class Worker {
 public:
  Worker() : thread_{[this] { run(); }} {}
  ~Worker() { stop(); }

  void start(std::move_only_function<void()> task) {
    {
      const std::lock_guard lock{mutex_};
      task_ = std::move(task);
    }
    ready_.notify_one();
  }

  /// Finishes the task at hand, then ends the thread.
  void stop() {
    {
      const std::lock_guard lock{mutex_};
      stopping_ = true;
    }
    ready_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void run() {
    std::unique_lock lock{mutex_};
    for (;;) {
      ready_.wait(lock, [this] { return stopping_ || task_; });
      if (!task_) return;
      auto task = std::exchange(task_, nullptr);
      lock.unlock();
      task();
      task = nullptr;
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable ready_;
  std::move_only_function<void()> task_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace ddb::host
