#include "wal/ledger.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "base/assert.hpp"

namespace ddb::wal {

namespace {

void forget_upto(Ledger::Segment& segment, const proto::ReplicaKey& key, LogIndex index) {
  const auto found = segment.last.find(key);
  if (found != segment.last.end() && found->second <= index) segment.last.erase(found);
}

bool needed(const Ledger::Segment& segment) { return segment.hard_states || !segment.last.empty(); }

}  // namespace

void Ledger::open_segment(uint64_t number, uint64_t size) {
  DDB_ASSERT(segments_.empty() || number > segments_.back().number);
  segments_.push_back({.number = number, .size = size, .hard_states = {}, .last = {}});
}

void Ledger::add(const proto::LogBatch& batch) {
  DDB_ASSERT(!segments_.empty());
  for (const auto& record : batch.records) {
    add(record);
    if (record.hard_state) segments_.back().hard_states = batch.number;
  }
}

void Ledger::add(const proto::LogRecord& record) {
  if (record.begin) {
    for (auto& segment : segments_) segment.last.erase(record.key);
    need(segments_.back(), record.key, record.begin->index);  // BEGIN itself, until a flush has its base
  }
  if (record.entries.empty()) return;
  const LogIndex kept = record.entries.front().index.prev();  // W5: what is above is void
  for (auto& segment : segments_) {
    const auto found = segment.last.find(record.key);
    if (found != segment.last.end() && found->second > kept) need(segment, record.key, kept);
  }
  need(segments_.back(), record.key, record.entries.back().index);
}

LogIndex Ledger::base(const proto::ReplicaKey& key) const {
  const auto found = bases_.find(key);
  return found == bases_.end() ? LogIndex{} : found->second;
}

void Ledger::need(Segment& segment, const proto::ReplicaKey& key, LogIndex last) {
  if (last > base(key)) {
    segment.last[key] = last;
  } else {
    segment.last.erase(key);
  }
}

void Ledger::flushed(BatchNumber proven, const std::vector<proto::FlushedReplica>& replicas) {
  for (auto& segment : segments_)
    if (segment.hard_states <= proven) segment.hard_states = {};
  for (const auto& replica : replicas) {
    for (auto& segment : segments_)
      forget_upto(segment, replica.key, replica.dead ? LogIndex{UINT64_MAX} : replica.base);
    if (replica.dead) {
      bases_.erase(replica.key);
    } else {
      bases_[replica.key] = replica.base;
    }
  }
}

uint64_t Ledger::first_needed() const {
  DDB_ASSERT(!segments_.empty());
  const auto found = std::find_if(segments_.begin(), segments_.end() - 1, needed);
  return found->number;
}

std::vector<Ledger::Segment> Ledger::drop_before(uint64_t number) {
  std::vector<Segment> dropped;
  while (segments_.size() > 1 && segments_.front().number < number) {
    dropped.push_back(std::move(segments_.front()));
    segments_.pop_front();
  }
  return dropped;
}

std::vector<proto::ReplicaKey> Ledger::pins(size_t segments_max) const {
  std::set<proto::ReplicaKey> keys;
  for (size_t i = 0; i + segments_max < segments_.size(); ++i)
    for (const auto& [key, last] : segments_[i].last) keys.insert(key);
  return {keys.begin(), keys.end()};
}

}  // namespace ddb::wal
