#include "oracle/record.hpp"

#include "codec/crc.hpp"

namespace ddb::oracle {

namespace {

void append_big_endian(Bytes& out, uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

uint64_t read_big_endian(BytesView bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

constexpr size_t crc_bytes = 4;

/// FNV-1a (Fowler, Noll, Vo), with the length first, so that neighbours do not run together.
uint64_t mix(uint64_t hash, BytesView bytes) {
  constexpr uint64_t prime = 0x100000001b3;
  hash = (hash ^ bytes.size()) * prime;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * prime;
  return hash;
}

}  // namespace

Bytes row_key(BytesView prefix, uint64_t id) {
  Bytes key{prefix};
  append_big_endian(key, id, 8);
  return key;
}

uint64_t row_id(BytesView key) {
  DDB_ASSERT(key.size() >= 8);
  return read_big_endian(key.substr(key.size() - 8));
}

Bytes seal(BytesView key, Bytes value) {
  append_big_endian(value, codec::crc32c(value, codec::crc32c(key)), crc_bytes);
  return value;
}

std::optional<BytesView> unseal(BytesView key, BytesView sealed) {
  if (sealed.size() < crc_bytes) return std::nullopt;
  const BytesView value = sealed.substr(0, sealed.size() - crc_bytes);
  const uint64_t crc = read_big_endian(sealed.substr(value.size()));
  if (crc != codec::crc32c(value, codec::crc32c(key))) return std::nullopt;
  return value;
}

uint64_t chain_hash(uint64_t hash, const env::WriteBatch& batch) {
  for (const auto& op : batch.ops) {
    hash = mix(hash, op.key);
    hash = mix(hash, op.value ? BytesView{*op.value} : BytesView{});
  }
  return hash;
}

}  // namespace ddb::oracle
