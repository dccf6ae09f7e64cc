// Values that end in a CRC32C over their key and themselves (H1): LMDB's pages carry none.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "codec/crc.hpp"

namespace ddb::codec {

/// The payload, with the checksum behind it.
inline Bytes seal(BytesView key, Bytes payload) {
  const uint32_t crc = crc32c(payload, crc32c(key));
  for (int shift = 0; shift < 32; shift += 8) payload.push_back(static_cast<char>(crc >> shift));
  return payload;
}

/// The payload; nullopt: damaged, never to be served.
inline std::optional<BytesView> unseal(BytesView key, BytesView sealed) {
  if (sealed.size() < 4) return std::nullopt;
  const BytesView payload = sealed.substr(0, sealed.size() - 4);
  uint32_t crc = 0;
  for (size_t i = 0; i < 4; ++i) crc |= uint32_t{static_cast<uint8_t>(sealed[payload.size() + i])} << (8 * i);
  if (crc != crc32c(payload, crc32c(key))) return std::nullopt;
  return payload;
}

}  // namespace ddb::codec
