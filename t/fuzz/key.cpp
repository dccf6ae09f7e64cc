// Keys of rows and entries, and of their versions.
#include "codec/key.hpp"

#include "fuzz/fuzz.hpp"
#include "mvcc/key.hpp"
#include "mvcc/version.hpp"

using namespace ddb;

namespace {

constexpr codec::KeyOrder orders[] = {{}, {codec::Collation::nocase, false}, {codec::Collation::rtrim, false},
                                      {codec::Collation::binary, true}};

/// What parts hold is written again as one part, always the same, and skipping finds the same ends.
void check_parts(BytesView key, codec::KeyOrder order) {
  while (!key.empty()) {
    BytesView skipped = key;
    const auto value = codec::take_key_part(key, order);
    if (!value) return;
    DDB_ASSERT(!codec::skip_key_part(skipped, order.descending).empty());
    DDB_ASSERT(skipped == key);
    Bytes again;
    codec::append_key_part(again, codec::to_view(*value), order);
    BytesView rest = again;
    const auto read = codec::take_key_part(rest, order);
    DDB_ASSERT(read.has_value());
    DDB_ASSERT(rest.empty());
    Bytes once_more;
    codec::append_key_part(once_more, codec::to_view(*read), order);
    DDB_ASSERT(once_more == again);
  }
}

void check_version_key(BytesView stored) {
  const auto parts = mvcc::split_version_key(stored);
  if (!parts) return;
  DDB_ASSERT(mvcc::version_key(parts->encoded, parts->ts) == stored);
  const auto user_key = mvcc::decode_key(parts->encoded);
  if (user_key) DDB_ASSERT(mvcc::encode_key(*user_key) == parts->encoded);
}

/// A version under any key, and any bytes as a version.
void check_version(BytesView bytes) {
  const size_t half = bytes.size() / 2;
  (void)mvcc::decode_version(bytes.substr(0, half), bytes.substr(half));
  const Bytes stored = mvcc::version_key(mvcc::encode_key(bytes.substr(0, half)), Timestamp{half});
  const mvcc::Version version{.ts = Timestamp{half}, .tombstone = false, .record = mvcc::Writer{Timestamp{1}, Timestamp{half}},
                              .row = bytes.substr(half)};
  const Bytes value = mvcc::encode_version(stored, version);
  const auto read = mvcc::decode_version(stored, value);
  DDB_ASSERT(read.has_value());
  DDB_ASSERT(read->row == version.row);
  DDB_ASSERT(read->record == version.record);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const BytesView bytes = fuzz::view(data, size);
  uint64_t table = 0;
  uint64_t index = 0;
  BytesView parts = bytes;
  (void)codec::take_key_prefix(parts, table, index);
  for (const auto order : orders) {
    check_parts(bytes, order);
    check_parts(parts, order);
  }
  check_version_key(bytes);
  check_version_key(mvcc::version_key(mvcc::encode_key(bytes), Timestamp{size}));
  check_version(bytes);
  return 0;
}

std::vector<Bytes> fuzz::seeds() {
  std::vector<Bytes> seeds;
  for (const auto order : orders) {
    Bytes& key = seeds.emplace_back();
    codec::append_key_prefix(key, 300, 2);
    for (const codec::ValueView& value :
         {codec::ValueView{}, codec::ValueView{int64_t{-5}}, codec::ValueView{int64_t{1} << 40}, codec::ValueView{0.25},
          codec::ValueView{1e300}, codec::ValueView{std::string_view{"a\0b\x01", 4}}, codec::ValueView{codec::BlobView{"\0\xff"}}})
      codec::append_key_part(key, value, order);
  }
  seeds.push_back(mvcc::version_key(mvcc::encode_key(Bytes(200, '\0') + "x" + Bytes(3, '\0')), Timestamp{77}));
  return seeds;
}
