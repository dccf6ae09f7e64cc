// ddb-bench tso: timestamps of the oracle.
#pragma once

#include "cli/tool.hpp"
#include "closed_loop.hpp"

namespace ddb::bench {

struct TsoOptions {
  LoadOptions load;
  Duration timeout = std::chrono::seconds{10};
  bool single = false;  // a request for every timestamp; else one request in flight carries all who wait
};

Result<void> run_tso(cli::Context& context, const TsoOptions& options);

}  // namespace ddb::bench
