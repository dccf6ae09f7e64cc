// ddb-bench kv: durable one-row writes, linearizable reads, compare-and-set and transfers, straight at the nodes.
#pragma once

#include <string>

#include "bench/keys.hpp"
#include "cli/tool.hpp"
#include "closed_loop.hpp"

namespace ddb::bench {

struct KvOptions {
  LoadOptions load;
  Duration timeout = std::chrono::seconds{10};
  double read_percent = 0;
  double cas_percent = 0;
  double transfer_percent = 0;
  uint64_t transaction_size = 2;  // rows of a transfer
  uint64_t value_bytes = 256;
  uint64_t keys = 10'000;
  std::string distribution = "uniform";
  double theta = 0.99;
  uint64_t seed = 1;
  bool no_preload = false;
  std::string history;  // empty: none
};

Result<void> run_kv(cli::Context& context, const KvOptions& options);

}  // namespace ddb::bench
