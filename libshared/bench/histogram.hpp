// Counts of values in buckets whose width grows with the value: percentiles within 0.8 %, in constant memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ddb::bench {

/// After HdrHistogram (G. Tene): 128 buckets for each doubling. Any uint64_t; by use, nanoseconds.
class Histogram {
 public:
  void record(uint64_t value);
  void add(const Histogram& other);

  uint64_t count() const { return count_; }
  uint64_t max() const { return max_; }  // exact
  /// The value that a share of `share` (0 to 1) of all values does not exceed; zero when there are none.
  uint64_t percentile(double share) const;

 private:
  static constexpr int precision_bits = 7;
  static constexpr size_t bucket_count = (64 - precision_bits + 1) << precision_bits;

  static size_t bucket_of(uint64_t value);
  static uint64_t highest_of(size_t bucket);

  std::array<uint64_t, bucket_count> counts_{};
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace ddb::bench
