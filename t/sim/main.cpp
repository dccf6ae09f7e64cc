// The simulator: whole clusters from one seed. `sim --seeds 100` runs seeds 1 to 100; `sim --seed 42 --trace` replays one.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/rule.hpp"
#include "seeds.hpp"

namespace {

int run_one(const sim::RunOptions& options) {
  const auto result = sim::run(options);
  if (!result.violation.empty()) std::printf("seed %lu: %s\n", options.seed, result.violation.c_str());
  std::printf("digest %016lx\n", result.digest);
  return result.violation.empty() ? 0 : 1;
}

int run_many(const sim::SeedsOptions& options) {
  const auto result = sim::run_seeds(options);
  const auto& tally = result.tally;
  std::printf("%lu seeds: %lu steps, %lu faults, %lu transactions, %lu timestamp requests, %lu metadata writes; %lu failed\n",
              result.seeds, tally[sim::steps], tally[sim::faults], tally[sim::transactions], tally[sim::timestamps],
              tally[sim::meta_writes], result.failed);
  return result.failed == 0 ? 0 : 1;
}

/// Without the rule a seed should fail. 0: one did.
int mutate(sim::SeedsOptions options, const std::string& rule) {
#ifdef DDB_MUTATIONS
  ddb::dropped_rule = rule;
  options.until_found = true;
  const auto result = sim::run_seeds(options);
  if (result.failed > 0) {
    std::printf("%s: found by seed %lu\n", rule.c_str(), result.first_failed);
    return 0;
  }
  std::printf("%s: not found by %lu seeds, in which it would have mattered %lu times\n", rule.c_str(), result.seeds,
              result.reached);
  return 1;
#else
  (void)options;
  std::fprintf(stderr, "sim: rule %s cannot be dropped: run build-mutants/sim, which `make mutants` builds\n", rule.c_str());
  return 64;
#endif
}

}  // namespace

int main(int argc, char** argv) {
  sim::RunOptions one;
  sim::SeedsOptions many;
  std::string rule;
  many.count = 0;
  CLI::App app{"simulates whole clusters, each from one seed"};
  app.add_option("--seed", one.seed, "run this one seed");
  app.add_option("--first", many.first, "first of several seeds")->capture_default_str();
  app.add_option("--seeds", many.count, "run so many seeds");
  app.add_option("--jobs", many.jobs, "seeds at a time, each in a process of its own")->capture_default_str()->check(CLI::Range(1, 64));
  app.add_option("--seconds", one.seconds, "simulated seconds under faults")->capture_default_str();
  app.add_option("--mutate", rule, "drop this rule (see t/sim/mutants.txt), and end at the first seed that notices");
  app.add_flag("--trace", one.trace, "tell each fault on stderr");
  CLI11_PARSE(app, argc, argv);

  many.run = one;
  if (!rule.empty()) return mutate(many, rule);
  return many.count == 0 ? run_one(one) : run_many(many);
}
