#include "check/register.hpp"

#include "env/random.hpp"
#include "histories.hpp"

using namespace ddb;
using namespace ddb::check;

namespace {

std::string write(int value) { return R"("f": "write", "key": "x", "value": )" + std::to_string(value); }
std::string read(int value) { return R"("f": "read", "key": "x", "value": )" + (value == 0 ? std::string{"null"} : std::to_string(value)); }
std::string cas(int from, int to) {
  return R"("f": "cas", "key": "x", "value": [)" + (from == 0 ? std::string{"null"} : std::to_string(from)) + ", " + std::to_string(to) + "]";
}
std::string ok(const std::string& json) { return "ok " + json; }
std::string failed(const std::string& json) { return "fail " + json; }
std::string unknown(const std::string& json) { return "info " + json; }

bool valid(const std::string& text) { return check_text(text).violations.empty(); }

RegisterCalls calls_of(const History& history) {
  RegisterCalls calls;
  for (uint32_t i = 0; i < history.operations().size(); ++i) {
    const auto& op = history.operations()[i];
    const auto& action = history.actions(op).front();
    if (op.outcome == Outcome::failed || (op.outcome == Outcome::unknown && action.kind == StepKind::read)) continue;
    calls.push_back({i, op.begin, op.end, action, op.outcome == Outcome::ok});
  }
  return calls;
}

/// A history of one register as it might be, or with some answers made up.
std::string random_history(Random& random, bool honest) {
  std::string text;
  std::vector<std::string> under_way;  // by process
  std::vector<int> written{0};
  int state = 0, next = 0, process = 0;
  const auto begin = [&] {
    const int kind = static_cast<int>(random.below(3));
    const int expected = random.one_in(2) ? state : written[random.below(written.size())];
    std::string json;
    if (kind == 0) {
      json = read(honest || random.below(4) > 0 ? state : written[random.below(written.size())]);
    } else {
      ++next;
      json = kind == 1 ? write(next) : cas(expected, next);
      written.push_back(next);
    }
    text += std::to_string(process++) + " invoke " + json + "\n";
    under_way.push_back(json);
    const bool happens = kind == 1 || (kind == 2 && expected == state);
    const int before = state;
    if (happens) state = next;
    if (kind == 2 && before != expected && honest) under_way.back() += "F";  // to fail
  };
  for (int i = 0; i < 14; ++i) {
    begin();
    while (!under_way.empty() && random.below(3) > 0) {
      const size_t which = random.below(under_way.size());
      std::string json = under_way[which];
      if (json.empty()) break;
      const int number = process - static_cast<int>(under_way.size()) + static_cast<int>(which);
      const bool fails = json.back() == 'F';
      if (fails) json.pop_back();
      const char* type = fails ? "fail" : random.one_in(8) ? "info" : "ok";
      text += std::to_string(number) + " " + type + " " + json + "\n";
      under_way[which].clear();
    }
  }
  return text;
}

}  // namespace

TEST_CASE("registers: what real time allows") {
  CHECK(valid(in_turn({ok(read(0)), ok(write(1)), ok(read(1)), ok(cas(1, 2)), ok(read(2))})));
  CHECK(valid(at_once({ok(read(0)), ok(write(1)), ok(read(1)), ok(write(2)), ok(read(2))})));
  CHECK(valid(in_turn({ok(write(1)), unknown(write(2)), ok(read(1)), ok(read(1)), ok(read(2))})));
  CHECK(valid(in_turn({ok(write(1)), unknown(cas(1, 2)), ok(write(3)), ok(read(3))})));
  CHECK(valid(in_turn({ok(write(1)), failed(write(2)), ok(read(1))})));
}

TEST_CASE("registers: what it does not") {
  CHECK(found(check_text(in_turn({ok(write(1)), ok(write(2)), ok(read(1))})), "stale read"));
  CHECK(found(check_text(in_turn({ok(write(1)), ok(read(0))})), "stale read"));
  CHECK(found(check_text(in_turn({ok(write(1)), failed(write(2)), ok(read(2))})), "aborted read"));
  CHECK(found(check_text(in_turn({ok(read(7))})), "unwritten value"));
  CHECK(found(check_text(at_once({ok(write(1)), ok(cas(1, 2)), ok(cas(1, 3))})), "lost update"));
  CHECK(found(check_text(at_once({ok(cas(3, 2)), ok(cas(2, 3))})), "circular"));
  CHECK(!valid(in_turn({ok(read(1)), ok(write(1))})));
  CHECK(!valid(in_turn({ok(write(1)), ok(cas(1, 2)), ok(read(1))})));
  CHECK(!valid(in_turn({ok(write(1)), ok(write(2)), ok(cas(1, 3))})));
  CHECK(!valid(in_turn({unknown(write(1)), ok(read(1)), ok(write(2)), ok(read(1))})));
}

TEST_CASE("registers: the words name who saw what, and where") {
  const auto report = check_text(in_turn({ok(write(1)), ok(write(2)), ok(read(1))}));
  REQUIRE(report.violations.size() == 1);
  const auto& words = report.violations.front().words;
  CHECK(words.find("process 1, from line 3 to 4) wrote x = 2") != std::string::npos);
  CHECK(words.find("process 2, from line 5 to 6) read x = 1") != std::string::npos);
}

TEST_CASE("registers: numbers written twice, refused changes and texts are searched") {
  CHECK(valid(in_turn({ok(write(1)), ok(write(1)), ok(read(1))})));
  CHECK(found(check_text(in_turn({ok(write(1)), ok(write(1)), ok(write(2)), ok(read(1))})), "not linearizable"));
  const std::string refused = R"("f": "cas", "key": "x", "value": [1, 2], "result": false)";
  CHECK(!valid(in_turn({ok(write(1)), ok(refused)})));
  CHECK(valid(in_turn({ok(write(3)), ok(refused)})));
  const auto text = [](const char* f, const char* value) { return std::string{R"("f": ")"} + f + R"(", "key": "x", "value": ")" + value + "\""; };
  CHECK(valid(in_turn({ok(text("get", "")), ok(text("append", "a")), ok(text("append", "bc")), ok(text("get", "abc"))})));
  CHECK(!valid(in_turn({ok(text("append", "a")), ok(text("append", "bc")), ok(text("get", "bca"))})));
}

TEST_CASE("registers: a search that would take too long says so") {
  std::vector<std::string> writes;
  for (int i = 0; i < 12; ++i) writes.push_back(ok(write(i % 2 + 1)));
  writes.push_back(ok(read(3)));
  const auto history = history_of(at_once(writes));
  Report report;
  search_register(history, calls_of(history), report, 100);
  CHECK(!report.undecided.empty());
  CHECK(report.violations.empty());
}

TEST_CASE("registers: the fast way and the search agree about random histories") {
  Random random{7};
  int good = 0, bad = 0;
  for (int i = 0; i < 4000; ++i) {
    const auto text = random_history(random, i % 2 == 0);
    const auto history = history_of(text);
    const auto calls = calls_of(history);
    if (calls.empty()) continue;
    Report fast, slow;
    REQUIRE(check_unique_register(history, calls, {}, fast));
    search_register(history, calls, slow, 1'000'000);
    REQUIRE(slow.undecided.empty());
    REQUIRE_MESSAGE(fast.violations.empty() == slow.violations.empty(), text);
    (slow.violations.empty() ? good : bad)++;
  }
  CHECK(good > 500);
  CHECK(bad > 500);
}
