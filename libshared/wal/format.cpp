#include "wal/format.hpp"

#include <cstring>

#include "base/assert.hpp"
#include "codec/crc.hpp"

namespace ddb::wal {

namespace {

constexpr BytesView header_magic = "ddb-log\n";
constexpr uint64_t version = 1;
constexpr uint32_t batch_magic = 0x68746142;  // "Bath"
constexpr size_t crc_bytes = 4;

void store_int(char* to, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) to[i] = static_cast<char>(value >> (8 * i));
}

uint64_t load_int(const char* from, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) value |= uint64_t{static_cast<unsigned char>(from[i])} << (8 * i);
  return value;
}

uint64_t load_u64(const char* from) { return load_int(from, 8); }

/// W1: seeded by segment number and offset, so that nothing left over from a file's former life passes.
uint32_t checksum(BytesView sealed, const BatchPlace& place) {
  char seed[16];
  store_int(seed, place.segment, 8);
  store_int(seed + 8, place.offset, 8);
  return codec::crc32c(sealed.substr(8), codec::crc32c({seed, sizeof seed}));
}

uint64_t whole_blocks(uint64_t bytes) { return (bytes + block_bytes - 1) / block_bytes * block_bytes; }

}  // namespace

Bytes encode(const SegmentHeader& header) {
  Bytes block{header_magic};
  block.resize(block_bytes);
  char* at = block.data() + header_magic.size();
  for (const uint64_t field : {version, header.store.value, header.number, header.previous_end,
                               header.first_batch.value, header.proven_end, header.size}) {
    store_int(at, field, 8);
    at += 8;
  }
  const uint32_t crc = codec::crc32c(BytesView{block}.substr(0, block_bytes - crc_bytes));
  store_int(block.data() + block_bytes - crc_bytes, crc, crc_bytes);
  return block;
}

Result<SegmentHeader> decode_header(BytesView block) {
  if (block.size() < block_bytes || !block.starts_with(header_magic))
    return fail(Code::bad_data, "has no segment header");
  block = block.substr(0, block_bytes);
  const char* crc_at = block.data() + block_bytes - crc_bytes;
  if (load_int(crc_at, crc_bytes) != codec::crc32c(block.substr(0, block_bytes - crc_bytes)))
    return fail(Code::bad_data, "has a damaged header");
  const char* at = block.data() + header_magic.size();
  if (load_u64(at) != version)
    return fail(Code::bad_data, "has log format " + std::to_string(load_u64(at)) + ", not " + std::to_string(version));
  return SegmentHeader{.store = StoreId{load_u64(at + 8)},
                       .number = load_u64(at + 16),
                       .previous_end = load_u64(at + 24),
                       .first_batch = BatchNumber{load_u64(at + 32)},
                       .proven_end = load_u64(at + 40),
                       .size = load_u64(at + 48)};
}

void seal_batch(Bytes& buffer, const BatchPlace& place, BatchNumber number) {
  DDB_ASSERT(buffer.size() >= batch_header_bytes);
  DDB_ASSERT(place.offset % block_bytes == 0);
  const uint64_t length = buffer.size() - batch_header_bytes;
  buffer.resize(whole_blocks(buffer.size()));
  char* at = buffer.data();
  store_int(at, batch_magic, 4);
  store_int(at + 8, place.store.value, 8);
  store_int(at + 16, place.segment, 8);
  store_int(at + 24, number.value, 8);
  store_int(at + 32, length, 8);
  store_int(at + 4, checksum(buffer, place), 4);
}

std::optional<FoundBatch> find_batch(BytesView segment, const BatchPlace& place) {
  if (place.offset + block_bytes > segment.size()) return std::nullopt;
  const BytesView rest = segment.substr(place.offset);
  const char* at = rest.data();
  if (load_int(at, 4) != batch_magic) return std::nullopt;
  if (load_u64(at + 8) != place.store.value || load_u64(at + 16) != place.segment) return std::nullopt;
  const uint64_t length = load_u64(at + 32);
  if (length > batch_bytes_max) return std::nullopt;
  const uint64_t sealed_bytes = whole_blocks(batch_header_bytes + length);
  if (sealed_bytes > rest.size()) return std::nullopt;
  const BytesView sealed = rest.substr(0, sealed_bytes);
  if (load_int(at + 4, 4) != checksum(sealed, place)) return std::nullopt;
  return FoundBatch{.number = BatchNumber{load_u64(at + 24)},
                    .records = sealed.substr(batch_header_bytes, length),
                    .end = place.offset + sealed_bytes};
}

}  // namespace ddb::wal
