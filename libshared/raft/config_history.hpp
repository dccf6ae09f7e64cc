// Which configuration is in force where: the base's, and those that entries above it set.
#pragma once

#include <vector>

#include "base/assert.hpp"
#include "proto/raft.hpp"

namespace ddb::raft {

/// A configuration is in force from the moment its entry is appended (thesis 4.1), so truncation rolls it back.
class ConfigHistory {
 public:
  ConfigHistory(LogIndex base, proto::Config config) : marks_{{base, std::move(config)}} {}

  const proto::Config& latest() const { return marks_.back().config; }
  LogIndex latest_index() const { return marks_.back().index; }

  const proto::Config& at(LogIndex index) const { return marks_[position(index)].config; }

  void append(LogIndex index, proto::Config config) {
    DDB_ASSERT(index > latest_index());
    marks_.push_back({index, std::move(config)});
  }
  void truncate_from(LogIndex index) {
    while (marks_.size() > 1 && latest_index() >= index) marks_.pop_back();
  }
  /// Forgets what was in force only below `index`.
  void compact(LogIndex index) { marks_.erase(marks_.begin(), marks_.begin() + position(index)); }

 private:
  struct Mark {
    LogIndex index;
    proto::Config config;
  };
  std::ptrdiff_t position(LogIndex index) const {
    std::ptrdiff_t at = std::ssize(marks_) - 1;
    while (at > 0 && marks_[at].index > index) --at;
    return at;
  }

  std::vector<Mark> marks_;  // by index, never empty; few
};

}  // namespace ddb::raft
