// One row's part in a replica's hash (H1): parts are added and subtracted, so the order of changes is no matter.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "codec/crc.hpp"

namespace ddb::range {

/// Of a row as it is stored. On disk and between replicas: never change.
inline uint64_t row_hash(BytesView stored_key, BytesView stored_value) {
  // A CRC is linear, and sums of linear things cancel out: the mixer of SplitMix64 comes between.
  uint64_t z = codec::crc64(stored_value, codec::crc64(stored_key));
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace ddb::range
