#include "codec/key.hpp"

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <cmath>
#include <limits>
#include <vector>

#include "env/kv.hpp"
#include "env/random.hpp"

using namespace ddb;
using codec::Collation;
using codec::Value;

namespace {

Bytes part(const Value& value, codec::KeyOrder order = {}) {
  Bytes key;
  codec::append_key_part(key, codec::to_view(value), order);
  return key;
}

/// SQLite's own opinion: the sign of a <=> b under ORDER BY.
class Judge {
 public:
  explicit Judge(const char* collation) {
    sqlite3_open(":memory:", &db_);
    const std::string sql = std::string{"SELECT CASE WHEN ?1 IS NULL THEN CASE WHEN ?2 IS NULL THEN 0 ELSE -1 END "
                                        "WHEN ?2 IS NULL THEN 1 WHEN ?1 < ?2 COLLATE "} +
                            collation + " THEN -1 WHEN ?1 > ?2 COLLATE " + collation + " THEN 1 ELSE 0 END";
    REQUIRE(sqlite3_prepare_v2(db_, sql.c_str(), -1, &stmt_, nullptr) == SQLITE_OK);
  }
  ~Judge() {
    sqlite3_finalize(stmt_);
    sqlite3_close(db_);
  }
  int compare(const Value& a, const Value& b) {
    bind(1, a);
    bind(2, b);
    REQUIRE(sqlite3_step(stmt_) == SQLITE_ROW);
    const int sign = sqlite3_column_int(stmt_, 0);
    sqlite3_reset(stmt_);
    return sign;
  }

 private:
  void bind(int at, const Value& value) {
    if (const auto* integer = std::get_if<int64_t>(&value)) {
      sqlite3_bind_int64(stmt_, at, *integer);
    } else if (const auto* real = std::get_if<double>(&value)) {
      sqlite3_bind_double(stmt_, at, *real);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      sqlite3_bind_text64(stmt_, at, text->data(), text->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    } else if (const auto* blob = std::get_if<codec::Blob>(&value)) {
      sqlite3_bind_blob64(stmt_, at, blob->bytes.empty() ? "" : blob->bytes.data(), blob->bytes.size(), SQLITE_TRANSIENT);
    } else {
      sqlite3_bind_null(stmt_, at);
    }
  }
  sqlite3* db_ = nullptr;
  sqlite3_stmt* stmt_ = nullptr;
};

int sign(int value) { return (value > 0) - (value < 0); }

Bytes random_string(Random& random) {
  static const std::string alphabet{"\0\1\2 aAbB\x7f\xfe\xff", 12};
  Bytes bytes;
  for (uint64_t n = random.below(5); n > 0; --n) bytes.push_back(alphabet[random.below(alphabet.size())]);
  return bytes;
}

Value random_value(Random& random) {
  const auto near = [&] { return static_cast<int64_t>(random.below(5)) - 2; };
  switch (random.below(7)) {
    case 0: return {};
    case 1: return near();
    case 2: {  // about a power of two, either side of zero
      const uint64_t bits = (uint64_t{1} << random.below(64)) + static_cast<uint64_t>(near());
      return static_cast<int64_t>(random.one_in(2) ? bits : 0 - bits);
    }
    case 3: return static_cast<double>(near()) / 2;
    case 4: return std::ldexp(static_cast<double>(near()), static_cast<int>(random.below(140)) - 70) + static_cast<double>(near());
    case 5: {
      Bytes text;  // SQLite's text stops at no NUL here: bound with its length
      for (uint64_t n = random.below(4); n > 0; --n) text.push_back(" aAbB\1z"[random.below(7)]);
      return text;
    }
    default: return codec::Blob{random_string(random)};
  }
}

}  // namespace

TEST_CASE("keys sort as SQLite sorts, under every collation and direction") {
  const std::pair<const char*, Collation> collations[] = {
      {"BINARY", Collation::binary}, {"NOCASE", Collation::nocase}, {"RTRIM", Collation::rtrim}};
  for (const auto& [name, collation] : collations) {
    Judge judge{name};
    Random random{42};
    for (int i = 0; i < 20'000; ++i) {
      const Value a = random_value(random);
      const Value b = random_value(random);
      const int expected = judge.compare(a, b);
      const int up = sign(part(a, {collation, false}).compare(part(b, {collation, false})));
      const int down = sign(part(a, {collation, true}).compare(part(b, {collation, true})));
      REQUIRE_MESSAGE(up == expected, name << " " << to_hex(part(a)) << " " << to_hex(part(b)));
      REQUIRE(down == -expected);
    }
  }
}

TEST_CASE("no part is a prefix of another, so a composite key sorts column by column") {
  Random random{7};
  for (int i = 0; i < 20'000; ++i) {
    const bool descending = random.one_in(2);
    const Bytes a = part(random_value(random), {Collation::binary, descending});
    const Bytes b = part(random_value(random), {Collation::binary, descending});
    if (a != b) REQUIRE_FALSE(b.starts_with(a));
    CHECK(a[0] != '\0');
    CHECK(a[0] != '\xff');
  }
}

TEST_CASE("parts come back, and skipping cuts where taking does") {
  Random random{11};
  for (int i = 0; i < 20'000; ++i) {
    const codec::KeyOrder order{Collation::binary, random.one_in(2)};
    const Value value = random_value(random);
    Bytes key = part(value, order);
    key += part(random_value(random), order);
    BytesView taken = key;
    BytesView skipped = key;
    const auto back = codec::take_key_part(taken, order);
    REQUIRE(back);
    CHECK(codec::skip_key_part(skipped, order.descending) == part(value, order));
    CHECK(taken == skipped);
    CHECK(part(*back, order) == part(value, order));
    if (!std::holds_alternative<double>(value)) CHECK(*back == value);
  }
}

TEST_CASE("numbers that are equal have equal bytes, whatever their class") {
  CHECK(part(int64_t{1}) == part(1.0));
  CHECK(part(int64_t{0}) == part(-0.0));
  CHECK(part(std::numeric_limits<int64_t>::min()) == part(-9223372036854775808.0));
  CHECK(part(int64_t{9007199254740993}) > part(9007199254740992.0));
  CHECK(part(std::numeric_limits<int64_t>::max()) < part(9223372036854775808.0));
  CHECK(part(-std::numeric_limits<double>::infinity()) < part(std::numeric_limits<int64_t>::min()));
  CHECK(part(std::numeric_limits<double>::infinity()) > part(1e308));
  CHECK(part(std::numeric_limits<double>::infinity()) < part(std::string{}));
  CHECK(part(-5e-324) < part(int64_t{0}));
}

TEST_CASE("small numbers make short keys") {
  CHECK(part(int64_t{0}).size() == 1);
  CHECK(part(int64_t{100}).size() == 2);
  CHECK(part(int64_t{-100}).size() == 2);
  CHECK(part(int64_t{1'000'000}).size() == 4);
}

TEST_CASE("prefixes sort by table, then index, and come back") {
  const uint64_t ids[] = {0, 1, 0xf7, 0xf8, 0xff, 0x100, 0xffff, 0x10000, uint64_t{1} << 40, UINT64_MAX};
  Bytes before;
  for (const uint64_t table : ids)
    for (const uint64_t index : ids) {
      Bytes key;
      codec::append_key_prefix(key, table, index);
      CHECK(before < key);
      before = key;
      key += "rest";
      BytesView rest = key;
      uint64_t t = 0;
      uint64_t i = 0;
      REQUIRE(codec::take_key_prefix(rest, t, i));
      CHECK(t == table);
      CHECK(i == index);
      CHECK(rest == "rest");
    }
}

TEST_CASE("damaged keys are refused") {
  for (const BytesView bad : {BytesView{}, BytesView{"\x30"}, BytesView{"\x30zz"}, BytesView{"\x19"}, BytesView{"\x7f"},
                              BytesView{"\x21\1\1"}, BytesView{"\x30\x01\x05\x00", 4}, BytesView{"\x30\x01\x00", 3},
                              BytesView{"\x21\xff\xff\xff\xff\xff\xff\xff\xff"} /* NaN */}) {
    BytesView key = bad;
    const auto value = codec::take_key_part(key, {});
    REQUIRE_FALSE(value);
    CHECK(value.error().code == Code::bad_data);
  }
  // Any bytes at all: no crash, and never more taken than there is.
  Random random{3};
  for (int i = 0; i < 50'000; ++i) {
    Bytes noise;
    for (uint64_t n = random.below(14); n > 0; --n) noise.push_back(static_cast<char>(random.below(0x34)));
    BytesView key = noise;
    while (!key.empty() && codec::take_key_part(key, {Collation::binary, random.one_in(2)})) {}
  }
}

TEST_CASE("a key over the limit is refused with the limit") {
  CHECK(codec::check_key_length(Bytes(env::user_key_bytes_max, 'x'), "table t"));
  const auto refused = codec::check_key_length(Bytes(env::user_key_bytes_max + 1, 'x'), "table t");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::too_long);
  const auto limit = std::to_string(env::user_key_bytes_max);
  CHECK(refused.error().message.ends_with("and the limit is " + limit));
}
