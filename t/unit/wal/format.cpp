// Framing (W1): a batch is valid whole, in its own place, or not at all.
#include "wal/format.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "env/random.hpp"

using namespace ddb;

namespace {

constexpr wal::BatchPlace place{StoreId{7}, 3, 2 * wal::block_bytes};

/// A segment with one batch at `place`.
Bytes segment_with(BytesView records) {
  Bytes batch(wal::batch_header_bytes, '\0');
  batch += records;
  wal::seal_batch(batch, place, BatchNumber{9});
  Bytes segment(8 * wal::block_bytes, '\0');
  std::copy(batch.begin(), batch.end(), segment.begin() + static_cast<std::ptrdiff_t>(place.offset));
  return segment;
}

}  // namespace

TEST_CASE("a batch is found where it was sealed") {
  const Bytes records(5000, 'r');
  const Bytes segment = segment_with(records);
  const auto found = wal::find_batch(segment, place);
  REQUIRE(found);
  CHECK(found->number == BatchNumber{9});
  CHECK(found->records == records);
  CHECK(found->end == 4 * wal::block_bytes);
}

TEST_CASE("nowhere else: not at another offset, in another segment or store, even with the number patched in (W1)") {
  Bytes segment = segment_with("records");
  Bytes moved(segment.size(), '\0');
  std::copy_n(segment.begin() + 2 * wal::block_bytes, wal::block_bytes, moved.begin() + 3 * wal::block_bytes);
  CHECK_FALSE(wal::find_batch(moved, {StoreId{7}, 3, 3 * wal::block_bytes}));
  CHECK_FALSE(wal::find_batch(segment, {StoreId{8}, 3, place.offset}));
  CHECK_FALSE(wal::find_batch(segment, {StoreId{7}, 4, place.offset}));
  segment[place.offset + 16] = 4;
  CHECK_FALSE(wal::find_batch(segment, {StoreId{7}, 4, place.offset}));
}

TEST_CASE("any flipped bit, and any cut, makes it invalid; padding included") {
  const Bytes segment = segment_with(Bytes(100, 'r'));
  for (size_t i = 0; i < wal::block_bytes; ++i) {
    Bytes bad = segment;
    bad[place.offset + i] = static_cast<char>(bad[place.offset + i] ^ (1 << (i % 8)));
    CHECK_FALSE(wal::find_batch(bad, place));
  }
  for (size_t size = 0; size < place.offset + wal::block_bytes; size += 100)
    CHECK_FALSE(wal::find_batch(BytesView{segment}.substr(0, size), place));
}

TEST_CASE("a header comes back; any flipped bit is found") {
  const wal::SegmentHeader header{StoreId{7}, 3, 4096, BatchNumber{9}, 8192, 1 << 20};
  const Bytes block = wal::encode(header);
  CHECK(block.size() == wal::block_bytes);
  CHECK(wal::decode_header(block) == header);
  for (size_t i = 0; i < block.size(); ++i) {
    Bytes bad = block;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    CHECK_FALSE(wal::decode_header(bad));
  }
}

TEST_CASE("random bytes are no batch and no header") {
  Random random{1};
  for (int i = 0; i < 200; ++i) {
    Bytes noise(2 * wal::block_bytes, '\0');
    for (char& c : noise) c = static_cast<char>(random.next());
    CHECK_FALSE(wal::find_batch(noise, {StoreId{7}, 3, 0}));
    CHECK_FALSE(wal::decode_header(noise));
  }
}
