// What all programs share: arguments, help, errors, exit status.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cli/exit_code.hpp"
#include "cli/output.hpp"
#include "net/address.hpp"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace ddb::cli {

inline constexpr const char* version = "0.1.0";

/// What --oracle gives (`option`, may be empty), or else DDB_ORACLE. Errors: usage.
Result<std::vector<net::Address>> oracle_addresses(std::string_view option);

/// What a running action is given.
class Context {
 public:
  /// stdout as with_output() options ask. Tool::run closes it and reports a failed write.
  Output& out() { return *out_; }

  /// What --oracle or else DDB_ORACLE names. Errors: usage, when neither does.
  Result<std::vector<net::Address>> oracles() const;

  /// "ddb-x: message" on stderr, for what is worth knowing and no error.
  void note(std::string_view message) const;

  const std::string& tool_name() const { return tool_name_; }

 private:
  friend class Tool;
  std::string tool_name_;
  std::string oracle_;
  Output* out_ = nullptr;
};

using Action = std::function<Result<void>(Context&)>;

/// A command line: options, arguments and what to do. Values keep their defaults when not given; variables must outlive run().
/// `names` as in CLI11: "-n,--nodes" for an option, "file" for an argument.
class Command {
 public:
  Command& flag(const std::string& names, bool& value, const std::string& help);
  Command& option(const std::string& names, std::string& value, const std::string& help);
  Command& option(const std::string& names, std::vector<std::string>& values, const std::string& help);  // repeatable
  Command& option(const std::string& names, uint64_t& value, const std::string& help);
  Command& option(const std::string& names, uint32_t& value, const std::string& help);
  Command& option(const std::string& names, uint16_t& value, const std::string& help);
  Command& option(const std::string& names, int64_t& value, const std::string& help);
  Command& option(const std::string& names, double& value, const std::string& help);
  Command& option(const std::string& names, net::Address& value, const std::string& help);
  Command& option(const std::string& names, std::chrono::microseconds& value, const std::string& help);  // 500ms, 10s, 5m, 1h
  Command& option(const std::string& names, std::optional<std::string>& value, const std::string& help);
  Command& option(const std::string& names, std::optional<uint64_t>& value, const std::string& help);

  /// The option or argument declared last must be given.
  Command& required();
  /// The option declared last takes one of these words.
  Command& one_of(const std::vector<std::string>& words);
  /// The number declared last lies in [min, max].
  Command& between(double min, double max);

  /// Adds -o, --oracle.
  Command& with_oracle();
  /// Adds --format, --table, --tsv, --csv, --json, --quote and --no-header.
  Command& with_output();

  Command& action(Action action);

 private:
  friend class Tool;
  Command(class Tool& tool, CLI::App* app) : tool_{&tool}, app_{app} {}

  class Tool* tool_;
  CLI::App* app_;
  CLI::Option* last_ = nullptr;
  Action action_;
};

/// A program. Reads as a table of contents:
///
///   cli::Tool tool{"ddb-x", "do x to ranges"};
///   uint64_t id = 0;
///   tool.command("show", "print a range").with_oracle().with_output()
///       .option("range", id, "the range's id").required()
///       .action([&](cli::Context& ctx) { return show(ctx, id); });
///   return tool.run(argc, argv);
class Tool : public Command {
 public:
  Tool(std::string name, std::string purpose);
  ~Tool();
  Tool(const Tool&) = delete;
  Tool& operator=(const Tool&) = delete;

  /// A subcommand. A tool that has any wants one, unless it has an action as well; nothing of its own stands before one.
  Command& command(const std::string& name, const std::string& summary);

  /// Parses, acts, reports; the exit status for main() to return. Help and version go to stdout, status 0; wrong usage 64;
  /// an Error (unless its message is empty: then it has been told) or an exception is one line on stderr and its exit_code(). A closed pipe ends the process as SIGPIPE does.
  int run(int argc, const char* const* argv);
  int run(int argc, const char* const* argv, Action action);

 private:
  friend class Command;
  Result<void> act(Context& context);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ddb::cli
