#include "range/rate.hpp"

#include <doctest/doctest.h>

using namespace ddb;

TEST_CASE("a steady rate is told as it is, and fades when it ends") {
  range::Rate rate;
  Instant now{std::chrono::hours{1}};
  CHECK(rate.per_1000s(now) == 0);
  for (int i = 0; i < 3000; ++i) {
    rate.count(now);
    now += std::chrono::milliseconds{10};
  }
  CHECK(rate.per_1000s(now) / 1000 >= 99);
  CHECK(rate.per_1000s(now) / 1000 <= 101);
  CHECK(rate.per_1000s(now + std::chrono::seconds{5}) < 60'000);
  CHECK(rate.per_1000s(now + std::chrono::seconds{11}) < 100'000);
  CHECK(rate.per_1000s(now + std::chrono::seconds{30}) == 0);
  now += std::chrono::hours{1};
  rate.count(now);
  CHECK(rate.per_1000s(now) == 100);
}
