// The part of a log that is held in memory: all entries after the base.
#pragma once

#include <deque>
#include <vector>

#include "base/assert.hpp"
#include "proto/raft.hpp"

namespace ddb::raft {

/// What an entry costs beyond its data when bytes are counted.
constexpr size_t entry_overhead = sizeof(proto::Entry);
inline size_t size_of(const proto::Entry& entry) { return entry.data.size() + entry_overhead; }

/// Contiguous, terms never decreasing. Appending, truncating and compacting cost what they add or remove.
class Log {
 public:
  explicit Log(proto::Base base) : base_{base} {}

  proto::Base base() const { return base_; }
  proto::Base last() const {
    return entries_.empty() ? base_ : proto::Base{entries_.back().index, entries_.back().term};
  }
  size_t bytes() const { return bytes_; }

  const proto::Entry& at(LogIndex index) const {
    DDB_ASSERT(index > base_.index && index <= last().index);
    return entries_[index.value - base_.index.value - 1];
  }
  Term term_at(LogIndex index) const { return index == base_.index ? base_.term : at(index).term; }
  bool holds(LogIndex index) const { return index >= base_.index && index <= last().index; }
  bool holds(proto::Base point) const { return holds(point.index) && term_at(point.index) == point.term; }

  /// The largest index at or below `upto` and last() whose term is at most `term`: where two logs may begin to
  /// agree (paper 5.3, end). Below the base nothing is known: then the index before it, or `upto` if that is lower.
  LogIndex agreement(LogIndex upto, Term term) const;

  void append(proto::Entry entry);
  void truncate_from(LogIndex index);  // removes entries at and above
  void compact(LogIndex index);        // the base moves up to it
  void reset(proto::Base base);        // empty, after `base`

  /// From `from` on, up to `bytes_max`, but at least one if there is any.
  std::vector<proto::Entry> copy(LogIndex from, size_t bytes_max) const;

 private:
  proto::Base base_;
  std::deque<proto::Entry> entries_;
  size_t bytes_ = 0;
};

}  // namespace ddb::raft
