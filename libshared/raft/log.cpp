#include "raft/log.hpp"

#include <algorithm>

namespace ddb::raft {

using proto::Base;
using proto::Entry;

LogIndex Log::agreement(LogIndex upto, Term term) const {
  if (upto < base_.index) return upto;
  const auto end = entries_.begin() + (std::min(upto, last().index).value - base_.index.value);
  const auto above = std::upper_bound(entries_.begin(), end, term,
                                      [](Term t, const Entry& entry) { return t < entry.term; });
  if (above != entries_.begin()) return std::prev(above)->index;
  return base_.term <= term || !base_.index ? base_.index : base_.index.prev();
}

void Log::append(Entry entry) {
  DDB_ASSERT(entry.index == last().index.next());
  DDB_ASSERT(entry.term >= last().term);
  bytes_ += size_of(entry);
  entries_.push_back(std::move(entry));
}

void Log::truncate_from(LogIndex index) {
  DDB_ASSERT(index > base_.index);
  while (!entries_.empty() && entries_.back().index >= index) {
    bytes_ -= size_of(entries_.back());
    entries_.pop_back();
  }
}

void Log::compact(LogIndex index) {
  DDB_ASSERT(holds(index));
  base_ = Base{index, term_at(index)};
  while (!entries_.empty() && entries_.front().index <= index) {
    bytes_ -= size_of(entries_.front());
    entries_.pop_front();
  }
}

void Log::reset(Base base) {
  base_ = base;
  entries_.clear();
  bytes_ = 0;
}

std::vector<Entry> Log::copy(LogIndex from, size_t bytes_max) const {
  std::vector<Entry> out;
  if (from > last().index) return out;
  DDB_ASSERT(from > base_.index);
  const auto first = entries_.begin() + (from.value - base_.index.value - 1);
  auto end = first;
  for (size_t bytes = 0; end != entries_.end(); ++end) {
    bytes += size_of(*end);
    if (bytes > bytes_max && end != first) break;
  }
  out.assign(first, end);
  return out;
}

}  // namespace ddb::raft
