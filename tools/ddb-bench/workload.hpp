// What clients of ddb-bench check do: operations whose answers tell whether the database keeps its promise. See ddb-history(5).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/history.hpp"
#include "check/history.hpp"
#include "env/random.hpp"
#include "table.hpp"

namespace ddb::bench {

using Steps = std::vector<check::Step>;

/// Everything that happened, in memory for the checkers and, if asked for, in a file.
class Recorder {
 public:
  explicit Recorder(History& file) : file_{file} {}

  uint64_t new_process() { return last_process_++; }
  void add(check::Event event);
  const check::History& history() const { return memory_; }

 private:
  History& file_;
  check::History memory_;
  uint64_t last_process_ = 0;
};

/// A logical client of one workload.
struct Client {
  uint32_t number = 0;  // from 0, within the workload
  Recorder& recorder;
  std::unique_ptr<RpcClient> session;  // null: straight
  std::unique_ptr<Table> table;
  Random random;
  uint64_t process = 0;

  /// What a transaction does between its beginning and its commit. Adds to `steps` what it has done and is about to commit.
  using Body = std::function<Result<void>(Table& table, Steps& steps)>;

  /// One transaction, recorded: `wanted` as it begins, the steps of `body` as it ends.
  Result<void> operate(const std::string& workload, const std::string& f, Span span, const Steps& wanted, const Body& body);
};

class Workload {
 public:
  virtual ~Workload() = default;
  virtual const char* name() const = 0;
  virtual Result<void> open(Client&) { return {}; }  // fills the table
  virtual Result<void> operate(Client& client) = 0;  // one operation
  virtual Result<void> close(Client&) { return {}; }  // reads all that is left to be checked; tried again after an error
};

/// Null: no such workload. Random keys and kinds come from the clients; everything else from here, shared by all of them.
std::unique_ptr<Workload> make_workload(const std::string& name);

}  // namespace ddb::bench
