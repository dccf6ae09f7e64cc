#include "disk.hpp"

#include <algorithm>

namespace sim {

void Disk::release(const ddb::range::Checkpoint& flushed, ddb::BatchNumber proven) {
  std::map<ddb::proto::ReplicaKey, ddb::LogIndex> bases;
  for (const auto& replica : flushed.for_log()) bases[replica.key] = replica.base;
  const auto needless = [&](const ddb::proto::LogRecord& record) {
    const auto base = bases.find(record.key);
    return base != bases.end() && (record.entries.empty() || record.entries.back().index <= base->second);
  };
  // The last batch stays: the log of a store that ever wrote is never empty.
  while (log.size() > 1 && log.front().number <= proven &&
         std::all_of(log.front().records.begin(), log.front().records.end(), needless)) {
    log.pop_front();
  }
}

}  // namespace sim
