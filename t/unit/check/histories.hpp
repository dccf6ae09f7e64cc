// Histories for tests, in few words.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "check/check.hpp"

namespace ddb::check {

/// A line per event: "PROCESS TYPE JSON", with JSON the members behind: f, key and value, or a value alone.
///   0 invoke [["append", "x", 1]]
///   1 ok read x 5
inline History history_of(std::string_view text) {
  History history;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string line{text.substr(0, end)};
    text.remove_prefix(std::min(end + 1, text.size()));
    line.erase(0, line.find_first_not_of(' '));
    if (line.empty()) continue;
    const size_t type = line.find(' ') + 1;
    const size_t rest = line.find(' ', type) + 1;
    std::string json = "{\"process\": " + line.substr(0, type - 1) + ", \"type\": \"" + line.substr(type, rest - type - 1) + "\", ";
    json += line[rest] == '[' ? "\"value\": " + line.substr(rest) : line.substr(rest);
    const auto event = parse_event(json + "}");
    REQUIRE_MESSAGE(event.has_value(), json);
    const auto added = history.add(*event);
    REQUIRE_MESSAGE(added.has_value(), json);
  }
  return history;
}

inline Report check_one(const History& history) {
  const auto reports = check_history(history);
  REQUIRE_MESSAGE(reports.has_value(), reports.error().message);
  REQUIRE(reports->size() == 1);
  return reports->front();
}

inline Report check_text(std::string_view text) { return check_one(history_of(text)); }

inline bool found(const Report& report, std::string_view anomaly) {
  for (const auto& violation : report.violations)
    if (violation.anomaly == anomaly) return true;
  return false;
}

/// Operations one after the other, each by a process of its own: "TYPE JSON".
inline std::string in_turn(const std::vector<std::string>& operations) {
  std::string text;
  int process = 0;
  for (const auto& operation : operations) {
    const std::string json = operation.substr(operation.find(' ') + 1);
    const std::string at = std::to_string(process++);
    text += at + " invoke " + json + "\n" + at + " " + operation + "\n";
  }
  return text;
}

/// All at the same time.
inline std::string at_once(const std::vector<std::string>& operations) {
  std::string begins, ends;
  int process = 0;
  for (const auto& operation : operations) {
    const std::string at = std::to_string(process++);
    begins += at + " invoke " + operation.substr(operation.find(' ') + 1) + "\n";
    ends += at + " " + operation + "\n";
  }
  return begins + ends;
}

}  // namespace ddb::check
