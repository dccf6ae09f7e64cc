#include "lmdb/generation.hpp"

#include <algorithm>
#include <cstring>
#include <functional>

#include "base/assert.hpp"

namespace ddb::lmdb {

namespace {

constexpr size_t node_bytes = 48;  // of the tree, per key
constexpr unsigned filter_bits_log2 = 20;  // 128 KiB: at 100 000 keys one in thirty passes in vain

/// Two places in the filter for a key without its last bytes.
std::array<uint32_t, 2> filter_bits(env::Table table, BytesView key) {
  const BytesView stem = key.substr(0, key.size() - std::min(key.size(), env::version_bytes));
  const uint64_t hash = std::hash<BytesView>{}(stem) + static_cast<uint64_t>(table) * 0x9e3779b97f4a7c15;
  constexpr uint32_t mask = (1U << filter_bits_log2) - 1;
  return {static_cast<uint32_t>(hash) & mask, static_cast<uint32_t>(hash >> 32) & mask};
}

}  // namespace

Generation::Generation() : filter_((size_t{1} << filter_bits_log2) / 64) {}

bool Generation::may_hold(env::Table table, BytesView key) const {
  for (const uint32_t bit : filter_bits(table, key))
    if ((filter_[bit / 64] >> (bit % 64) & 1) == 0) return false;
  return true;
}

void Generation::write(env::Table table, BytesView key, const std::optional<Bytes>& value) {
  DDB_ASSERT(!key.empty());
  DDB_ASSERT(key.size() <= env::table_key_bytes_max);
  Map& map = maps_[static_cast<size_t>(table)];
  auto at = map.lower_bound(key);
  if (at == map.end() || at->first != key) {
    char* copy = allocate(key.size());
    std::memcpy(copy, key.data(), key.size());
    at = map.emplace_hint(at, BytesView{copy, key.size()}, Value{});
    bytes_ += node_bytes;
    for (const uint32_t bit : filter_bits(table, key)) filter_[bit / 64] |= uint64_t{1} << (bit % 64);
  }
  set(at->second, value);
}

/// What is overwritten by something longer stays in the arena, unused, until the generation goes.
void Generation::set(Value& slot, const std::optional<Bytes>& value) {
  if (!value) {
    slot = Value{};
    return;
  }
  DDB_ASSERT(value->size() < UINT32_MAX);
  const auto size = static_cast<uint32_t>(value->size());
  if (slot.erased() || slot.capacity_ < size) {
    slot.data_ = allocate(size);
    slot.capacity_ = size;
  }
  std::memcpy(slot.data_, value->data(), size);
  slot.size_ = size;
}

char* Generation::allocate(size_t bytes) {
  bytes_ += bytes;
  return static_cast<char*>(arena_.allocate(bytes, 1));
}

size_t Generation::size() const {
  size_t keys = 0;
  for (const auto& map : maps_) keys += map.size();
  return keys;
}

}  // namespace ddb::lmdb
