#include "range/log_recovery.hpp"

#include <algorithm>
#include <optional>

#include "base/assert.hpp"
#include "base/rule.hpp"

namespace ddb::range {

namespace {

using proto::Base;
using proto::Entry;
using proto::HardState;
using proto::LogRecord;
using proto::ReplicaKey;

/// One replica's log while its records are read in order.
struct Draft {
  HardState hard;
  std::optional<Base> begin;  // of the last BEGIN seen
  std::vector<Entry> entries;  // contiguous
};

std::unexpected<Error> damaged(const ReplicaKey& key, const std::string& what) {
  return fail(Code::bad_data,
              "the log of range " + std::to_string(key.range.value) + ", replica " +
                  std::to_string(key.replica.value) + ", has " + what,
              "the store cannot start: replace it by an empty one and let it be rebuilt");
}

std::string at(LogIndex index) { return " at index " + std::to_string(index.value); }

/// W6: the higher term, its vote, the higher commit; where they stand in the log means nothing.
Result<HardState> merge(const ReplicaKey& key, const HardState& a, const HardState& b) {
  if (!DDB_KEEPS("W6")) return b;
  HardState merged{.term = std::max(a.term, b.term), .vote = {}, .commit = std::max(a.commit, b.commit)};
  for (const HardState& one : {a, b}) {
    if (one.term != merged.term || !one.vote) continue;
    if (merged.vote && merged.vote != one.vote)
      return damaged(key, "two votes in term " + std::to_string(merged.term.value));
    merged.vote = one.vote;
  }
  return merged;
}

/// W5. `base` is the flushed one: entries up to it may be missing, since W7 lets them go.
Result<void> add_entries(const ReplicaKey& key, Draft& draft, std::vector<Entry> added, LogIndex base) {
  const LogIndex first = added.front().index;
  for (size_t i = 0; i < added.size(); ++i)
    if (added[i].index != first.plus(i)) return damaged(key, "a gap" + at(first.plus(i)));

  const bool missing = draft.entries.empty() ? !draft.begin || draft.begin->index.next() != first
                                             : first > draft.entries.back().index.next();
  if (missing && first > base.next()) return damaged(key, "a gap before index " + std::to_string(first.value));
  if (missing) draft.entries.clear();

  const bool overwrites = !draft.entries.empty() && first <= draft.entries.back().index;
  if (overwrites && first <= draft.hard.commit) return damaged(key, "a change below its commit" + at(first));
  while (DDB_KEEPS("W5") && !draft.entries.empty() && draft.entries.back().index >= first) draft.entries.pop_back();
  std::move(added.begin(), added.end(), std::back_inserter(draft.entries));
  return {};
}

Result<void> add(Draft& draft, LogRecord record, LogIndex base) {
  if (record.begin) {
    draft.begin = record.begin;
    if (DDB_KEEPS("W5.begin")) draft.entries.clear();
  }
  if (!record.entries.empty()) {
    auto added = add_entries(record.key, draft, std::move(record.entries), base);
    if (!added) return added;
  }
  if (record.hard_state) {
    auto merged = merge(record.key, draft.hard, *record.hard_state);
    if (!merged) return std::unexpected(merged.error());
    draft.hard = *merged;
  }
  return {};
}

/// True: the log holds (index, term) of the base, or starts after it. Else it is of before a snapshot (I3).
bool reaches(const std::vector<Entry>& entries, const Base& base) {
  if (entries.empty() || entries.front().index > base.index) return true;
  if (entries.back().index < base.index) return false;
  return entries[base.index.value - entries.front().index.value].term == base.term;
}

Result<RecoveredReplica> finish(const ReplicaKey& key, Draft draft, const ReplicaRecord& flushed) {
  const bool unborn = !flushed.base.index && draft.begin == initial_base;
  const Base base = unborn ? initial_base : flushed.base;
  auto hard = merge(key, draft.hard, flushed.hard);
  if (!hard) return std::unexpected(hard.error());
  hard->commit = std::max(hard->commit, flushed.applied.index);
  // I3 and W8: a log begins anew only where a flush has already got to.
  if (draft.begin && draft.begin->index > base.index) return damaged(key, "a start above its base" + at(base.index));

  RecoveredReplica out{key, *hard, base, std::move(draft.entries), false, unborn};
  out.needs_begin = !reaches(out.entries, base);
  if (out.needs_begin) out.entries.clear();
  std::erase_if(out.entries, [&](const Entry& entry) { return entry.index <= base.index; });

  if (!out.entries.empty() && out.entries.front().index != base.index.next())
    return damaged(key, "a gap after its base" + at(base.index));
  const LogIndex last = out.entries.empty() ? base.index : out.entries.back().index;
  if (last < hard->commit) return damaged(key, "no entries up to its commit" + at(hard->commit));
  return out;
}

/// Of every replica that has one. What is before it is void, and may have holes by now: W7 lets it go.
std::map<ReplicaKey, BatchNumber> last_begins(const std::vector<proto::LogBatch>& batches) {
  std::map<ReplicaKey, BatchNumber> out;
  for (const auto& batch : batches)
    for (const auto& record : batch.records)
      if (record.begin) out[record.key] = batch.number;
  return out;
}

}  // namespace

Result<std::vector<RecoveredReplica>> recover_log(std::vector<proto::LogBatch> batches,
                                                  const std::map<RangeId, ReplicaRecord>& flushed) {
  static const ReplicaRecord nothing;
  const auto record_of = [&](const ReplicaKey& key) -> const ReplicaRecord& {
    const auto found = flushed.find(key.range);
    return found == flushed.end() ? nothing : found->second;
  };
  // Of a replica other than the one flushed, only the log knows.
  const auto flushed_of = [&](const ReplicaKey& key) -> const ReplicaRecord& {
    const ReplicaRecord& record = record_of(key);
    return record.replica == key.replica ? record : nothing;
  };

  std::map<ReplicaKey, BatchNumber> begins = last_begins(batches);
  std::map<ReplicaKey, Draft> drafts;
  for (const auto& [range, record] : flushed)
    if (record.replica) drafts[{range, record.replica}];
  for (auto& batch : batches) {
    for (auto& record : batch.records) {
      const ReplicaKey key = record.key;
      if (key.replica <= record_of(key).tombstone) continue;
      if (batch.number < begins[key]) record.entries.clear();
      auto added = add(drafts[key], std::move(record), flushed_of(key).base.index);
      if (!added) return std::unexpected(added.error());
    }
  }

  std::vector<RecoveredReplica> out;
  for (auto& [key, draft] : drafts) {
    auto replica = finish(key, std::move(draft), flushed_of(key));
    if (!replica) return std::unexpected(replica.error());
    out.push_back(std::move(*replica));
  }
  return out;
}

}  // namespace ddb::range
