#include "mvcc/lock.hpp"

#include <fmt/format.h>

#include "codec/archive.hpp"
#include "codec/checked.hpp"
#include "mvcc/key.hpp"

namespace ddb::mvcc {

namespace {

std::unexpected<Error> damaged(BytesView encoded_key) {
  const auto key = decode_key(encoded_key);
  const Bytes named = key ? *key : Bytes{encoded_key};
  return fail(Code::bad_data, fmt::format("the lock at key {} is damaged", to_hex(named)),
              "replace this replica: others have the lock", named);
}

}  // namespace

Bytes encode_lock(BytesView encoded_key, const Lock& lock) { return codec::seal(encoded_key, codec::encode(lock)); }

Result<Lock> decode_lock(BytesView encoded_key, BytesView value) {
  const auto payload = codec::unseal(encoded_key, value);
  if (!payload) return damaged(encoded_key);
  auto lock = codec::decode<Lock>(*payload);
  if (!lock) return damaged(encoded_key);
  return lock;
}

Result<std::optional<Lock>> LockReader::at(BytesView user_key) {
  if (!any_) return std::nullopt;
  const Bytes encoded = encode_key(user_key);
  const auto value = state_.get(env::Table::lock, encoded);
  if (!value) return std::nullopt;
  auto lock = decode_lock(encoded, *value);
  if (!lock) return std::unexpected(lock.error());
  return *std::move(lock);
}

Result<std::vector<LockAt>> LockReader::in_the_way(const env::KeySpan& span, Timestamp ts, const Writer& own,
                                                   size_t locks_max) {
  std::vector<LockAt> found;
  if (!any_ || is_empty(span)) return found;
  const env::KeySpan stored = stored_span(span);
  const auto cursor = state_.cursor(env::Table::lock);
  for (bool on = cursor->seek(stored.start); on && found.size() < locks_max; on = cursor->next()) {
    if (!stored.end.empty() && cursor->key() >= stored.end) break;
    auto lock = decode_lock(cursor->key(), cursor->value());
    if (!lock) return std::unexpected(lock.error());
    if (lock->min_commit_ts > ts || lock->attempt == own) continue;
    auto key = decode_key(cursor->key());
    if (!key) return std::unexpected(key.error());
    found.push_back({*std::move(key), *std::move(lock)});
  }
  return found;
}

}  // namespace ddb::mvcc
