#include "cli/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace ddb::cli {

namespace {
constexpr std::chrono::milliseconds pause{100};
}

Progress::Progress(std::string label, std::string unit)
    : label_{std::move(label)},
      unit_{std::move(unit)},
      enabled_{isatty(STDERR_FILENO) == 1},
      start_{std::chrono::steady_clock::now()},
      next_{start_ + pause} {}

Progress::~Progress() { clear(); }

void Progress::update(uint64_t done, uint64_t total) {
  if (!enabled_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + pause;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  std::string line = fmt::format("\r{}: {}", label_, done);
  if (total > 0) line += fmt::format(" of {}", total);
  line += fmt::format(" {}, {:.0f}/s\x1b[K", unit_, static_cast<double>(done) / seconds);
  std::fputs(line.c_str(), stderr);
  shown_ = true;
}

void Progress::clear() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
  shown_ = false;
}

}  // namespace ddb::cli
