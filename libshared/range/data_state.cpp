#include "range/data_state.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/rule.hpp"
#include "codec/archive.hpp"
#include "mvcc/gc.hpp"
#include "mvcc/key.hpp"
#include "mvcc/version.hpp"
#include "range/row_hash.hpp"

namespace ddb::range {

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

bool DataState::apply(const DataCommand& command, const proto::RangeDescriptor& descriptor, env::State& state,
                      env::WriteBatch& out) {
  if (command.split != descriptor.epoch.split) return false;
  if (const auto* commit = std::get_if<CommitCommand>(&command.body)) write(*commit, out);
  if (const auto* threshold = std::get_if<ThresholdCommand>(&command.body)) write(*threshold);
  if (const auto* collect = std::get_if<CollectCommand>(&command.body)) write(*collect, state, out);
  out.put(env::Table::range, data_record_key(descriptor.id), codec::encode(record_));
  return true;
}

void DataState::write(const CommitCommand& command, env::WriteBatch& out) {
  record_.rows += static_cast<uint64_t>(command.rows);
  for (const VersionWrite& write : command.writes) {
    mvcc::Version version{.ts = command.commit_ts, .tombstone = !write.row, .record = {}, .row = {}};
    if (write.row) version.row = *write.row;
    if (&write == &command.writes.front()) version.record = mvcc::Writer{command.attempt.id, command.attempt.c0};
    Bytes key = mvcc::version_key(mvcc::encode_key(write.key), command.commit_ts);
    Bytes value = mvcc::encode_version(key, version);
    put(std::move(key), std::move(value), out);
  }
}

void DataState::write(const ThresholdCommand& command) {
  record_.threshold = std::max(record_.threshold, command.threshold);
}

void DataState::write(const CollectCommand& command, env::State& state, env::WriteBatch& out) {
  const Timestamp threshold = DDB_KEEPS("F3") ? record_.threshold : Timestamp{UINT64_MAX};
  const auto garbage = mvcc::find_garbage(state, command.span, threshold, {.versions_max = command.versions_max});
  for (const env::KeyValue& row : garbage.versions) erase(row, out);
}

void DataState::put(Bytes key, Bytes value, env::WriteBatch& out) {
  record_.versions += 1;
  record_.bytes += key.size() + value.size();
  record_.hash += row_hash(key, value);
  out.put(env::Table::data, std::move(key), std::move(value));
}

void DataState::erase(const env::KeyValue& row, env::WriteBatch& out) {
  record_.versions -= 1;
  record_.bytes -= row.key.size() + row.value.size();
  record_.hash -= row_hash(row.key, row.value);
  out.erase(env::Table::data, row.key);
}

}  // namespace ddb::range
