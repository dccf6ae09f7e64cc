// Where everything is.
#pragma once

#include <map>
#include <vector>

#include "network.hpp"

namespace sim {

struct Directory {
  std::map<ddb::StoreId, Endpoint> stores;
  std::vector<Endpoint> oracles;
  std::vector<Endpoint> nodes;
  std::vector<Endpoint> clients;
};

}  // namespace sim
