// CRC32C (Castagnoli), the checksum of log records, rows and frames; CRC-64 (ECMA-182) for sums over many rows.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace ddb::codec {

/// Checksum of `bytes`, continued from `seed` (zero to start).
uint32_t crc32c(BytesView bytes, uint32_t seed = 0);

/// The same with 64 bits, reflected.
uint64_t crc64(BytesView bytes, uint64_t seed = 0);

}  // namespace ddb::codec
