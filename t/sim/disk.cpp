#include "disk.hpp"

#include <algorithm>

namespace sim {

void Disk::release(const ddb::range::Checkpoint& flushed, ddb::BatchNumber proven) {
  std::map<ddb::proto::ReplicaKey, ddb::LogIndex> bases;
  for (const auto& replica : flushed.for_log()) bases[replica.key] = replica.base;
  std::map<ddb::proto::ReplicaKey, ddb::BatchNumber> begins;
  for (const auto& batch : log) {
    for (const auto& record : batch.records) {
      if (record.begin && batch.number <= proven) begins[record.key] = batch.number;
    }
  }
  const auto needless = [&](const ddb::proto::LogRecord& record) {
    const auto begin = begins.find(record.key);
    if (begin != begins.end() && log.front().number < begin->second) return true;
    const auto base = bases.find(record.key);
    return base != bases.end() && (record.entries.empty() || record.entries.back().index <= base->second);
  };
  // The last batch stays: the log of a store that ever wrote is never empty.
  while (log.size() > 1 && log.front().number <= proven &&
         std::all_of(log.front().records.begin(), log.front().records.end(), needless)) {
    log.pop_front();
  }
}

std::vector<ddb::proto::ReplicaKey> Disk::pinning() const {
  std::vector<ddb::proto::ReplicaKey> out;
  if (log.size() < log_batches_max) return out;
  for (const auto& record : log.front().records) out.push_back(record.key);
  return out;
}

}  // namespace sim
