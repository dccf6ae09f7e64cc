#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fstream>
#include <map>
#include <sstream>
#include <unistd.h>
#include <vector>

#include "bench/histogram.hpp"
#include "bench/history.hpp"
#include "bench/keys.hpp"
#include "bench/measure.hpp"

using namespace ddb;
using namespace ddb::bench;

TEST_CASE("percentiles are within 0.8 % of those of the sorted values") {
  Random random{5};
  Histogram histogram, half;
  std::vector<uint64_t> values;
  for (int i = 0; i < 20'000; ++i) {
    const uint64_t value = random.next() >> random.below(64);
    values.push_back(value);
    (i % 2 == 0 ? histogram : half).record(value);
  }
  histogram.add(half);
  std::ranges::sort(values);
  CHECK(histogram.count() == values.size());
  CHECK(histogram.max() == values.back());
  for (const double share : {0.0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<size_t>(std::max(std::ceil(share * 20'000), 1.0)) - 1;
    const auto exact = static_cast<double>(values[rank]), told = static_cast<double>(histogram.percentile(share));
    CHECK(told >= exact);
    CHECK(told <= exact * 1.008 + 0.5);
  }
}

TEST_CASE("a histogram of nothing, of zero, of the largest value") {
  Histogram histogram;
  CHECK(histogram.percentile(0.5) == 0);
  histogram.record(0);
  CHECK(histogram.percentile(1) == 0);
  histogram.record(UINT64_MAX);
  CHECK(histogram.percentile(1) == UINT64_MAX);
  CHECK(histogram.percentile(0.5) == 0);
}

TEST_CASE("keys: every distribution stays within bounds") {
  Random random{6};
  for (const auto distribution : {Distribution::uniform, Distribution::zipf, Distribution::sequential})
    for (const uint64_t keys : {1, 2, 3, 1000}) {
      KeyChooser chooser{distribution, keys};
      for (int i = 0; i < 2'000; ++i) CHECK(chooser.next(random) < keys);
    }
}

TEST_CASE("keys: sequential counts, uniform is even, zipf is not") {
  Random random{7};
  KeyChooser sequential{Distribution::sequential, 3};
  for (const uint64_t expected : {0, 1, 2, 0}) CHECK(sequential.next(random) == expected);

  const auto most_of = [&](Distribution distribution) {
    KeyChooser chooser{distribution, 1000};
    std::map<uint64_t, int> counts;
    for (int i = 0; i < 100'000; ++i) ++counts[chooser.next(random)];
    int most = 0;
    for (const auto& [key, count] : counts) most = std::max(most, count);
    return most;
  };
  CHECK(most_of(Distribution::uniform) < 200);
  // The first of 1000 has a share of 1 / zeta(1000, 0.99) = 12.9 %.
  CHECK(std::abs(most_of(Distribution::zipf) - 12'900) < 1'000);
}

TEST_CASE("keys sort as their numbers do, and have names of 16 bytes") {
  CHECK(key_name(7) == "bench/0000000007");
  CHECK(key_name(9'999'999'999) == "bench/9999999999");
  CHECK(key_name(10) > key_name(9));
  CHECK(parse_distribution("zipf") == Distribution::zipf);
  CHECK(parse_distribution("flat").error().code == Code::usage);
}

TEST_CASE("a measure counts errors by kind and finds the longest stall") {
  Measure measure{1'000};
  measure.success(1'000, 2'000);
  measure.success(1'500, 9'000);
  measure.failure({Code::unavailable, "gone", {}, {}});
  measure.failure({Code::conflict, "other", {}, {}});
  measure.failure({Code::unavailable, "gone", {}, {}});
  CHECK(measure.stall_ns() == 7'000);
  CHECK(measure.errors() == 3);
  CHECK(measure.error_kinds() == "unavailable=2 conflict=1");
  CHECK(measure.last_error().message == "gone");
  measure.close(20'000);
  CHECK(measure.stall_ns() == 11'000);
}

TEST_CASE("a history is JSON lines, in the order of time") {
  char path[] = "/tmp/ddb-history-XXXXXX";
  close(mkstemp(path));
  History history;
  CHECK(!history.recording());
  history.invoke({});  // records nothing
  REQUIRE(history.open(path));
  history.invoke({.process = 1, .f = Function::read, .key = "a", .value = {}, .expected = {}});
  history.end({.process = 1, .f = Function::read, .key = "a", .value = 7, .expected = {}}, Ending::ok);
  history.invoke({.process = 2, .f = Function::cas, .key = "a", .value = 8, .expected = 7});
  history.end({.process = 2, .f = Function::cas, .key = "a", .value = 8, .expected = 7}, Ending::info);
  REQUIRE(history.close());
  std::ifstream file{path};
  std::vector<std::string> lines;
  int64_t last = 0;
  for (std::string line; std::getline(file, line);) {
    const size_t time = line.find(", \"time\": ");
    const int64_t at = std::atoll(line.c_str() + time + 10);
    CHECK(at >= last);
    last = at;
    lines.push_back(line.substr(0, time));
  }
  unlink(path);
  CHECK(lines == std::vector<std::string>{R"({"process": 1, "type": "invoke", "f": "read", "key": "a", "value": null)",
                                          R"({"process": 1, "type": "ok", "f": "read", "key": "a", "value": 7)",
                                          R"({"process": 2, "type": "invoke", "f": "cas", "key": "a", "value": [7, 8])",
                                          R"({"process": 2, "type": "info", "f": "cas", "key": "a", "value": [7, 8])"});
  CHECK(history.open("/nowhere/at/all").error().code == Code::cannot_create);
}

TEST_CASE("a history that cannot be written is an error, not a short file") {
  History history;
  REQUIRE(history.open("/dev/full"));
  history.invoke({});
  CHECK(history.close().error().code == Code::io);
}
