#include "mvcc/key.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "env/random.hpp"

using namespace ddb;

namespace {

/// Keys full of what the encoding is about: zeros, codes, prefixes of one another.
Bytes odd_key(Random& random) {
  static constexpr char alphabet[] = {0, 0, 0, 1, 126, 127, static_cast<char>(128), static_cast<char>(254), static_cast<char>(255)};
  Bytes key;
  for (uint64_t pieces = random.below(5); pieces > 0; --pieces) {
    const size_t length = random.one_in(4) ? 120 + random.below(20) : random.below(4);
    key.append(length, alphabet[random.below(sizeof alphabet)]);
  }
  return key;
}

}  // namespace

TEST_CASE("an encoded key comes back as it was") {
  Random random{1};
  for (int i = 0; i < 20'000; ++i) {
    const Bytes key = odd_key(random);
    const auto back = mvcc::decode_key(mvcc::encode_key(key));
    REQUIRE(back);
    REQUIRE(*back == key);
  }
  for (size_t zeros = 0; zeros < 600; ++zeros) {
    CHECK(mvcc::decode_key(mvcc::encode_key(Bytes(zeros, '\0'))) == Bytes(zeros, '\0'));
    CHECK(mvcc::decode_key(mvcc::encode_key(Bytes(zeros, '\0') + "x")) == Bytes(zeros, '\0') + "x");
  }
}

TEST_CASE("versions sort by user key, then newest first, whatever prefixes keys have in common") {
  Random random{2};
  for (int i = 0; i < 50'000; ++i) {
    const Bytes a = odd_key(random);
    Bytes b = random.one_in(2) ? a + odd_key(random) : odd_key(random);
    const Timestamp at{random.one_in(2) ? random.below(3) : random.next()};
    const Timestamp bt{random.one_in(2) ? random.below(3) : random.next()};
    const bool expected = a != b ? a < b : at > bt;
    const bool found = mvcc::version_key(mvcc::encode_key(a), at) < mvcc::version_key(mvcc::encode_key(b), bt);
    REQUIRE(found == expected);
  }
}

TEST_CASE("an encoded key is no prefix of another's: bounds of spans hold for all versions") {
  Random random{3};
  for (int i = 0; i < 20'000; ++i) {
    const Bytes a = odd_key(random);
    const Bytes b = a + odd_key(random);
    if (a == b) continue;
    REQUIRE_FALSE(mvcc::encode_key(b).starts_with(mvcc::encode_key(a)));
    REQUIRE(mvcc::version_key(mvcc::encode_key(a), Timestamp{}) < mvcc::encode_key(b));
  }
}

TEST_CASE("the limit on keys is what tables take, no less and no more") {
  CHECK(mvcc::check_key(Bytes(env::user_key_bytes_max, 'x')));
  CHECK(mvcc::check_key(Bytes(env::user_key_bytes_max, '\0')));
  CHECK(mvcc::version_key(mvcc::encode_key(Bytes(env::user_key_bytes_max, 'x')), Timestamp{1}).size() == 511);
  CHECK(mvcc::check_key(Bytes(env::user_key_bytes_max + 1, 'x')).error().code == Code::too_long);

  Bytes worst;
  while (worst.size() < 334) worst += Bytes{"\0x", 2};
  CHECK(mvcc::check_key(worst));
  CHECK(mvcc::check_key(worst + Bytes{"\0x", 2}).error().code == Code::too_long);
}

TEST_CASE("bytes that no key encodes to are refused") {
  const auto refused = [](BytesView encoded) { return !mvcc::decode_key(encoded).has_value(); };
  CHECK(refused(""));
  CHECK(refused("x"));
  CHECK(refused(BytesView{"x\0", 2}));
  CHECK(refused(BytesView{"x\0\0y", 4}));
  CHECK(refused(BytesView{"\0\x7f", 2}));
  CHECK(refused(BytesView{"\0\xffy\0\0", 5}));  // a run of no zeros
  CHECK(refused(BytesView{"\0\x80y\0\0", 5}));  // 127 zeros have another form
  CHECK(refused(BytesView{"\0\xfe\0\x01", 4}));   // two zeros as two runs
}
