// Which key an operation touches.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "env/random.hpp"

namespace ddb::bench {

enum class Distribution : uint8_t {
  uniform,
  zipf,        // some keys are hot; which ones is scattered over the key space
  sequential,  // one after the other, by all clients together
};

/// usage: none of the names above.
Result<Distribution> parse_distribution(const std::string& name);

class KeyChooser {
 public:
  /// `keys` at least 1; `theta` in (0, 1): how uneven zipf is (YCSB: 0.99).
  KeyChooser(Distribution distribution, uint64_t keys, double theta = 0.99);

  /// In [0, keys).
  uint64_t next(Random& random);

 private:
  uint64_t zipf_rank(Random& random) const;

  Distribution distribution_;
  uint64_t keys_;
  uint64_t sequence_ = 0;
  // Of Gray et al., Quickly Generating Billion-Record Synthetic Databases (1994).
  double theta_;
  double zeta_ = 0;
  double alpha_ = 0;
  double eta_ = 0;
};

/// "bench/" and ten digits: above every key that SQL writes, so that the two never meet.
Bytes key_name(uint64_t key);

}  // namespace ddb::bench
