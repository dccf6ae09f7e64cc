// Long work shows where it is: one line that rewrites itself, on a terminal only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace ddb::cli {

/// "ddb-route: 120000 rows, 24310/s", at most ten times a second, on stderr; erased at the end.
class Progress {
 public:
  /// Silent unless stderr is a terminal.
  Progress(std::string label, std::string unit);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `total` zero: unknown.
  void update(uint64_t done, uint64_t total = 0);

  /// Erases the line, so that something else can be written; the next update() brings it back.
  void clear();

 private:
  std::string label_;
  std::string unit_;
  bool shown_ = false;
  bool enabled_;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace ddb::cli
