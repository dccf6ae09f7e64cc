#include "env/span.hpp"

#include <doctest/doctest.h>

using namespace ddb;

TEST_CASE("spans contain what they should") {
  const env::KeySpan span{"b", "d"};
  CHECK(env::contains(span, "b"));
  CHECK_FALSE(env::contains(span, "d"));
  CHECK(env::contains(env::KeySpan{"b", ""}, "\xff"));
  CHECK(env::contains(span, env::KeySpan{"b", "d"}));
  CHECK_FALSE(env::contains(span, env::KeySpan{"c", ""}));
  CHECK_FALSE(env::contains(span, env::KeySpan{"a", "c"}));
  CHECK(env::is_empty({"d", "b"}));
  CHECK_FALSE(env::is_empty({"d", ""}));
  CHECK(env::is_point(env::point_span("key")));
  CHECK(env::is_point(env::point_span("")));
  CHECK_FALSE(env::is_point({"a", "b"}));
  CHECK_FALSE(env::is_point({"", ""}));
}

TEST_CASE("what two spans have in common, and what one leaves of the other, with open ends") {
  const env::KeySpan all{"", ""}, middle{"c", "m"};
  CHECK(env::contains(all, middle));
  CHECK_FALSE(env::contains(middle, all));
  CHECK(env::intersect(all, middle) == middle);
  CHECK(env::intersect(middle, all) == middle);
  CHECK(env::intersect({"a", "e"}, middle) == env::KeySpan{"c", "e"});
  CHECK(env::intersect({"d", ""}, middle) == env::KeySpan{"d", "m"});
  CHECK(env::overlap(middle, {"l", ""}));
  CHECK_FALSE(env::overlap(middle, {"m", ""}));
  CHECK_FALSE(env::overlap({"", "c"}, middle));
  CHECK(env::subtract(all, middle) == std::vector<env::KeySpan>{{"", "c"}, {"m", ""}});
  CHECK(env::subtract(middle, all).empty());
  CHECK(env::subtract(middle, {"m", ""}) == std::vector{middle});
}
