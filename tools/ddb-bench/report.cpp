#include "report.hpp"

#include <cmath>

namespace ddb::bench {

namespace {

double round_to(double value, int parts) { return std::round(value * parts) / parts; }

/// One decimal: what a clock and a histogram can tell.
double micros(uint64_t ns) { return static_cast<double>(ns / 100) / 10; }

}  // namespace

Result<void> report(cli::Output& out, const std::string& workload, uint32_t clients, const ClosedLoop& run,
                    const std::vector<Reported>& operations) {
  out.columns({"workload", "operation", "clients", "seconds", "operations", "per_second", "p50_us", "p90_us", "p99_us",
               "p999_us", "max_us", "stall_ms", "errors", "error_kinds"});
  uint64_t successes = 0;
  const Error* last = nullptr;
  for (const auto& [name, measure, part] : operations) {
    const Histogram& latency = measure->latency();
    if (latency.count() == 0 && measure->errors() == 0) continue;
    if (!part) successes += latency.count();
    if (measure->errors() > 0) last = &measure->last_error();
    out.row(workload, name, clients, round_to(run.seconds(), 1000), latency.count(),
            std::round(static_cast<double>(latency.count()) / run.seconds()), micros(latency.percentile(0.5)),
            micros(latency.percentile(0.9)), micros(latency.percentile(0.99)), micros(latency.percentile(0.999)),
            micros(latency.max()), round_to(static_cast<double>(measure->stall_ns()) * 1e-6, 10), measure->errors(),
            measure->error_kinds());
  }
  if (successes == 0 && last != nullptr) return std::unexpected(*last);
  return {};
}

}  // namespace ddb::bench
