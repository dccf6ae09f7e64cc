#include "check/check.hpp"

#include <algorithm>

#include "check/invariants.hpp"
#include "check/list_append.hpp"
#include "check/register.hpp"

namespace ddb::check {

namespace {

using Operations = std::span<const uint32_t>;

template <void (*checker)(const History&, Operations, Report&)>
Result<void> always(const History& history, Operations operations, Report& report) {
  checker(history, operations, report);
  return {};
}

struct Workload {
  const char* name;
  Result<void> (*check)(const History&, Operations, Report&);
};
constexpr Workload workloads[] = {
    {"register", always<check_registers>}, {"list-append", check_list_append}, {"bank", always<check_bank>},
    {"write-skew", always<check_write_skew>}, {"sequential", always<check_sequential>}, {"set", always<check_set>},
};

Report count(const History& history, Operations operations) {
  Report report;
  report.workload = history.names().text(history.operations()[operations.front()].workload);
  report.operations = operations.size();
  for (const uint32_t index : operations) {
    switch (history.operations()[index].outcome) {
      case Outcome::ok: ++report.ok; break;
      case Outcome::failed: ++report.failed; break;
      case Outcome::unknown: ++report.unknown; break;
    }
  }
  return report;
}

Result<Report> check_workload(const History& history, Operations operations) {
  Report report = count(history, operations);
  const auto* workload = std::ranges::find(workloads, report.workload, [](const Workload& w) { return std::string{w.name}; });
  if (workload == std::end(workloads)) return fail(Code::bad_data, "the history is of a workload that is not known: " + report.workload);
  if (auto checked = workload->check(history, operations, report); !checked) return std::unexpected(checked.error());
  return report;
}

}  // namespace

const std::vector<std::string>& workload_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& workload : workloads) all.emplace_back(workload.name);
    return all;
  }();
  return names;
}

Result<std::vector<Report>> check_history(const History& history) {
  std::vector<std::vector<uint32_t>> by_workload(history.names().size());
  std::vector<uint32_t> order;
  for (uint32_t index = 0; index < history.operations().size(); ++index) {
    const uint32_t workload = history.operations()[index].workload;
    if (by_workload[workload].empty()) order.push_back(workload);
    by_workload[workload].push_back(index);
  }
  std::vector<Report> reports;
  for (const uint32_t workload : order) {
    auto report = check_workload(history, by_workload[workload]);
    if (!report) return std::unexpected(report.error());
    reports.push_back(std::move(*report));
  }
  return reports;
}

}  // namespace ddb::check
