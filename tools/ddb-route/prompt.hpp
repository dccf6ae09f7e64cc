// The terminal: lines with a prompt, editing and history, by readline.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "input.hpp"

namespace ddb::route {

/// One per process. Reads in a fiber; the loop goes on meanwhile.
class Prompt {
 public:
  /// The words that the one before the cursor may become.
  using Complete = std::function<std::vector<std::string>(std::string_view begun)>;

  /// History is kept in ~/.ddb_history.
  Prompt(net::Loop& loop, client::Fibers& fibers, Complete complete);
  ~Prompt();

  /// The next line, newline included, valid until the next call; empty when the user ends the input (^D).
  std::string_view read(bool inside_statement);
  /// ^C: the line in hand is dropped, and the prompt shown anew.
  void drop_line();
  /// ^Z: the terminal is the shell's until the program goes on.
  void suspend();
  bool reading() const;

 private:
  Readable readable_;
  std::string line_;
  std::string history_;
};

}  // namespace ddb::route
