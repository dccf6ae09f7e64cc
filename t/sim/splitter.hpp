// Splits ranges, at random keys and moments, while everything else goes on.
#pragma once

#include "misfortune.hpp"

namespace sim {

/// Whoever leads is asked, once; what becomes of it is nobody's concern. Ids of ranges are never given twice.
class Splitter {
 public:
  Splitter(World& world, Network& network, Endpoint self, const Processes& processes)
      : world_{world}, network_{network}, self_{self}, processes_{processes} {}

  void begin();
  void end() { ended_ = true; }

 private:
  void split();

  World& world_;
  Network& network_;
  const Endpoint self_;
  const Processes& processes_;
  bool ended_ = false;
  uint64_t last_range_ = 100;  // above those that a run begins with
  uint64_t requests_ = 0;
};

}  // namespace sim
