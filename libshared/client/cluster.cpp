#include "client/cluster.hpp"

namespace ddb::client {

Cluster::Cluster(net::Loop& loop, const ClusterOptions& options)
    : loop_{loop},
      options_{options},
      oracle_{loop, identity_, {.addresses = options.oracles, .timeout = options.timeout, .attempt_timeout = options.attempt_timeout, .figures = &figures_}},
      ranges_{oracle_},
      router_{ranges_, loop, identity_, {.attempt_timeout = options.attempt_timeout, .figures = &figures_}},
      readers_{oracle_} {}

}  // namespace ddb::client
