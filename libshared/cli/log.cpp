#include "cli/log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "cli/text.hpp"

namespace ddb::cli {

namespace {

std::string utc_now() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  gmtime_r(&now.tv_sec, &parts);
  char seconds[32];
  strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &parts);
  return fmt::format("{}.{:03}Z", seconds, now.tv_nsec / 1'000'000);
}

const char* name(Level level) {
  switch (level) {
    case Level::debug: return "debug";
    case Level::info: return "info";
    case Level::warning: return "warning";
    case Level::error: return "error";
  }
  return "error";
}

}  // namespace

Log::~Log() {
  if (fd_ != STDERR_FILENO) close(fd_);
}

Result<void> Log::open(std::string path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return fail(Code::cannot_create, fmt::format("cannot open the log {}: {}", path, std::strerror(errno)));
  const int old = std::exchange(fd_, fd);
  if (old != STDERR_FILENO) close(old);
  path_ = std::move(path);
  return {};
}

Result<void> Log::reopen() {
  if (path_.empty()) return {};  // stderr is whoever started us
  return open(path_);
}

void Log::write(Level level, std::string_view message) {
  if (level < least_) return;
  const std::string line = fmt::format("{} {} {}\n", utc_now(), name(level), one_line(message));
  [[maybe_unused]] const ssize_t written = ::write(fd_, line.data(), line.size());  // a log that cannot be written has nobody to tell
}

}  // namespace ddb::cli
