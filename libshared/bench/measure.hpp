// What a run of operations of one kind took, and what went wrong.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.hpp"
#include "bench/histogram.hpp"

namespace ddb::bench {

class Measure {
 public:
  explicit Measure(int64_t start_ns) : last_success_ns_{start_ns} {}

  void success(int64_t begin_ns, int64_t end_ns);
  void failure(const Error& error);
  /// No more operations: the time since the last success counts as a stall too.
  void close(int64_t end_ns);

  const Histogram& latency() const { return latency_; }  // of successes, in nanoseconds
  uint64_t errors() const;
  /// "unavailable=3 conflict=1", or empty.
  std::string error_kinds() const;
  const Error& last_error() const { return last_error_; }
  int64_t stall_ns() const { return stall_ns_; }  // the longest time without a success

 private:
  void gap(int64_t until_ns);

  Histogram latency_;
  std::map<Code, uint64_t> errors_;
  Error last_error_{};
  int64_t last_success_ns_;
  int64_t stall_ns_ = 0;
};


}  // namespace ddb::bench
