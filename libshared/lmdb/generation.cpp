#include "lmdb/generation.hpp"

#include <cstring>

#include "base/assert.hpp"

namespace ddb::lmdb {

namespace {
constexpr size_t node_bytes = 48;  // of the tree, per key
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
