// The cluster that a gateway works for: one that others serve, or one of its own in a directory.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cli/tool.hpp"
#include "client/cluster.hpp"
#include "net/loop.hpp"
#include "server/local.hpp"

namespace ddb::route {

struct ClusterChoice {
  std::string directory;  // --data; empty: what --oracle or DDB_ORACLE names
  Duration timeout;       // of a request; so long a directory that is in use is waited for
};

/// One loop for the gateway and, with --data, for the servers beside it.
class Cluster {
 public:
  /// Errors: usage, as cli::Context::oracles; as server::Local::open.
  static Result<std::unique_ptr<Cluster>> open(cli::Context& context, const ClusterChoice& choice);

  net::Loop& loop() { return loop_; }
  const client::ClusterOptions& options() const { return options_; }
  /// The gateway is done: stops what runs beside it. What made a server fail, else `done`.
  Result<void> close(Result<void> done);

 private:
  Cluster() = default;
  Result<void> serve(cli::Context& context, const ClusterChoice& choice);

  net::Loop loop_;
  client::ClusterOptions options_;
  std::unique_ptr<server::Local> local_;
  std::optional<Error> failure_;
};

}  // namespace ddb::route
