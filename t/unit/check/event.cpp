#include "check/event.hpp"

#include <doctest/doctest.h>

#include "check/history.hpp"

using namespace ddb;
using namespace ddb::check;

namespace {

/// What is written reads back the same.
std::string again(const std::string& line) {
  const auto event = parse_event(line);
  REQUIRE_MESSAGE(event.has_value(), line);
  return to_line(*event);
}

}  // namespace

TEST_CASE("a line is written as it was read") {
  for (const std::string line : {
           R"({"process": 1, "type": "invoke", "f": "write", "key": "bench/7", "value": 90, "time": 1840211})",
           R"({"process": 1, "type": "ok", "f": "read", "key": "x", "value": null, "time": 0})",
           R"({"process": 2, "type": "info", "f": "cas", "key": "x", "value": [null, 3], "time": 5})",
           R"({"process": 3, "type": "ok", "workload": "list-append", "f": "txn", "value": [["append", "x", 1], ["r", "y", [1, 2]], ["r", "z", null], ["r", "z", []]], "time": 9})",
           R"({"process": 4, "type": "fail", "workload": "bank", "f": "transfer", "value": [["r", "0", 5], ["w", "0", -7]], "time": 9})",
           R"({"process": 4, "type": "invoke", "workload": "set", "f": "read", "value": [], "time": 9})",
       })
    CHECK(again(line + "\n") == line + "\n");
}

TEST_CASE("members come in any order, with others between, and keys may be numbers") {
  const auto event = parse_event(R"( {"index": 3, "value":[["r",5,[1,2]]],"other":{"a":[true,1.5e3,"\u00e9\n"]}, "type":"ok","process":2} )");
  REQUIRE(event.has_value());
  CHECK(event->workload == "list-append");
  CHECK(event->process == 2);
  CHECK(event->steps.at(0).key == "5");
  CHECK(event->steps.at(0).list->size() == 2);
}

TEST_CASE("texts, other names of steps, and a cas that was refused") {
  const auto put = parse_event(R"({"process": 0, "type": "ok", "f": "put", "key": "k", "value": "a\"b"})");
  REQUIRE(put.has_value());
  CHECK(put->steps.at(0).kind == StepKind::write);
  CHECK(std::get<std::string>(put->steps.at(0).value) == "a\"b");
  const auto cas = parse_event(R"({"process": 0, "type": "ok", "f": "cas", "key": "k", "value": [1, 2], "result": false})");
  REQUIRE(cas.has_value());
  CHECK(cas->steps.at(0).kind == StepKind::refused);
}

TEST_CASE("lines that are no event are refused") {
  for (const char* line : {"", "{", "[]", "{}", R"({"process": 1})", R"({"type": "ok"})", R"({"process": -1, "type": "ok"})",
                           R"({"process": 1, "type": "maybe"})", R"({"process": 1, "type": "ok"} x)", R"({"process": 1.5, "type": "ok"})",
                           R"({"process": 1, "type": "ok", "f": "jump", "key": "x", "value": 1})", R"({"process": 1, "type": "ok", "value": [["r", "x"]]})",
                           R"({"process": 1, "type": "ok", "value": [["r", "x", 1, 2]]})", R"({"process": 1, "type": "ok", "value": [["r", null, 1]]})",
                           R"({"process": 1, "type": "ok", "value": [["append", "x", [1]]]})", R"({"process": 1, "type": "ok", "value": [["w", "x", 9223372036854775807]]})",
                           R"({"process": 1, "type": "ok", "f": "write", "key": "x", "value": {"a": 1}})", R"({"process": 1, "type": "ok", "x": "\ud800"})",
                           "{\"process\": 1, \"type\": \"ok\", \"x\": [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}"}) {
    INFO(line);
    const auto event = parse_event(line);
    REQUIRE(!event.has_value());
    CHECK(event.error().code == Code::bad_data);
  }
}

TEST_CASE("a process does one thing at a time") {
  History history;
  const Event begin{.process = 1, .workload = "register", .f = "read", .steps = {{.key = "x"}}};
  CHECK(history.add(begin).has_value());
  CHECK(!history.add(begin).has_value());
}

TEST_CASE("what has no end is unknown, what has no beginning began at the beginning") {
  History history;
  Event event{.process = 1, .workload = "register", .f = "write", .steps = {{.kind = StepKind::write, .key = "x", .value = int64_t{1}}}};
  CHECK(history.add(event).has_value());
  event.process = 2;
  event.type = EventType::ok;
  CHECK(history.add(event).has_value());
  CHECK(history.operations()[0].outcome == Outcome::unknown);
  CHECK(history.operations()[0].end == never);
  CHECK(history.operations()[1].begin == 0);
  CHECK(history.operations()[1].outcome == Outcome::ok);
}
