// What stands in table `lock` under a user key: a prepared write whose transaction is not decided yet.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>
#include <vector>

#include "base/result.hpp"
#include "env/kv.hpp"
#include "env/state.hpp"
#include "mvcc/version.hpp"

namespace ddb::mvcc {

/// Fields are on disk: append only.
struct Lock {
  Writer attempt;
  Bytes anchor;              // whose range has the record
  Timestamp min_commit_ts;   // it commits there or above, or never
  std::optional<Bytes> row;  // nullopt: a tombstone
  int8_t rows = 0;           // live rows more once it commits: 1, 0 or -1

  static constexpr auto fields() {
    return std::tuple{&Lock::attempt, &Lock::anchor, &Lock::min_commit_ts, &Lock::row, &Lock::rows};
  }
};

/// The key in table `lock`: as all versions of the user key begin. The value ends in a CRC32C over both (H1).
Bytes encode_lock(BytesView encoded_key, const Lock& lock);
/// bad_data, naming the user key: the checksum does not fit; never to be served.
Result<Lock> decode_lock(BytesView encoded_key, BytesView value);

/// A lock and the user key that it is on.
struct LockAt {
  Bytes key;
  Lock lock;
};

/// The locks of a state. Valid within one callback of a core. All errors are bad_data.
class LockReader {
 public:
  /// `any`: false when there are none in the range: nothing is looked for.
  LockReader(env::State& state, bool any) : state_{state}, any_{any} {}

  Result<std::optional<Lock>> at(BytesView user_key);
  /// In key order, up to `locks_max`, those of the span that commit at `ts` or below, if they do (R2), but for
  /// those of attempt `own`.
  Result<std::vector<LockAt>> in_the_way(const env::KeySpan& span, Timestamp ts, const Writer& own, size_t locks_max);

 private:
  env::State& state_;
  const bool any_;
};

}  // namespace ddb::mvcc
