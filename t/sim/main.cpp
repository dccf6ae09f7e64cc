// The simulator: whole clusters from one seed. `sim --seeds 100` runs seeds 1 to 100; `sim --seed 42 --trace` replays one.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "run.hpp"

namespace {

/// Every so many seeds one is run twice: the same seed must give the same run.
constexpr uint64_t replay_every = 25;

bool report(const sim::RunOptions& options, const sim::RunResult& result) {
  if (result.violation.empty()) return true;
  std::printf("seed %lu: %s\n", options.seed, result.violation.c_str());
  std::printf("replay: build/sim --seed %lu --seconds %d --trace\n", options.seed, options.seconds);
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  sim::RunOptions options;
  uint64_t first = 1;
  uint64_t seeds = 0;
  CLI::App app{"simulates whole clusters, each from one seed"};
  app.add_option("--seed", options.seed, "run this one seed");
  app.add_option("--first", first, "first of several seeds")->capture_default_str();
  app.add_option("--seeds", seeds, "run so many seeds");
  app.add_option("--seconds", options.seconds, "simulated seconds under faults")->capture_default_str();
  app.add_flag("--trace", options.trace, "tell each fault on stderr");
  CLI11_PARSE(app, argc, argv);

  if (seeds == 0) {
    first = options.seed;
    seeds = 1;
  }
  uint64_t failed = 0;
  sim::RunResult total;
  for (uint64_t i = 0; i < seeds; ++i) {
    options.seed = first + i;
    const auto result = sim::run(options);
    if (!report(options, result)) {
      ++failed;
    } else if (i % replay_every == 0 && sim::run(options).digest != result.digest) {
      std::printf("seed %lu: a second run of the same seed went another way\n", options.seed);
      ++failed;
    }
    if (seeds == 1) std::printf("digest %016lx\n", result.digest);
    total.steps += result.steps;
    total.transactions += result.transactions;
    total.timestamps += result.timestamps;
    total.meta_writes += result.meta_writes;
    total.faults += result.faults;
  }
  std::printf("%lu seeds: %lu steps, %lu faults, %lu transactions, %lu timestamp requests, %lu metadata writes; %lu failed\n", seeds,
              total.steps, total.faults, total.transactions, total.timestamps, total.meta_writes, failed);
  return failed == 0 ? 0 : 1;
}
