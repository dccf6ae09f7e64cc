#include "verdict.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>

#include "check/check.hpp"

namespace ddb::bench {

namespace {

Result<check::History> read_lines(std::istream& in, const std::string& path) {
  check::History history;
  uint64_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    auto event = check::parse_event(line);
    if (!event) return fail(Code::bad_data, path + ":" + std::to_string(number) + ": " + event.error().message, "see ddb-history(5)");
    if (auto added = history.add(*event); !added) return fail(Code::bad_data, path + ":" + std::to_string(number) + ": " + added.error().message);
  }
  if (in.bad()) return fail(Code::io, "cannot read " + path);
  if (number == 0) return fail(Code::bad_data, path + " is empty");
  return history;
}

/// A line each.
void tell(const cli::Context& context, std::string_view about, std::string_view words) {
  std::string start = fmt::format("{}: ", about);
  while (!words.empty()) {
    const size_t end = std::min(words.find('\n'), words.size());
    context.note(start + std::string{words.substr(0, end)});
    words.remove_prefix(std::min(end + 1, words.size()));
    start = "  ";
  }
}

/// The reader of stdout gets rows; who reads stderr gets the reasons.
void tell(const cli::Context& context, const check::Report& report) {
  for (const auto& violation : report.violations) tell(context, report.workload + ": " + violation.anomaly, violation.words);
  if (report.found > report.violations.size())
    tell(context, report.workload, fmt::format("{} more violations", report.found - report.violations.size()));
  if (!report.undecided.empty()) tell(context, report.workload + ": undecided", report.undecided);
}

std::string_view verdict(const check::Report& report) {
  if (report.found > 0) return "violation";
  return report.undecided.empty() ? "valid" : "undecided";
}

}  // namespace

Result<check::History> read_history(const std::string& path) {
  if (path == "-") return read_lines(std::cin, "stdin");
  std::ifstream file{path};
  if (!file) return fail(Code::failed, "cannot open " + path + ": " + std::strerror(errno));
  return read_lines(file, path);
}

Result<void> judge(cli::Context& context, const check::History& history) {
  const auto reports = check::check_history(history);
  if (!reports) return std::unexpected(reports.error());
  context.out().columns({"workload", "operations", "ok", "failed", "unknown", "verdict", "violations", "rules_out"});
  uint64_t violated = 0, undecided = 0;
  for (const auto& report : *reports) {
    context.out().row(report.workload, report.operations, report.ok, report.failed, report.unknown, verdict(report), report.found,
                      check::to_string(report.ruled_out()));
    tell(context, report);
    violated += report.found > 0;
    undecided += !report.undecided.empty();
  }
  if (violated > 0) return fail(Code::failed, fmt::format("{} of {} workloads violated", violated, reports->size()));
  if (undecided > 0) return fail(Code::bad_data, fmt::format("{} of {} workloads could not be decided", undecided, reports->size()));
  return {};
}

}  // namespace ddb::bench
