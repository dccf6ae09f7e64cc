#include "bench/measure.hpp"

#include <algorithm>

namespace ddb::bench {

void Measure::gap(int64_t until_ns) { stall_ns_ = std::max(stall_ns_, until_ns - last_success_ns_); }

void Measure::success(int64_t begin_ns, int64_t end_ns) {
  latency_.record(static_cast<uint64_t>(std::max<int64_t>(end_ns - begin_ns, 0)));
  gap(end_ns);
  last_success_ns_ = end_ns;
}

void Measure::failure(const Error& error) {
  ++errors_[error.code];
  last_error_ = error;
}

void Measure::close(int64_t end_ns) { gap(end_ns); }

uint64_t Measure::errors() const {
  uint64_t sum = 0;
  for (const auto& [code, count] : errors_) sum += count;
  return sum;
}

std::string Measure::error_kinds() const {
  std::string text;
  for (const auto& [code, count] : errors_)
    text += (text.empty() ? "" : " ") + std::string{name_of(code)} + "=" + std::to_string(count);
  return text;
}

}  // namespace ddb::bench
