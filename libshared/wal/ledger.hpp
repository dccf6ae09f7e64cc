// Which segments still hold something needed (W7), and who pins the oldest of them (W8).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "proto/log.hpp"

namespace ddb::wal {

/// Bookkeeping alone: no files. One thread at a time.
class Ledger {
 public:
  struct Segment {
    uint64_t number = 0;
    uint64_t size = 0;                          // of the file, bytes
    BatchNumber hard_states;                    // last batch with any; zero: none, or all flushed
    std::map<proto::ReplicaKey, LogIndex> last;  // highest entry (or BEGIN) needed of each replica
  };

  void open_segment(uint64_t number, uint64_t size);  // the newest; records go there from now on
  void add(const proto::LogBatch& batch);             // proven
  void flushed(BatchNumber proven, const std::vector<proto::FlushedReplica>& replicas);

  uint64_t first_needed() const;  // the newest segment always is
  std::vector<Segment> drop_before(uint64_t number);
  std::vector<proto::ReplicaKey> pins(size_t segments_max) const;  // sorted

  const std::deque<Segment>& segments() const { return segments_; }

 private:
  void add(const proto::LogRecord& record);
  LogIndex base(const proto::ReplicaKey& key) const;
  void need(Segment& segment, const proto::ReplicaKey& key, LogIndex last);

  std::deque<Segment> segments_;
  std::map<proto::ReplicaKey, LogIndex> bases_;  // flushed
};

}  // namespace ddb::wal
