#include "codec/crc.hpp"

#include <isa-l/crc.h>

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

}  // namespace ddb::codec
