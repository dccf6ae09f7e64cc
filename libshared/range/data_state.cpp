#include "range/data_state.hpp"

#include <algorithm>
#include <set>

#include "base/assert.hpp"
#include "base/overloaded.hpp"
#include "base/rule.hpp"
#include "codec/archive.hpp"
#include "mvcc/gc.hpp"
#include "mvcc/key.hpp"
#include "mvcc/lock.hpp"
#include "range/row_hash.hpp"

namespace ddb::range {

namespace {

/// After a split the counts of rows are estimates.
void lower(uint64_t& count, uint64_t by) { count -= std::min(count, by); }
void change(uint64_t& count, int64_t by) {
  if (by < 0) return lower(count, static_cast<uint64_t>(-by));
  count += static_cast<uint64_t>(by);
}

constexpr uint64_t parted_max = 10'000;  // locks or records that a split counts one by one

/// Zero says that there are none, so a split may only count too many: `all`, `moved` rows of the table stay or go.
void part(env::State& state, const env::TableSpan& moved, uint64_t& all, uint64_t& right) {
  uint64_t found = 0;
  const auto cursor = state.cursor(moved.table);
  bool on = all > 0 && cursor->seek(moved.start);
  for (; on && (moved.end.empty() || cursor->key() < moved.end) && found <= parted_max; on = cursor->next()) ++found;
  right = found <= parted_max ? found : all;
  if (found <= parted_max) lower(all, found);
}

/// A half of a range: any damage may be in it. A check that has no verdict is void: its sums are of other rows.
proto::Health inherited_health(const proto::Health& whole, const proto::RangeDescriptor& before,
                               const proto::RangeDescriptor& half) {
  proto::Health health;
  health.checked_at = whole.checked_at;
  health.concluded = true;
  health.stopped = whole.stopped;
  for (const proto::ReplicaInfo& member : half.replicas) {
    const auto was = std::ranges::find(before.replicas, member.store, &proto::ReplicaInfo::store);
    if (was != before.replicas.end() && std::ranges::find(whole.damaged, was->id) != whole.damaged.end()) {
      health.damaged.push_back(member.id);
    }
  }
  return health;
}

}  // namespace

std::optional<uint64_t> hash_at_check(const DataRecord& record, uint64_t scanned, LogIndex check) {
  if (record.health.check != check) return std::nullopt;
  return scanned - record.hash + record.checked_hash;
}

Bytes data_record_key(RangeId range) {
  Bytes key = "m";
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(range.value >> shift));
  return key;
}

void DataState::load(env::State& state, RangeId range) {
  record_ = {};
  const auto stored = state.get(env::Table::range, data_record_key(range));
  if (!stored) return;
  const auto record = codec::decode<DataRecord>(*stored);
  DDB_ASSERT(record);  // the store checks what it loads
  record_ = *record;
}

bool DataState::apply(LogIndex index, const DataCommand& command, const proto::RangeDescriptor& descriptor, env::State& state,
                      env::WriteBatch& out) {
  if (DDB_KEEPS("D2") && command.split != descriptor.epoch.split) return false;
  const auto* split = std::get_if<SplitCommand>(&command.body);
  if (split != nullptr && split->left.epoch.conf != descriptor.epoch.conf) return false;
  std::visit(Overloaded{[&](const CommitCommand& c) { write(c, out); },
                        [&](const ThresholdCommand& c) { write(c); },
                        [&](const CollectCommand& c) { write(c, state, out); },
                        [&](const PrepareCommand& c) { write(c, state, out); },
                        [&](const DecideCommand& c) { write(c, state, out); },
                        [&](const ResolveCommand& c) { resolve(c.attempt, c.commit_ts, c.keys, state, out); },
                        [&](const ForgetCommand& c) { write(c, state, out); },
                        [&](const SplitCommand& c) { write(c, descriptor, state, out); },
                        [&](const CheckCommand& c) { write(index, c); },
                        [&](const VerdictCommand& c) { write(c); }},
             command.body);
  out.put(env::Table::range, data_record_key(descriptor.id), codec::encode(record_));
  return true;
}

void DataState::write(const CommitCommand& command, env::WriteBatch& out) {
  change(record_.rows, command.rows);
  std::optional<mvcc::Writer> record = mvcc::Writer{command.attempt.id, command.attempt.c0};
  for (const VersionWrite& write : command.writes) {
    put_version(write.key, command.commit_ts, write.row, std::exchange(record, std::nullopt), out);
  }
}

void DataState::put_version(BytesView key, Timestamp ts, const std::optional<Bytes>& row,
                            std::optional<mvcc::Writer> record, env::WriteBatch& out) {
  mvcc::Version version{.ts = ts, .tombstone = !row, .record = record, .row = {}};
  if (row) version.row = *row;
  Bytes stored = mvcc::version_key(mvcc::encode_key(key), ts);
  Bytes value = mvcc::encode_version(stored, version);
  put(std::move(stored), std::move(value), out);
}

void DataState::write(const PrepareCommand& command, env::State& state, env::WriteBatch& out) {
  const mvcc::Writer attempt{command.attempt.id, command.attempt.c0};
  for (const PrepareCommand::Write& write : command.writes) {
    Bytes key = mvcc::encode_key(write.key);
    Bytes value = mvcc::encode_lock(key, {attempt, command.anchor, command.min_commit_ts, write.row, write.rows});
    record_.locks += 1;
    record_.hash += row_hash(key, value);
    out.put(env::Table::lock, std::move(key), std::move(value));
  }
  if (command.record == proto::RecordKind::none) return;
  const auto kind = command.record == proto::RecordKind::staging ? TransactionRecord::State::staging
                                                                 : TransactionRecord::State::pending;
  put_record(transaction_key(command.anchor, command.attempt.id), {kind, command.attempt.c0, {}, command.keys, false}, state,
             out);
}

void DataState::write(const DecideCommand& command, env::State& state, env::WriteBatch& out) {
  const Bytes key = transaction_key(command.anchor, command.attempt.id);
  auto record = read_record(state, key);
  // Latched from evaluation to here: where it is not so, this replica's rows are damaged, and H1 will find out.
  if (!record || !*record || (*record)->c0 != command.attempt.c0) return;
  if (!command.commit_ts) {
    // V2: the floor that the leader raised, and every later leader's, keeps the attempt aborted.
    return erase(env::Table::txn, record_.records, key, *state.get(env::Table::txn, key), out);
  }
  TransactionRecord decided = **record;
  decided.state = TransactionRecord::State::committed;
  decided.commit_ts = *command.commit_ts;
  decided.spans = command.spans;
  std::erase_if(decided.keys, [&](const Bytes& k) { return std::ranges::find(command.keys, k) != command.keys.end(); });
  decided.resolved = (*record)->state == TransactionRecord::State::staging && decided.keys.empty();
  put_record(key, decided, state, out);
  resolve(command.attempt, command.commit_ts, command.keys, state, out);
}

void DataState::resolve(const proto::Attempt& attempt, std::optional<Timestamp> commit_ts, const std::vector<Bytes>& keys,
                        env::State& state, env::WriteBatch& out) {
  // `state` does not show what this command has written: a key that is named twice would count twice (H1).
  for (const Bytes& user_key : std::set<Bytes>{keys.begin(), keys.end()}) {
    const Bytes key = mvcc::encode_key(user_key);
    const auto value = state.get(env::Table::lock, key);
    if (!value) continue;
    const auto lock = mvcc::decode_lock(key, *value);
    if (!lock || (DDB_KEEPS("V1") && lock->attempt != mvcc::Writer{attempt.id, attempt.c0})) continue;
    erase(env::Table::lock, record_.locks, key, *value, out);
    if (!commit_ts) continue;
    change(record_.rows, lock->rows);
    put_version(user_key, *commit_ts, lock->row, std::nullopt, out);
  }
}

void DataState::write(const ForgetCommand& command, env::State& state, env::WriteBatch& out) {
  std::set<Bytes> done;  // said again and again, a name may be there twice, and `state` does not show what was written (H1)
  for (const ForgetCommand::Name& name : command.records) {
    const Bytes key = transaction_key(name.anchor, name.attempt.id);
    if (!done.insert(key).second) continue;
    const auto record = read_record(state, key);
    if (!record || !*record || (*record)->c0 != name.attempt.c0) continue;
    if ((*record)->state != TransactionRecord::State::committed) continue;
    put_record(key, {TransactionRecord::State::committed, (*record)->c0, (*record)->commit_ts, {}, true}, state, out);
  }
}

/// In place of what is there under the key.
void DataState::put_record(const Bytes& key, const TransactionRecord& record, env::State& state, env::WriteBatch& out) {
  if (const auto old = state.get(env::Table::txn, key)) {
    record_.records -= 1;
    record_.hash -= row_hash(key, *old);
  }
  Bytes value = encode_record(key, record);
  record_.records += 1;
  record_.hash += row_hash(key, value);
  out.put(env::Table::txn, key, std::move(value));
}

void DataState::erase(env::Table table, uint64_t& count, const Bytes& key, BytesView value, env::WriteBatch& out) {
  count -= 1;
  record_.hash -= row_hash(key, value);
  out.erase(table, key);
}

void DataState::write(const ThresholdCommand& command) {
  record_.threshold = std::max(record_.threshold, command.threshold);
}

void DataState::write(const CollectCommand& command, env::State& state, env::WriteBatch& out) {
  const Timestamp threshold = DDB_KEEPS("F3") ? record_.threshold : Timestamp{UINT64_MAX};
  const bool whole = command.dropped && (*command.dropped <= threshold || !DDB_KEEPS("H3"));
  const auto garbage =
      mvcc::find_garbage(state, command.span, threshold, {.versions_max = command.versions_max, .whole = whole});
  lower(record_.rows, garbage.rows);
  for (const env::KeyValue& row : garbage.versions) erase(row, out);
  for (const env::KeyValue& record : find_old_records(state, command.span, threshold, command.versions_max)) {
    erase(env::Table::txn, record_.records, record.key, record.value, out);
  }
}

/// S1: the right half starts from the left's thresholds. H1: both sum up their changes since the split.
void DataState::write(const SplitCommand& command, const proto::RangeDescriptor& before, env::State& state,
                      env::WriteBatch& out) {
  DataRecord right = record_;
  right.rows = command.moved.rows;
  right.versions = command.moved.versions;
  right.bytes = command.moved.bytes;
  lower(record_.rows, right.rows);
  lower(record_.versions, right.versions);
  lower(record_.bytes, right.bytes);
  const env::KeySpan moved = mvcc::stored_span(command.right.span);
  part(state, {env::Table::lock, moved.start, moved.end}, record_.locks, right.locks);
  part(state, {env::Table::txn, moved.start, moved.end}, record_.records, right.records);
  record_.hash = right.hash = 0;
  right.health = inherited_health(record_.health, before, command.right);
  record_.health = inherited_health(record_.health, before, command.left);
  out.put(env::Table::range, data_record_key(command.right.id), codec::encode(right));
}

void DataState::write(LogIndex index, const CheckCommand& command) {
  record_.health.check = index;
  record_.health.checked_at = command.at;
  record_.health.concluded = false;
  record_.checked_hash = record_.hash;
}

/// Damage stays until the replica is replaced; a range that stopped goes on once a later check has a majority.
void DataState::write(const VerdictCommand& command) {
  proto::Health& health = record_.health;
  if (health.check != command.check || health.concluded) return;
  health.concluded = true;
  health.silent = command.silent;
  health.stopped = command.stopped;
  for (const ReplicaId replica : command.damaged) {
    if (std::ranges::find(health.damaged, replica) == health.damaged.end()) health.damaged.push_back(replica);
  }
}

void DataState::put(Bytes key, Bytes value, env::WriteBatch& out) {
  record_.versions += 1;
  record_.bytes += key.size() + value.size();
  record_.hash += row_hash(key, value);
  out.put(env::Table::data, std::move(key), std::move(value));
}

void DataState::erase(const env::KeyValue& row, env::WriteBatch& out) {
  lower(record_.versions, 1);
  lower(record_.bytes, row.key.size() + row.value.size());
  record_.hash -= row_hash(row.key, row.value);
  out.erase(env::Table::data, row.key);
}

}  // namespace ddb::range
