// SQL in, rows out: the texts of -c, files and the standard input through one session.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/tool.hpp"
#include "cluster.hpp"

namespace ddb::route {

struct FilterOptions {
  std::vector<std::string> commands;
  std::vector<std::string> files;  // "-": the standard input; none, and no commands: that as well
  bool keep_going = false;
  uint64_t batch = 0;  // statements to a transaction; zero: as the text says
  std::optional<std::string> txn_id;  // all of it is one transaction of this name
};

Result<void> filter(cli::Context& context, Cluster& cluster, const FilterOptions& options);

}  // namespace ddb::route
