#include "txn/span_set.hpp"

#include <doctest/doctest.h>

#include "env/random.hpp"

using namespace ddb;
using env::KeySpan;
using txn::SpanSet;

namespace {

bool covers(const std::vector<KeySpan>& spans, const Bytes& key) {
  for (const auto& span : spans)
    if (span.start <= key && (span.end.empty() || key < span.end)) return true;
  return false;
}

}  // namespace

TEST_CASE("spans that touch or overlap become one") {
  SpanSet set{10};
  CHECK(set.empty());
  set.add({"m", "p"});
  set.add({"a", "c"});
  set.add({"c", "d"});
  set.add({"b", "bb"});
  CHECK(set.spans() == std::vector<KeySpan>{{"a", "d"}, {"m", "p"}});
  set.add({"o", ""});
  set.add({"x", "z"});
  CHECK(set.spans() == std::vector<KeySpan>{{"a", "d"}, {"m", ""}});
  CHECK(!set.empty());
}

TEST_CASE("a key's own span holds that key and no other") {
  const KeySpan span = txn::span_of("k");
  CHECK(covers({span}, "k"));
  CHECK(!covers({span}, Bytes{"k\0", 2}));
  CHECK(!covers({span}, "ka"));
}

TEST_CASE("the set stays bounded, and covers all that was added, whatever the order") {
  Random random{4};
  for (int round = 0; round < 200; ++round) {
    SpanSet set{8};
    std::vector<KeySpan> added;
    for (uint64_t i = random.below(100); i > 0; --i) {
      const uint64_t start = random.below(1000), size = 1 + random.below(3);
      KeySpan span{std::to_string(10'000 + start), random.one_in(50) ? "" : std::to_string(10'000 + start + size)};
      set.add(span);
      added.push_back(span);
    }
    const auto spans = set.spans();
    CHECK(spans.size() <= 8);
    for (const auto& span : added) {
      CHECK(covers(spans, span.start));
      CHECK(covers(spans, span.end.empty() ? "99999" : std::to_string(std::stoi(span.end) - 1)));
    }
    for (size_t i = 1; i < spans.size(); ++i) CHECK(spans[i - 1].end < spans[i].start);
  }
}
