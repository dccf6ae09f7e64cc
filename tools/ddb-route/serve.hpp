// The gateway as a daemon.
#pragma once

#include <string>

#include "cluster.hpp"
#include "net/address.hpp"

namespace ddb::route {

struct ServeOptions {
  net::Address listen;  // MessagePack-RPC; without a host: not served
  net::Address pg;      // PostgreSQL's protocol; likewise
  std::string log;
  bool insecure = false;
};

/// Until SIGTERM or SIGINT.
Result<void> serve(Cluster& cluster, const ServeOptions& options);

}  // namespace ddb::route
