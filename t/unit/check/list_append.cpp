#include "check/list_append.hpp"

#include <algorithm>
#include <map>

#include "env/random.hpp"
#include "histories.hpp"

using namespace ddb;
using namespace ddb::check;

namespace {

/// The lines of the words of the first violation of a kind.
std::string words(const Report& report, std::string_view anomaly) {
  for (const auto& violation : report.violations)
    if (violation.anomaly == anomaly) return violation.words;
  return {};
}

size_t cycle_length(const Report& report, std::string_view anomaly) {
  const auto text = words(report, anomaly);
  size_t count = 0;
  for (size_t at = text.find("came before T"); at != std::string::npos; at = text.find("came before T", at + 1)) ++count;
  return count;
}

struct Txn {
  size_t begin = 0, end = 0;
  std::vector<Step> steps;
  EventType type = EventType::ok;
};

/// Transactions that took effect one after the other, each at a moment between its beginning and its end.
std::vector<Txn> strict_transactions(Random& random, size_t count) {
  std::map<std::string, std::vector<Scalar>> state;
  std::vector<Txn> txns;
  int64_t next = 0;
  for (size_t i = 0; i < count; ++i) {
    const size_t moment = i * 10 + 40;
    Txn txn{.begin = moment - random.below(40), .end = moment + random.below(40), .steps = {}};
    const auto before = state;
    for (size_t step = 0; step <= random.below(4); ++step) {
      const std::string key = std::to_string(random.below(3));
      if (random.one_in(2)) {
        txn.steps.push_back({.kind = StepKind::read, .key = key, .list = state[key]});
      } else {
        state[key].push_back(++next);
        txn.steps.push_back({.kind = StepKind::append, .key = key, .value = next});
      }
    }
    if (random.one_in(10)) {
      txn.type = random.one_in(2) ? EventType::fail : EventType::info;
      if (txn.type == EventType::fail || random.one_in(2)) state = before;
    }
    txns.push_back(std::move(txn));
  }
  return txns;
}

History to_history(const std::vector<Txn>& txns) {
  std::vector<std::pair<size_t, size_t>> order;  // moment; transaction, twice
  for (size_t i = 0; i < txns.size(); ++i) {
    order.emplace_back(txns[i].begin * 2, i);
    order.emplace_back(txns[i].end * 2 + 1, i);
  }
  std::ranges::stable_sort(order);
  History history;
  std::vector<bool> begun(txns.size());
  for (const auto& [moment, i] : order) {
    Event event{.process = i, .type = begun[i] ? txns[i].type : EventType::invoke, .workload = "list-append", .f = "txn", .steps = txns[i].steps};
    if (!begun[i])
      for (auto& step : event.steps) step.list.reset();
    begun[i] = true;
    REQUIRE(history.add(event).has_value());
  }
  return history;
}

}  // namespace

TEST_CASE("list-append: what is in order") {
  CHECK(check_text(in_turn({R"(ok [["append", "x", 1], ["r", "x", [1]]])", R"(ok [["r", "x", [1]], ["append", "x", 2], ["append", "y", 3]])", R"(ok [["r", "x", [1, 2]], ["r", "y", [3]]])"})).found == 0);
  CHECK(check_text(at_once({R"(ok [["append", "x", 1]])", R"(ok [["r", "x", null]])", R"(ok [["r", "x", [1]]])", R"(info [["append", "x", 2]])"})).found == 0);
  CHECK(check_text(in_turn({R"(info [["append", "x", 1]])", R"(ok [["r", "x", []]])", R"(ok [["r", "x", [1]]])"})).found == 0);
  CHECK(check_text(in_turn({R"(ok [["r", "x", []], ["append", "x", 1]])", R"(ok [["append", "x", 2]])"})).found == 0);
}

TEST_CASE("list-append: G0, writes of two transactions in both orders") {
  const auto report = check_text(at_once({R"(ok [["append", "x", 1], ["append", "y", 1]])", R"(ok [["append", "x", 2], ["append", "y", 2]])", R"(ok [["r", "x", [1, 2]], ["r", "y", [2, 1]]])"}));
  CHECK(found(report, "G0"));
  CHECK(cycle_length(report, "G0") == 2);
  CHECK(report.ruled_out() == all_levels);
}

TEST_CASE("list-append: G1a, aborted read") {
  const auto report = check_text(at_once({R"(fail [["append", "x", 1]])", R"(ok [["r", "x", [1]]])"}));
  CHECK(found(report, "G1a"));
  CHECK(report.ruled_out() == without_read_committed);
  CHECK(words(report, "G1a").find("process 0") != std::string::npos);
}

TEST_CASE("list-append: G1b, intermediate read") {
  CHECK(found(check_text(at_once({R"(ok [["append", "x", 1], ["append", "x", 2]])", R"(ok [["r", "x", [1]]])"})), "G1b"));
}

TEST_CASE("list-append: G1c, each saw the other's write") {
  const auto report = check_text(at_once({R"(ok [["append", "x", 1], ["r", "y", [2]]])", R"(ok [["append", "y", 2], ["r", "x", [1]]])"}));
  CHECK(found(report, "G1c"));
  CHECK(report.ruled_out() == without_read_committed);
}

TEST_CASE("list-append: G-single, a fractured read across two keys") {
  const auto report = check_text(at_once({R"(ok [["append", "x", 1], ["append", "y", 1]])", R"(ok [["r", "x", [1]], ["r", "y", []]])", R"(ok [["r", "y", [1]]])"}));
  CHECK(found(report, "G-single"));
  CHECK(words(report, "G-single").starts_with("fractured read"));
  CHECK(report.ruled_out() == without_snapshot);
}

TEST_CASE("list-append: G2, write skew") {
  const auto report = check_text(at_once({R"(ok [["r", "x", []], ["append", "y", 1]])", R"(ok [["r", "y", []], ["append", "x", 1]])"}));
  CHECK(found(report, "G2"));
  CHECK(words(report, "G2").starts_with("write skew"));
  CHECK(report.ruled_out() == without_repeatable_read);
}

TEST_CASE("list-append: lost update") {
  CHECK(found(check_text(at_once({R"(ok [["r", "x", []], ["append", "x", 1]])", R"(ok [["r", "x", []], ["append", "x", 2]])"})), "lost update"));
}

TEST_CASE("list-append: long fork, two readers who saw two writes in different orders") {
  const auto report = check_text(at_once({R"(ok [["append", "x", 1]])", R"(ok [["append", "y", 2]])", R"(ok [["r", "x", [1]], ["r", "y", []]])", R"(ok [["r", "x", []], ["r", "y", [2]]])"}));
  CHECK(found(report, "G-nonadjacent"));
  CHECK(report.ruled_out() == without_snapshot);
}

TEST_CASE("list-append: a stale read breaks real time only") {
  const auto report = check_text(in_turn({R"(ok [["append", "x", 1]])", R"(ok [["r", "x", []]])", R"(ok [["r", "x", [1]]])"}));
  CHECK(found(report, "G-single-realtime"));
  CHECK(report.ruled_out() == without_strong_snapshot);
}

TEST_CASE("list-append: an append that was acknowledged and never seen again") {
  const auto report = check_text(in_turn({R"(ok [["append", "x", 1]])", R"(ok [["append", "x", 2]])", R"(ok [["r", "x", [1]]])"}));
  CHECK(found(report, "G-single-realtime"));
  CHECK(check_text(in_turn({R"(ok [["append", "x", 1]])", R"(info [["append", "x", 2]])", R"(ok [["r", "x", [1]]])"})).found == 0);
}

TEST_CASE("list-append: part of a transaction with unknown outcome was seen, so all of it took place") {
  const auto report = check_text(in_turn({R"(info [["append", "x", 1], ["append", "y", 1]])", R"(ok [["r", "x", [1]], ["r", "y", []]])"}));
  CHECK(found(report, "G-single"));
}

TEST_CASE("list-append: the order of a session") {
  const auto report = check_text(R"(
      0 ok [["append", "x", 1]]
      0 ok [["r", "x", []]]
      1 ok [["r", "x", [1]]])");
  CHECK(found(report, "G-single-session"));
  CHECK(report.ruled_out() == without_session);
  const auto longer = check_text(R"(
      0 ok [["append", "x", 1]]
      0 ok [["append", "y", 1]]
      0 ok [["r", "y", [1]]]
      0 ok [["r", "x", []]]
      1 ok [["r", "x", [1]]])");
  CHECK(cycle_length(longer, "G-single-session") == 2);
}

TEST_CASE("list-append: what no database may answer") {
  CHECK(found(check_text(in_turn({R"(ok [["append", "x", 1]])", R"(ok [["r", "x", [1, 1]]])"})), "duplicate"));
  CHECK(found(check_text(in_turn({R"(ok [["r", "x", [1]]])"})), "unwritten value"));
  CHECK(found(check_text(in_turn({R"(ok [["append", "x", 1], ["r", "x", []]])"})), "internal"));
  CHECK(found(check_text(in_turn({R"(ok [["r", "x", []], ["append", "x", 1], ["r", "x", [2, 1]]])", R"(ok [["append", "x", 2]])"})), "internal"));
  CHECK(found(check_text(in_turn({R"(ok [["r", "x", [1]], ["append", "x", 1]])"})), "future read"));
  CHECK(found(check_text(at_once({R"(ok [["append", "x", 1]])", R"(ok [["append", "x", 2]])", R"(ok [["r", "x", [1, 2]]])", R"(ok [["r", "x", [2]]])"})), "incompatible order"));
}

TEST_CASE("list-append: the shortest circle is told, not a longer one") {
  // A circle of three, and one of two.
  const auto report = check_text(at_once({
      R"(ok [["append", "a", 1], ["r", "b", []]])", R"(ok [["append", "b", 1], ["r", "c", []]])", R"(ok [["append", "c", 1], ["r", "a", []]])",
      R"(ok [["append", "d", 1], ["r", "e", []]])", R"(ok [["append", "e", 1], ["r", "d", []]])"}));
  CHECK(cycle_length(report, "G2") == 2);
}

TEST_CASE("list-append: a value appended twice cannot be checked") {
  const auto reports = check_history(history_of(in_turn({R"(ok [["append", "x", 1]])", R"(ok [["append", "x", 1]])"})));
  REQUIRE(!reports.has_value());
  CHECK(reports.error().code == Code::bad_data);
}

TEST_CASE("list-append: good histories pass, and any wrong read in them is noticed") {
  Random random{11};
  int corrupted = 0;
  for (int round = 0; round < 300; ++round) {
    auto txns = strict_transactions(random, 40);
    const auto honest = check_one(to_history(txns));
    REQUIRE_MESSAGE(honest.found == 0, honest.violations.front().words);
    // A read of one more or one fewer than there was, when somebody else read the key as it was at another time, too.
    auto& txn = txns[random.below(txns.size())];
    for (auto& step : txn.steps) {
      if (!step.list || step.list->empty() || txn.type != EventType::ok) continue;
      switch (random.below(3)) {
        case 0: step.list->push_back(step.list->front()); break;           // twice
        case 1: step.list->push_back(int64_t{1'000'000}); break;           // never written
        default: std::swap(step.list->front(), step.list->back()); break;  // in another order
      }
      if (step.list->size() == 1) continue;
      ++corrupted;
      CHECK(check_one(to_history(txns)).found > 0);
      break;
    }
  }
  CHECK(corrupted > 50);
}

TEST_CASE("list-append: a read that ended long ago cannot be repeated") {
  Random random{13};
  int corrupted = 0;
  for (int round = 0; round < 200; ++round) {
    auto txns = strict_transactions(random, 40);
    // A late transaction reads what an early one did, although the key has changed and that was acknowledged.
    for (size_t late = 30; late < txns.size(); ++late) {
      auto& steps = txns[late].steps;
      if (txns[late].type != EventType::ok || steps.size() != 1 || !steps[0].list || steps[0].list->size() < 4) continue;
      steps[0].list->resize(1);
      const bool acknowledged = std::ranges::any_of(txns, [&](const Txn& txn) {
        return txn.type == EventType::ok && txn.end < txns[late].begin && std::ranges::any_of(txn.steps, [&](const Step& s) { return s.kind == StepKind::append && s.key == steps[0].key && s.value != steps[0].list->front(); });
      });
      if (!acknowledged) break;
      ++corrupted;
      CHECK(check_one(to_history(txns)).found > 0);
      break;
    }
  }
  CHECK(corrupted > 50);
}
