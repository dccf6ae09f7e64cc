#include "codec/archive.hpp"

#include <doctest/doctest.h>

using namespace ddb;

namespace {

struct Inner {
  RangeId id;
  std::optional<Bytes> note;
  bool operator==(const Inner&) const = default;
  static constexpr auto fields() { return std::tuple{&Inner::id, &Inner::note}; }
};

struct Outer {
  uint8_t small = 0;
  int64_t negative = 0;
  std::vector<Inner> items;
  std::variant<Inner, Bytes> either;
  bool operator==(const Outer&) const = default;
  static constexpr auto fields() {
    return std::tuple{&Outer::small, &Outer::negative, &Outer::items, &Outer::either};
  }
};

struct OlderOuter {
  uint8_t small = 0;
  static constexpr auto fields() { return std::tuple{&OlderOuter::small}; }
};

}  // namespace

TEST_CASE("a struct survives the wire") {
  const Outer value{200, -7, {{RangeId{1}, "x"}, {RangeId{2}, std::nullopt}}, Bytes{"\0y", 2}};
  const auto back = codec::decode<Outer>(codec::encode(value));
  REQUIRE(back);
  CHECK(*back == value);
}

TEST_CASE("an older writer's shorter array keeps defaults; a newer writer's longer one is cut") {
  const auto grown = codec::decode<Outer>(codec::encode(OlderOuter{9}));
  REQUIRE(grown);
  CHECK(grown->small == 9);
  CHECK(grown->items.empty());
  const auto cut = codec::decode<OlderOuter>(codec::encode(Outer{9, 1, {}, Bytes{}}));
  REQUIRE(cut);
  CHECK(cut->small == 9);
}

TEST_CASE("malformed bytes are refused, at every length and with any byte flipped") {
  const Bytes good = codec::encode(Outer{1, 2, {{RangeId{1}, "x"}}, Bytes{"y"}});
  for (size_t n = 0; n < good.size(); ++n) CHECK_FALSE(codec::decode<Outer>(BytesView{good}.substr(0, n)));
  for (size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      (void)codec::decode<Outer>(bad);  // may be another value; must not crash
    }
  }
}

TEST_CASE("a header that claims more items than there are bytes allocates nothing") {
  CHECK_FALSE(codec::decode<Outer>(BytesView{"\xdd\xff\xff\xff\xff", 5}));
}
