// What the prompt understands beside SQL: lines that begin with a dot, as in the sqlite3 shell.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/output.hpp"
#include "gateway/gateway.hpp"

namespace ddb::route {

/// Where commands act. All of it outlives them; used in a fiber.
struct CommandSurroundings {
  cli::Output& out;
  gateway::Gateway& gateway;
  sql::Session& session;
  net::Loop& loop;
  std::function<Result<void>(const std::string& path)> read_file;  // runs its SQL
  std::function<void(std::string_view line)> report;
};

class Commands {
 public:
  explicit Commands(CommandSurroundings surroundings) : at_{std::move(surroundings)} {}

  /// `line` begins with a dot. Errors are the user's, for one line on stderr.
  Result<void> run(std::string_view line);
  bool quitting() const { return quitting_; }
  bool timing() const { return timing_; }

  struct Command;  // in the table of them

 private:
  using Words = std::vector<std::string>;
  Result<void> quit(const Words& words);
  Result<void> tables(const Words& words);
  Result<void> indexes(const Words& words);
  Result<void> schema(const Words& words);
  Result<void> mode(const Words& words);
  Result<void> headers(const Words& words);
  Result<void> timer(const Words& words);
  Result<void> print(const Words& words);
  Result<void> read(const Words& words);
  Result<void> dump(const Words& words);
  Result<void> import(const Words& words);
  Result<std::vector<std::string>> texts(std::string_view sql, const Words& words);
  Result<void> in_columns(const std::vector<std::string>& names);

  CommandSurroundings at_;
  bool quitting_ = false;
  bool timing_ = false;
};

/// Words that a statement may go on with here: SQL's own, tables, views, columns.
std::vector<std::string> completions(const sql::Schema& schema, std::string_view begun);

}  // namespace ddb::route
