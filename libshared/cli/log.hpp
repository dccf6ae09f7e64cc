// A daemon's log: one line per event.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace ddb::cli {

enum class Level : unsigned char { debug, info, warning, error };

/// Lines of "2026-01-31T12:00:00.123Z info what happened" (UTC), each one write(2), so that threads and processes
/// may share a file. Control characters in messages are escaped: a line is an event. Thread-safe, apart from reopen().
class Log {
 public:
  /// To stderr.
  explicit Log(Level least = Level::info) : least_{least} {}
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Appends to `path` from now on. Errors: cannot_create.
  Result<void> open(std::string path);

  /// Opens the path anew, after SIGHUP; keeps the old file if that fails.
  Result<void> reopen();

  void write(Level level, std::string_view message);
  void debug(std::string_view message) { write(Level::debug, message); }
  void info(std::string_view message) { write(Level::info, message); }
  void warning(std::string_view message) { write(Level::warning, message); }
  void error(std::string_view message) { write(Level::error, message); }

 private:
  Level least_;
  int fd_ = 2;
  std::string path_;
};

}  // namespace ddb::cli
