#include "codec/crc.hpp"

#include <isa-l/crc.h>
#include <isa-l/crc64.h>

#include <algorithm>

namespace ddb::codec {

uint32_t crc32c(BytesView bytes, uint32_t seed) {
  constexpr size_t piece_max = 1 << 30;  // the library counts in int
  uint32_t state = ~seed;
  while (!bytes.empty()) {
    const size_t size = std::min(bytes.size(), piece_max);
    // The library only reads; its prototype lacks the const.
    auto* data = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
    state = crc32_iscsi(data, static_cast<int>(size), state);
    bytes.remove_prefix(size);
  }
  return ~state;
}

uint64_t crc64(BytesView bytes, uint64_t seed) {
  return crc64_ecma_refl(seed, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

}  // namespace ddb::codec
