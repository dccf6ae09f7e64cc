// What a request costs the core, without Raft, log and network. By hand: unit-range --no-skip -tc='bench*'
#include <doctest/doctest.h>

#include <chrono>
#include <cstdio>
#include <ctime>

#include "env/random.hpp"
#include "unit/range/data_group.hpp"

using namespace ddb;
using range::test::DataGroup;

namespace {

constexpr uint64_t rows = 10'000;

Bytes key_of(uint64_t n) {
  char text[24];
  std::snprintf(text, sizeof text, "key%013llu", static_cast<unsigned long long>(n));
  return text;
}

template <class Work>
void measure(const char* what, int count, Work work) {
  const std::clock_t start = std::clock();  // of this process: neighbours do not count
  for (int i = 0; i < count; ++i) work(i);
  const double taken = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  std::printf("%-28s %8.2f us\n", what, taken / count * 1e6);
}

}  // namespace

TEST_CASE("bench: reads and commits" * doctest::skip()) {
  range::DataOptions options;
  options.timestamp_slack = std::chrono::hours{1};
  DataGroup group{options};
  group.host().silent = true;
  const Bytes value(256, 'v');
  for (uint64_t n = 0; n < rows; n += 1000) {
    std::vector<env::Write> writes;
    for (uint64_t i = n; i < n + 1000; ++i) writes.push_back(DataGroup::put(key_of(i), value));
    group.send(group.txn(writes));
    group.settle();
  }
  Random random{1};
  measure("point read", 100'000, [&](int) {
    group.send(DataGroup::get(group.next_timestamp(), {key_of(random.below(rows))}));
  });
  measure("scan of 100 rows", 10'000, [&](int) {
    const uint64_t n = random.below(rows - 100);
    group.send(DataGroup::scan(group.next_timestamp(), key_of(n), key_of(n + 100), 1000));
  });
  measure("commit of one row", 20'000, [&](int) {
    group.send(group.txn({DataGroup::put(key_of(random.below(rows)), value)}));
    group.commit();
  });
  measure("commit of one row it read", 20'000, [&](int) {
    const Bytes key = key_of(random.below(rows));
    group.send(group.txn({DataGroup::put(key, value)}, {env::point_span(key)}));
    group.commit();
  });
  measure("64 commits under way, each", 20'000, [&](int i) {
    group.send(group.txn({DataGroup::put(key_of(random.below(rows)), value)}));
    if (i % 64 == 63) group.commit();
  });
  measure("commit of 1000 rows, each", 20, [&](int) {
    std::vector<env::Write> writes;
    const uint64_t n = random.below(rows - 1000);
    for (uint64_t i = n; i < n + 1000; ++i) writes.push_back(DataGroup::put(key_of(i), value));
    group.send(group.txn(writes));
    group.commit();
  });
}
