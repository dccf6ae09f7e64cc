#include "bench/keys.hpp"

#include <algorithm>
#include <cmath>

#include "base/assert.hpp"

namespace ddb::bench {

namespace {

double zeta(uint64_t n, double theta) {
  double sum = 0;
  for (uint64_t i = 1; i <= n; ++i) sum += 1 / std::pow(static_cast<double>(i), theta);
  return sum;
}

/// In [0, 1).
double fraction(Random& random) { return static_cast<double>(random.next() >> 11) * 0x1p-53; }

}  // namespace

Result<Distribution> parse_distribution(const std::string& name) {
  if (name == "uniform") return Distribution::uniform;
  if (name == "zipf") return Distribution::zipf;
  if (name == "sequential") return Distribution::sequential;
  return fail(Code::usage, "no such distribution: " + name, "uniform, zipf or sequential");
}

KeyChooser::KeyChooser(Distribution distribution, uint64_t keys, double theta)
    : distribution_{distribution}, keys_{keys}, theta_{theta} {
  DDB_ASSERT(keys > 0);
  if (distribution != Distribution::zipf) return;
  DDB_ASSERT(theta > 0 && theta < 1);
  zeta_ = zeta(keys, theta);
  alpha_ = 1 / (1 - theta);
  eta_ = (1 - std::pow(2.0 / static_cast<double>(keys), 1 - theta)) / (1 - zeta(2, theta) / zeta_);
}

uint64_t KeyChooser::zipf_rank(Random& random) const {
  const double u = fraction(random);
  const double uz = u * zeta_;
  if (uz < 1 || keys_ == 1) return 0;
  if (uz < 1 + std::pow(0.5, theta_) || keys_ == 2) return 1;
  const double rank = static_cast<double>(keys_) * std::pow(eta_ * u - eta_ + 1, alpha_);
  return std::min(static_cast<uint64_t>(rank), keys_ - 1);
}

uint64_t KeyChooser::next(Random& random) {
  switch (distribution_) {
    case Distribution::sequential: return sequence_++ % keys_;
    case Distribution::zipf: return Random{zipf_rank(random)}.below(keys_);
    case Distribution::uniform: break;
  }
  return random.below(keys_);
}

Bytes key_name(uint64_t key) {
  const std::string digits = std::to_string(key);
  return "bench/" + std::string(10 - std::min<size_t>(digits.size(), 10), '0') + digits;
}

}  // namespace ddb::bench
