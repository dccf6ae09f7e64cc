#include "mvcc/version.hpp"

#include <fmt/format.h>

#include "codec/crc.hpp"
#include "mvcc/key.hpp"

namespace ddb::mvcc {

namespace {

// Bits of the first byte. On disk: never reuse.
constexpr uint8_t tombstone_bit = 1;
constexpr uint8_t record_bit = 2;

constexpr size_t crc_bytes = 4;
constexpr size_t record_bytes = 16;

template <class Int>
void put_le(Bytes& out, Int value) {
  for (size_t i = 0; i < sizeof value; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

template <class Int>
Int get_le(BytesView in) {
  Int value = 0;
  for (size_t i = 0; i < sizeof value; ++i) value |= Int{static_cast<uint8_t>(in[i])} << (8 * i);
  return value;
}

uint32_t checksum(BytesView stored_key, BytesView payload) {
  return codec::crc32c(payload, codec::crc32c(stored_key));
}

std::unexpected<Error> damaged(BytesView stored_key) {
  const auto parts = split_version_key(stored_key);
  const auto user_key = parts ? decode_key(parts->encoded) : Result<Bytes>{Bytes{stored_key}};
  const Bytes named = user_key ? *user_key : Bytes{stored_key};
  return fail(Code::bad_data, fmt::format("the row at key {} is damaged", to_hex(named)),
              "replace this replica: others have the row", named);
}

}  // namespace

Bytes encode_version(BytesView stored_key, const Version& version) {
  Bytes out;
  out.reserve(1 + (version.record ? record_bytes : 0) + version.row.size() + crc_bytes);
  out.push_back(static_cast<char>((version.tombstone ? tombstone_bit : 0) | (version.record ? record_bit : 0)));
  if (version.record) {
    put_le(out, version.record->id.value);
    put_le(out, version.record->c0.value);
  }
  out.append(version.row);
  put_le(out, checksum(stored_key, out));
  return out;
}

Result<Version> decode_version(BytesView stored_key, BytesView value) {
  const auto key = split_version_key(stored_key);
  if (!key || value.size() < 1 + crc_bytes) return damaged(stored_key);
  BytesView payload = value.substr(0, value.size() - crc_bytes);
  if (checksum(stored_key, payload) != get_le<uint32_t>(value.substr(payload.size()))) return damaged(stored_key);

  const auto flags = static_cast<uint8_t>(payload.front());
  payload.remove_prefix(1);
  Version version{.ts = key->ts, .tombstone = (flags & tombstone_bit) != 0, .record = {}, .row = {}};
  if ((flags & record_bit) != 0) {
    if (payload.size() < record_bytes) return damaged(stored_key);
    version.record = Writer{Timestamp{get_le<uint64_t>(payload)}, Timestamp{get_le<uint64_t>(payload.substr(8))}};
    payload.remove_prefix(record_bytes);
  }
  version.row = payload;
  return version;
}

}  // namespace ddb::mvcc
