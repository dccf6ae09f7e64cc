// A cluster as a client sees it: its oracle, its ranges, and the way to them.
#pragma once

#include "client/readers.hpp"
#include "client/router.hpp"

namespace ddb::client {

struct ClusterOptions {
  std::vector<net::Address> oracles;
  Duration timeout = std::chrono::seconds{10};                 // of one operation, over all attempts
  Duration attempt_timeout = std::chrono::milliseconds{1500};  // then another process is asked
};

class Cluster {
 public:
  Cluster(net::Loop& loop, const ClusterOptions& options);

  net::Loop& loop() { return loop_; }
  OracleClient& oracle() { return oracle_; }
  RangeCache& ranges() { return ranges_; }
  Router& router() { return router_; }
  Readers& readers() { return readers_; }
  const ClusterOptions& options() const { return options_; }
  Figures& figures() { return figures_; }

 private:
  net::Loop& loop_;
  ClusterOptions options_;
  Figures figures_;
  net::Identity identity_;  // its cluster is learnt from the oracle
  OracleClient oracle_;
  RangeCache ranges_;
  Router router_;
  Readers readers_;
};

}  // namespace ddb::client
