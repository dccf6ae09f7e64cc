#include "check/invariants.hpp"

#include "env/random.hpp"
#include "histories.hpp"

using namespace ddb;
using namespace ddb::check;

namespace {

/// Puts the workload and f of a line: "ok transfer VALUE".
std::string line(const std::string& workload, const std::string& text) {
  const size_t f = text.find(' ') + 1;
  const size_t value = text.find(' ', f) + 1;
  return text.substr(0, f) + R"("workload": ")" + workload + R"(", "f": ")" + text.substr(f, value - f - 1) + R"(", "value": )" + text.substr(value);
}

std::vector<std::string> lines(const std::string& workload, const std::vector<std::string>& operations) {
  std::vector<std::string> out;
  for (const auto& operation : operations) out.push_back(line(workload, operation));
  return out;
}

Report turns(const std::string& workload, const std::vector<std::string>& operations) { return check_text(in_turn(lines(workload, operations))); }
Report together(const std::string& workload, const std::vector<std::string>& operations) { return check_text(at_once(lines(workload, operations))); }

const std::string open = R"(ok write [["w", "0", 100], ["w", "1", 100]])";
const std::string transfer = R"(transfer [["r", "0", 100], ["r", "1", 100], ["w", "0", 90], ["w", "1", 110]])";

std::string balances(int a, int b) { return R"(ok read [["r", "0", )" + std::to_string(a) + R"(], ["r", "1", )" + std::to_string(b) + "]]"; }

}  // namespace

TEST_CASE("bank: the sum stays, and in the end all transfers are there once") {
  CHECK(turns("bank", {open, "ok " + transfer, balances(90, 110)}).found == 0);
  CHECK(turns("bank", {open, "info " + transfer, balances(90, 110)}).found == 0);
  CHECK(turns("bank", {open, "info " + transfer, balances(100, 100)}).found == 0);
  CHECK(turns("bank", {open, "fail " + transfer, balances(100, 100)}).found == 0);
}

TEST_CASE("bank: a wrong sum, a missing account, a lost, repeated or failed transfer") {
  CHECK(found(turns("bank", {open, "ok " + transfer, balances(90, 100)}), "wrong sum"));
  CHECK(found(turns("bank", {open, R"(ok read [["r", "0", 200], ["r", "1", null]])"}), "missing rows"));
  CHECK(found(turns("bank", {open, R"(ok read [["r", "0", 200]])"}), "missing rows"));
  CHECK(found(turns("bank", {open, "ok " + transfer, balances(100, 100)}), "lost or repeated transfer"));
  CHECK(found(turns("bank", {open, "ok " + transfer, balances(80, 120)}), "lost or repeated transfer"));
  CHECK(found(turns("bank", {open, "fail " + transfer, balances(90, 110)}), "lost or repeated transfer"));
  CHECK(!turns("bank", {balances(1, 2)}).undecided.empty());
}

TEST_CASE("write-skew: a pair is written by one") {
  const std::string a = R"(insert [["r", "a5", null], ["r", "b5", null], ["w", "a5", 1]])";
  const std::string b = R"(insert [["r", "a5", null], ["r", "b5", null], ["w", "b5", 2]])";
  CHECK(together("write-skew", {"ok " + a, "fail " + b, R"(ok read [["r", "a5", 1], ["r", "b5", null]])"}).found == 0);
  CHECK(together("write-skew", {"info " + a, "ok " + b}).found == 0);
  CHECK(found(together("write-skew", {"ok " + a, "ok " + b}), "write skew"));
  CHECK(found(together("write-skew", {"ok " + a, "info " + b, R"(ok read [["r", "a5", 1], ["r", "b5", 2]])"}), "write skew"));
  CHECK(found(turns("write-skew", {"ok " + a, R"(ok read [["r", "a5", null], ["r", "b5", null]])"}), "stale read"));
  CHECK(found(turns("write-skew", {"fail " + a, R"(ok read [["r", "a5", 1], ["r", "b5", null]])"}), "aborted read"));
  CHECK(found(turns("write-skew", {R"(ok read [["r", "a5", 9], ["r", "b5", null]])"}), "unwritten value"));
}

TEST_CASE("sequential: rows rise one after the other and never go back") {
  const std::string one = R"(ok write [["w", "0/g", 1]])", two = R"(ok write [["w", "1/g", 1]])";
  const auto read = [](const char* second, const char* first) { return std::string{R"(ok read [["r", "1/g", )"} + second + R"(], ["r", "0/g", )" + first + "]]"; };
  CHECK(turns("sequential", {read("null", "null"), one, read("null", "1"), two, read("1", "1")}).found == 0);
  CHECK(together("sequential", {one, two, read("1", "1"), read("null", "null")}).found == 0);
  CHECK(found(together("sequential", {one, two, read("1", "null")}), "out of order"));
  CHECK(found(turns("sequential", {one, read("null", "null")}), "went back"));
  CHECK(found(turns("sequential", {one, two, read("1", "1"), read("null", "1")}), "went back"));
  CHECK(found(turns("sequential", {one, read("null", "2")}), "unwritten value"));
  CHECK(found(turns("sequential", {R"(fail write [["w", "0/g", 1]])", read("null", "1")}), "unwritten value"));
  CHECK(found(turns("sequential", {one, two, R"(ok write [["w", "0/g", 2]])", R"(ok write [["w", "0/g", 3]])", read("1", "3")}), "out of order"));
}

TEST_CASE("set: what was added is found from then on") {
  const auto add = [](const char* type, int element) { return std::string{type} + R"( add [["append", "s", )" + std::to_string(element) + "]]"; };
  const auto scan = [](const std::string& list) { return R"(ok read [["r", "s", [)" + list + "]]]"; };
  CHECK(turns("set", {add("ok", 1), add("info", 2), scan("1"), scan("2, 1"), add("ok", 3), scan("3, 2, 1")}).found == 0);
  CHECK(together("set", {add("ok", 1), add("ok", 2), scan(""), scan("2"), scan("1, 2")}).found == 0);
  CHECK(found(turns("set", {add("ok", 1), scan("")}), "lost or stale"));
  CHECK(found(turns("set", {add("fail", 1), scan("1")}), "aborted read"));
  CHECK(found(turns("set", {scan("1")}), "unwritten value"));
  CHECK(found(turns("set", {scan("1"), add("ok", 1)}), "unwritten value"));
  CHECK(found(turns("set", {add("ok", 1), scan("1, 1")}), "duplicate"));
  CHECK(found(together("set", {add("ok", 1), add("ok", 2), scan("1"), scan("2")}), "long fork"));
  CHECK(found(turns("set", {add("info", 1), scan("1"), scan("")}), "went back"));
  const auto late = check_text("0 invoke " + line("set", scan("2")).substr(3) + "\n" + "1 invoke " + line("set", add("ok", 1)).substr(3) + "\n1 " + line("set", add("ok", 1)) + "\n2 invoke " +
                               line("set", add("ok", 2)).substr(3) + "\n2 " + line("set", add("ok", 2)) + "\n0 " + line("set", scan("2")) + "\n");
  CHECK(found(late, "out of order"));
}

TEST_CASE("several workloads in one history are told apart, and an unknown one is refused") {
  const auto both = in_turn({line("set", R"(ok add [["append", "x", 1]])"), R"(ok "f": "read", "key": "x", "value": null)", line("set", R"(ok read [["r", "x", []]])")});
  const auto reports = check_history(history_of(both));
  REQUIRE(reports.has_value());
  REQUIRE(reports->size() == 2);
  CHECK(reports->at(0).workload == "set");
  CHECK(reports->at(0).found == 1);
  CHECK(reports->at(0).operations == 2);
  CHECK(reports->at(1).workload == "register");
  CHECK(reports->at(1).found == 0);
  CHECK(!check_history(history_of(in_turn({line("soup", R"(ok read [])")}))).has_value());
}

TEST_CASE("of many violations of a kind all are counted and a few are told") {
  std::vector<std::string> reads{open};
  for (int i = 0; i < 50; ++i) reads.push_back(balances(i, 0));
  const auto report = turns("bank", reads);
  CHECK(report.found > 50);
  CHECK(report.violations.size() < 10);
}
