// CRC32C (Castagnoli), the checksum of log records, rows and frames.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace ddb::codec {

/// Checksum of `bytes`, continued from `seed` (zero to start).
uint32_t crc32c(BytesView bytes, uint32_t seed = 0);

}  // namespace ddb::codec
