#include "mvcc/version.hpp"

#include <doctest/doctest.h>

#include "mvcc/key.hpp"

using namespace ddb;

namespace {

const Bytes stored_key = mvcc::version_key(mvcc::encode_key("key"), Timestamp{7});

mvcc::Version version_of(bool tombstone, std::optional<mvcc::Writer> record, BytesView row) {
  return {.ts = Timestamp{7}, .tombstone = tombstone, .record = record, .row = row};
}

}  // namespace

TEST_CASE("a version survives being stored") {
  for (const auto& record : {std::optional<mvcc::Writer>{}, std::optional{mvcc::Writer{Timestamp{3}, Timestamp{5}}}}) {
    for (const bool tombstone : {false, true}) {
      for (const BytesView row : {BytesView{}, BytesView{"row\0bytes", 9}}) {
        const Bytes value = mvcc::encode_version(stored_key, version_of(tombstone, record, row));
        const auto back = mvcc::decode_version(stored_key, value);
        REQUIRE(back);
        CHECK(back->ts == Timestamp{7});
        CHECK(back->tombstone == tombstone);
        CHECK(back->record == record);
        CHECK(back->row == row);
      }
    }
  }
}

TEST_CASE("H1: a version with any bit flipped, cut short, or under another key is refused by name") {
  const Bytes value = mvcc::encode_version(stored_key, version_of(false, mvcc::Writer{Timestamp{3}, Timestamp{5}}, "row"));
  for (size_t i = 0; i < value.size() * 8; ++i) {
    Bytes bad = value;
    bad[i / 8] = static_cast<char>(bad[i / 8] ^ (1 << (i % 8)));
    const auto read = mvcc::decode_version(stored_key, bad);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Code::bad_data);
    CHECK(read.error().detail == "key");
  }
  for (size_t n = 0; n < value.size(); ++n) CHECK_FALSE(mvcc::decode_version(stored_key, value.substr(0, n)));
  CHECK_FALSE(mvcc::decode_version(mvcc::version_key(mvcc::encode_key("key"), Timestamp{8}), value));
}
