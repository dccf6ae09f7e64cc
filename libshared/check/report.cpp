#include "check/report.hpp"

#include <algorithm>
#include <cstddef>

namespace ddb::check {

namespace {

constexpr ptrdiff_t told_max = 3;  // of each kind

struct LevelName {
  Levels level;
  const char* name;
};
constexpr LevelName level_names[] = {
    {read_uncommitted, "read-uncommitted"},
    {read_committed, "read-committed"},
    {snapshot_isolation, "snapshot-isolation"},
    {repeatable_read, "repeatable-read"},
    {serializable, "serializable"},
    {session_serializable, "strong-session-serializable"},
    {strong_snapshot_isolation, "strong-snapshot-isolation"},
    {strict_serializable, "strict-serializable"},
};

}  // namespace

std::string to_string(Levels levels) {
  std::string out;
  for (const auto& [level, name] : level_names)
    if (levels & level) out += (out.empty() ? "" : " ") + std::string{name};
  return out;
}

Levels Report::ruled_out() const {
  Levels levels = 0;
  for (const auto& violation : violations) levels |= violation.rules_out;
  return levels;
}

void Report::add(Violation violation) {
  ++found;
  const auto told = std::ranges::count(violations, violation.anomaly, &Violation::anomaly);
  if (told < told_max) violations.push_back(std::move(violation));
}

}  // namespace ddb::check
