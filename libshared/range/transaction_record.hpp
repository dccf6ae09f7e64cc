// The record of a transaction over several ranges, at its anchor (TRANSACTIONS.md, Words).
//
//   none --prepare--> STAGING or PENDING --decide--> COMMITTED --forgotten, below the threshold--> none
//                            |
//                            '--abort--> none: the floor of the record key keeps it aborted (V2)
//
// A transaction of one range leaves its record in its anchor's version instead: mvcc::Version::record.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>
#include <vector>

#include "base/result.hpp"
#include "env/kv.hpp"
#include "env/state.hpp"

namespace ddb::range {

/// Fields are on disk: append only.
struct TransactionRecord {
  enum class State : uint8_t { pending = 1, staging = 2, committed = 3 };

  State state = State::pending;
  Timestamp c0;             // of the attempt it speaks of
  Timestamp commit_ts;      // committed
  std::vector<Bytes> keys;  // staging: all written; committed: those that may still be locked, where they are known
  bool resolved = false;    // committed: no lock is left (P9)
  std::vector<env::KeySpan> spans{};  // committed, from PENDING: where locks may be left

  bool operator==(const TransactionRecord&) const = default;
  static constexpr auto fields() {
    return std::tuple{&TransactionRecord::state, &TransactionRecord::c0, &TransactionRecord::commit_ts,
                      &TransactionRecord::keys, &TransactionRecord::resolved, &TransactionRecord::spans};
  }
};

/// The key in table `txn`: all attempts of a transaction with one anchor share it.
Bytes transaction_key(BytesView anchor, Timestamp id);

/// The value ends in a CRC32C over both (H1).
Bytes encode_record(BytesView key, const TransactionRecord& record);
/// bad_data, naming the anchor.
Result<std::optional<TransactionRecord>> read_record(env::State& state, BytesView key);

/// Up to `records_max` of the span's that nobody may ask for (P9): resolved, with C0 at or below the threshold.
std::vector<env::KeyValue> find_old_records(env::State& state, const env::KeySpan& span, Timestamp threshold,
                                            uint32_t records_max);

}  // namespace ddb::range
