// What clients called and what they heard, as JSON lines for checkers of consistency. See ddb-history(5).
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "check/event.hpp"
#include "env/clock.hpp"

namespace ddb::bench {

enum class Function : uint8_t { read, write, cas };

/// Both of the invocation and, completed, of its end.
struct Operation {
  uint64_t process = 0;
  Function f = Function::read;
  std::string key;
  std::optional<uint64_t> value;     // read (once it has ended), written, or the new value of a cas
  std::optional<uint64_t> expected;  // of a cas: what it replaces
};

enum class Ending : uint8_t {
  ok,    // it happened between the two lines
  fail,  // it did not happen
  info,  // it may have happened, or may yet: the process takes part no more
};

class History {
 public:
  History() = default;  // records nothing
  ~History();
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  /// cannot_create: says which file and why.
  Result<void> open(const std::string& path);
  bool recording() const { return file_ != nullptr; }

  void invoke(const Operation& operation);
  void end(const Operation& operation, Ending ending);
  /// Any event; its time is when it is recorded.
  void record(check::Event event);

  /// io: not everything could be written.
  Result<void> close();

 private:
  std::FILE* file_ = nullptr;
  std::string path_;
  int error_ = 0;  // errno of the first write that failed
  int64_t start_ns_ = 0;
};

/// Monotonic nanoseconds.
int64_t now_ns();

}  // namespace ddb::bench
