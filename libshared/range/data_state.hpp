// The replicated side of a range: how each command changes it. Depends on state and command alone (A4).
#pragma once

#include <cstdint>
#include <tuple>

#include "env/state.hpp"
#include "mvcc/version.hpp"
#include "proto/admin.hpp"
#include "range/data_command.hpp"
#include "range/transaction_record.hpp"

namespace ddb::range {

/// What a range says about itself, in table `range` under "m" + range id. Fields are on disk: append only.
struct DataRecord {
  Timestamp threshold;    // reads below it are too old; attempts with C0 at or below it cannot be told any more
  // As in Counts; estimates once the range has split.
  uint64_t rows = 0;
  uint64_t versions = 0;
  uint64_t bytes = 0;
  uint64_t hash = 0;      // sum of row_hash over the changes of rows, locks and transaction records since birth or split (H1)
  uint64_t locks = 0;     // never below what there is
  uint64_t records = 0;   // of transactions, in table `txn`; the same
  proto::Health health;   // H1
  uint64_t checked_hash = 0;  // `hash` as it was at health.check

  bool operator==(const DataRecord&) const = default;
  static constexpr auto fields() {
    return std::tuple{&DataRecord::threshold, &DataRecord::rows, &DataRecord::versions, &DataRecord::bytes,
                      &DataRecord::hash,      &DataRecord::locks, &DataRecord::records,  &DataRecord::health,
                      &DataRecord::checked_hash};
  }
};

Bytes data_record_key(RangeId range);

/// H1: what a scan would have had at the check's entry, of one that had `scanned` when `record` was as it is; the difference
/// between the two sums is the same at any index. nullopt: another check.
std::optional<uint64_t> hash_at_check(const DataRecord& record, uint64_t scanned, LogIndex check);

class DataState {
 public:
  const DataRecord& record() const { return record_; }

  /// The record as it is in the state; a range that never wrote one has an empty one.
  void load(env::State& state, RangeId range);

  /// Applies the command at `index`; false: it was meant for another epoch, and nothing happened (D2).
  bool apply(LogIndex index, const DataCommand& command, const proto::RangeDescriptor& descriptor, env::State& state,
             env::WriteBatch& out);

 private:
  void write(const CommitCommand& command, env::WriteBatch& out);
  void write(const ThresholdCommand& command);
  void write(const CollectCommand& command, env::State& state, env::WriteBatch& out);
  void write(const PrepareCommand& command, env::State& state, env::WriteBatch& out);
  void write(const DecideCommand& command, env::State& state, env::WriteBatch& out);
  void write(const ForgetCommand& command, env::State& state, env::WriteBatch& out);
  void resolve(const proto::Attempt& attempt, std::optional<Timestamp> commit_ts, const std::vector<Bytes>& keys,
               env::State& state, env::WriteBatch& out);
  void put_version(BytesView key, Timestamp ts, const std::optional<Bytes>& row, std::optional<mvcc::Writer> record,
                   env::WriteBatch& out);
  void put_record(const Bytes& key, const TransactionRecord& record, env::State& state, env::WriteBatch& out);
  void write(const SplitCommand& command, const proto::RangeDescriptor& before, env::State& state, env::WriteBatch& out);
  void write(LogIndex index, const CheckCommand& command);
  void write(const VerdictCommand& command);
  void put(Bytes key, Bytes value, env::WriteBatch& out);
  void erase(const env::KeyValue& row, env::WriteBatch& out);
  void erase(env::Table table, uint64_t& count, const Bytes& key, BytesView value, env::WriteBatch& out);

  DataRecord record_;
};

}  // namespace ddb::range
