// Logical clients on one thread, each with one operation under way.
#pragma once

#include <cstdint>
#include <functional>

#include "cli/progress.hpp"
#include "client/later.hpp"

namespace ddb::bench {

struct LoadOptions {
  uint32_t clients = 1;
  Duration duration = std::chrono::seconds{10};
  uint64_t operations = 0;  // zero: as many as fit; else `duration` is no limit
  Duration spin{};          // see net::Loop::set_spin
};

class ClosedLoop {
 public:
  /// `start` begins an operation of a client (from 0), which ends with ended(client).
  ClosedLoop(net::Loop& loop, const LoadOptions& options, std::function<void(uint32_t client)> start);

  /// Until the time is over or the operations are done, and nothing is under way. False: stopped by a signal.
  bool run();

  /// To be called once per start(). Failed operations are followed by a pause of 10 ms: errors may come fast.
  void ended(uint32_t client, bool ok);

  /// Operations that end from now on come after the measured time.
  bool measuring() const { return measuring_; }
  int64_t begin_ns() const { return begin_ns_; }
  int64_t end_ns() const { return end_ns_; }  // of the measured time
  double seconds() const { return static_cast<double>(end_ns_ - begin_ns_) * 1e-9; }

 private:
  void next(uint32_t client);
  void finish();
  void show_progress();

  net::Loop& loop_;
  LoadOptions options_;
  std::function<void(uint32_t)> start_;
  client::Later later_;
  cli::Progress progress_{"ddb-bench", "operations"};
  uint64_t started_ = 0;
  uint64_t ended_ = 0;
  bool measuring_ = true;
  bool interrupted_ = false;
  int64_t begin_ns_;
  int64_t end_ns_ = 0;
};

}  // namespace ddb::bench
