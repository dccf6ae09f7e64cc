// What a transaction sees: its snapshot with its own uncommitted writes on top (R5).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "env/kv.hpp"
#include "sql/write_buffer.hpp"

namespace ddb::sql {

/// Merges a write buffer over a snapshot: the newest own write wins, deletions hide. Borrows both. Not thread-safe.
class Reader {
 public:
  Reader(env::KvTxn& txn, const WriteBuffer& own) : txn_{txn}, own_{own} {}

  /// One answer per key, in order. No request when own writes and prefetched keys answer them all, else one.
  Result<std::vector<std::optional<Bytes>>> get(std::span<const Bytes> keys);
  Result<std::optional<Bytes>> get(const Bytes& key);
  /// Of a row that is about to be changed: see env::KvTxn.
  Result<std::optional<Bytes>> get_for_update(const Bytes& key);
  /// One page. Own writes count neither towards rows_max nor bytes_max. Where there are any, nothing is read ahead: a page's
  /// rest may begin before that of the snapshot's page.
  Result<env::ScanPage> scan(env::ScanRequest request);
  /// As env::KvTxn::leave.
  void leave(const env::KeySpan& rest) { txn_.leave(rest); }

  /// Reads keys that will be wanted soon into memory, in one request. Bounded: a full cache starts anew.
  Result<void> prefetch(std::span<const Bytes> keys);
  /// get() would answer without a request.
  bool knows(BytesView key) const { return own_.find(key) != nullptr || prefetched_.contains(key); }
  void drop_prefetched() { prefetched_.clear(); prefetched_bytes_ = 0; }

  const WriteBuffer& own() const { return own_; }
  /// Requests made to the snapshot so far.
  uint64_t requests() const { return requests_; }

 private:
  Result<std::vector<std::optional<Bytes>>> fetch(std::span<const Bytes> keys);

  env::KvTxn& txn_;
  const WriteBuffer& own_;
  std::map<Bytes, std::optional<Bytes>, std::less<>> prefetched_;  // the snapshot's answers: true as long as it lasts
  size_t prefetched_bytes_ = 0;
  uint64_t requests_ = 0;
};

}  // namespace ddb::sql
