// Lines of histories, and what the checkers make of them.
#include "check/check.hpp"
#include "fuzz/fuzz.hpp"

using namespace ddb;

namespace {

/// What reads as an event is written so that it reads as the same.
void check_line(BytesView line, check::History& history) {
  const auto event = check::parse_event(line);
  if (!event) return;
  const std::string written = to_line(*event);
  const auto again = check::parse_event(written);
  DDB_ASSERT(again.has_value());
  DDB_ASSERT(to_line(*again) == written);
  (void)history.add(*event);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  BytesView text = fuzz::view(data, size);
  check::History history;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    check_line(text.substr(0, end), history);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  (void)check::check_history(history);
  return 0;
}

std::vector<Bytes> fuzz::seeds() {
  return {
      R"({"process": 0, "type": "invoke", "f": "cas", "key": "x", "value": [null, 7], "time": 3}
{"process": 0, "type": "ok", "f": "cas", "key": "x", "value": [null, 7], "time": 4}
{"process": 1, "type": "ok", "f": "read", "key": "x", "value": 7, "time": 5}
{"process": 2, "type": "info", "f": "append", "key": "y", "value": "a\u00e9\n", "time": 6}
)",
      R"({"process": 0, "type": "invoke", "value": [["append", "x", 1], ["r", "y", null]]}
{"process": 1, "type": "ok", "value": [["r", "x", [1]], ["append", "y", 2], ["append", "y", 3]]}
{"process": 0, "type": "ok", "value": [["append", "x", 1], ["r", "y", [2, 3]]]}
)",
      R"({"process": 0, "type": "ok", "workload": "bank", "f": "write", "value": [["w", "0", 100], ["w", "1", 100]], "time": 1}
{"process": 1, "type": "info", "workload": "bank", "f": "transfer", "value": [["r", "0", 100], ["w", "0", 95]], "time": 2}
{"process": 2, "type": "ok", "workload": "bank", "f": "read", "value": [["r", "0", 95], ["r", "1", 100]], "time": 3}
)",
      R"({"process": 0, "type": "ok", "workload": "set", "f": "add", "value": [["append", "0/", 1]], "time": 1}
{"process": 1, "type": "ok", "workload": "set", "f": "read", "value": [["r", "0/", [1, 2]]], "time": 2}
{"process": 2, "type": "ok", "workload": "sequential", "f": "write", "value": [["w", "0/g1", 1]], "time": 3}
{"process": 3, "type": "ok", "workload": "sequential", "f": "read", "value": [["r", "1/g1", 1], ["r", "0/g1", 1]], "time": 4}
{"process": 4, "type": "ok", "workload": "write-skew", "f": "insert", "value": [["r", "a1", null], ["r", "b1", null], ["w", "a1", 9]], "time": 5}
)"};
}
