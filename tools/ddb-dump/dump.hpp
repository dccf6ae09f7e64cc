// One snapshot of a cluster's tables, as SQL on stdout or into a SQLite file.
#pragma once

#include <string>
#include <vector>

#include "cli/tool.hpp"
#include "client/cluster.hpp"

namespace ddb {

struct DumpArguments {
  std::vector<std::string> tables;  // none: all
  std::string as_of;                // empty: now
  std::string sqlite;               // the file; empty: SQL on stdout
};

Result<void> dump(cli::Context& context, const client::ClusterOptions& cluster, const DumpArguments& arguments);

}  // namespace ddb
