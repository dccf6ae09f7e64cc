// The rows of a file into a table.
#pragma once

#include <chrono>
#include <string>

#include "cli/tool.hpp"

namespace ddb::route {

struct ImportArguments {
  std::string file;  // "-": the standard input
  std::string table;
  bool csv = false;
  bool tsv = false;
  bool json = false;
  std::string separator = ",";
  bool no_header = false;
  bool create = false;
  std::string existing = "bad";
  uint64_t batch = 1000;
  uint64_t bad_max = 0;
  uint64_t from_line = 0;
};

/// Prints how many rows went in, also when it fails.
Result<void> import(cli::Context& context, std::chrono::microseconds timeout, const ImportArguments& arguments);

}  // namespace ddb::route
