#include "bench/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace ddb::bench {

/// Values below 256 have a bucket each; then 128 buckets from 2^n to 2^(n+1).
size_t Histogram::bucket_of(uint64_t value) {
  const int shift = std::max(static_cast<int>(std::bit_width(value)) - precision_bits - 1, 0);
  return (static_cast<size_t>(shift) << precision_bits) + (value >> shift);
}

uint64_t Histogram::highest_of(size_t bucket) {
  if (bucket < (2u << precision_bits)) return bucket;
  const size_t shift = (bucket >> precision_bits) - 1;
  const uint64_t mantissa = bucket - (shift << precision_bits);
  return ((mantissa + 1) << shift) - 1;
}

void Histogram::record(uint64_t value) {
  ++counts_[bucket_of(value)];
  ++count_;
  max_ = std::max(max_, value);
}

void Histogram::add(const Histogram& other) {
  for (size_t i = 0; i < bucket_count; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

uint64_t Histogram::percentile(double share) const {
  if (count_ == 0) return 0;
  const auto wanted = std::max<uint64_t>(static_cast<uint64_t>(std::ceil(share * static_cast<double>(count_))), 1);
  uint64_t seen = 0;
  for (size_t i = 0; i < bucket_count; ++i) {
    seen += counts_[i];
    if (seen >= wanted) return std::min(highest_of(i), max_);
  }
  return max_;
}

}  // namespace ddb::bench
