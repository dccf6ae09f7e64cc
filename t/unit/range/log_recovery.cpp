// What a log means after a restart (REPLICAS.md W5, W6, W8, A1, C1, I3).
#include "range/log_recovery.hpp"

#include <doctest/doctest.h>

using namespace ddb;
using proto::Base;
using proto::Entry;
using proto::HardState;
using proto::LogBatch;
using proto::LogRecord;
using range::RecoveredReplica;
using range::ReplicaRecord;

namespace {

constexpr RangeId range_id{3};
constexpr proto::ReplicaKey key{range_id, ReplicaId{2}};

std::vector<Entry> entries(uint64_t term, uint64_t from, uint64_t to) {
  std::vector<Entry> out;
  for (uint64_t i = from; i <= to; ++i) out.push_back({Term{term}, LogIndex{i}, proto::EntryKind::command, "x"});
  return out;
}

Base base(uint64_t index, uint64_t term) { return {LogIndex{index}, Term{term}}; }
HardState hard(uint64_t term, uint64_t vote, uint64_t commit) { return {Term{term}, ReplicaId{vote}, LogIndex{commit}}; }

LogRecord append(uint64_t term, uint64_t from, uint64_t to) { return {key, {}, entries(term, from, to), {}}; }
LogRecord state(HardState value) { return {key, {}, {}, value}; }
LogRecord begin(Base at, std::vector<Entry> after = {}) { return {key, at, std::move(after), {}}; }

/// One batch per record.
Result<std::vector<RecoveredReplica>> recover(std::vector<LogRecord> records, const ReplicaRecord& flushed) {
  std::vector<LogBatch> batches;
  for (auto& record : records) batches.push_back({BatchNumber{batches.size() + 1}, {std::move(record)}});
  return range::recover_log(std::move(batches), {{range_id, flushed}});
}

ReplicaRecord flushed(Base at, uint64_t applied, HardState value = {}) {
  ReplicaRecord record;
  record.replica = key.replica;
  record.base = at;
  record.applied = {LogIndex{applied}, at.term};
  record.hard = value;
  return record;
}

RecoveredReplica only(const Result<std::vector<RecoveredReplica>>& recovered) {
  if (!recovered) FAIL(recovered.error().message);
  REQUIRE(recovered->size() == 1);
  return recovered->front();
}

void refused(const Result<std::vector<RecoveredReplica>>& recovered, const std::string& what) {
  REQUIRE_FALSE(recovered);
  CHECK(recovered.error().code == Code::bad_data);
  CHECK(recovered.error().message == "the log of range 3, replica 2, has " + what);
}

}  // namespace

TEST_CASE("entries add up; those the base covers are dropped") {
  const auto r = only(recover({append(6, 11, 13), append(6, 14, 20), state(hard(6, 1, 17))}, flushed(base(15, 6), 16)));
  CHECK(r == RecoveredReplica{key, hard(6, 1, 17), base(15, 6), entries(6, 16, 20), false});
}

TEST_CASE("W5: an entry voids those at and above its index") {
  const auto r = only(recover({append(6, 11, 20), append(7, 15, 16)}, flushed(base(10, 5), 10)));
  auto expected = entries(6, 11, 14);
  for (const auto& entry : entries(7, 15, 16)) expected.push_back(entry);
  CHECK(r.entries == expected);
}

TEST_CASE("W5: a gap stops the store") {
  refused(recover({append(6, 11, 12), append(6, 14, 15)}, flushed(base(10, 5), 10)), "a gap before index 14");
  refused(recover({append(6, 12, 13)}, flushed(base(10, 5), 10)), "a gap before index 12");
  LogRecord torn = append(6, 11, 12);
  torn.entries[1].index = LogIndex{14};
  refused(recover({torn}, flushed(base(10, 5), 10)), "a gap at index 12");
}

TEST_CASE("W5: a change below commit stops the store; so do entries missing up to it (SAFETY 18)") {
  refused(recover({append(6, 11, 15), state(hard(6, 1, 13)), append(7, 13, 14)}, flushed(base(10, 5), 10)),
          "a change below its commit at index 13");
  refused(recover({append(6, 11, 12), state(hard(6, 1, 13))}, flushed(base(10, 5), 10)),
          "no entries up to its commit at index 13");
}

TEST_CASE("A1: a state that ran ahead of its log is refused") {
  refused(recover({append(6, 11, 12)}, flushed(base(10, 5), 14)), "no entries up to its commit at index 14");
}

TEST_CASE("W6: hard states merge by term, vote, commit, never by position") {
  const auto merged = [](std::vector<LogRecord> records, HardState in_lmdb) {
    return only(recover(std::move(records), flushed(base(10, 5), 10, in_lmdb))).hard;
  };
  CHECK(merged({state(hard(8, 2, 10)), state(hard(7, 1, 10))}, {}) == hard(8, 2, 10));
  CHECK(merged({state(hard(7, 1, 10))}, hard(9, 3, 10)) == hard(9, 3, 10));  // LMDB is the newer one
  CHECK(merged({state(hard(8, 2, 10)), state(hard(8, 0, 10))}, {}) == hard(8, 2, 10));  // a vote is not forgotten
  CHECK(merged({append(6, 11, 12), state(hard(6, 1, 12)), state(hard(7, 2, 11))}, {}) == hard(7, 2, 12));
  refused(recover({state(hard(8, 2, 10)), state(hard(8, 3, 10))}, flushed(base(10, 5), 10)), "two votes in term 8");
}

TEST_CASE("W5, W8: BEGIN voids what is before it, and the copy after it stands") {
  const auto r = only(recover({append(6, 11, 20), begin(base(12, 6), entries(6, 13, 20)), append(6, 21, 22)},
                              flushed(base(12, 6), 12)));
  CHECK(r.entries == entries(6, 13, 22));
  CHECK_FALSE(r.needs_begin);
  refused(recover({begin(base(12, 6))}, flushed(base(10, 5), 10)), "a start above its base at index 10");
}

TEST_CASE("W7, W8: what is left of a log before BEGIN may have holes; its hard states count all the same") {
  const auto r = only(recover({append(6, 42, 42), state(hard(7, 1, 41)), begin(base(10, 5), entries(6, 11, 42)), append(7, 43, 44)},
                              flushed(base(10, 5), 42)));
  CHECK(r == RecoveredReplica{key, hard(7, 1, 42), base(10, 5), [] {
                                auto all = entries(6, 11, 42);
                                for (const auto& entry : entries(7, 43, 44)) all.push_back(entry);
                                return all;
                              }(), false});
}

TEST_CASE("test 7: crash at each step of an install: old or new, nothing between (I3)") {
  const auto before = flushed(base(10, 5), 12, hard(6, 1, 12));
  const auto after = flushed(base(30, 8), 30, hard(8, 0, 30));
  const std::vector<LogRecord> old_log{append(6, 11, 40)};

  // The file is complete, the switch is not durable.
  CHECK(only(recover(old_log, before)).entries == entries(6, 11, 40));
  // The switch is durable, BEGIN is not: (30, 6) is another history than (30, 8).
  const auto switched = only(recover(old_log, after));
  CHECK(switched.base == base(30, 8));
  CHECK(switched.entries.empty());
  CHECK(switched.needs_begin);
  // BEGIN, then later entries.
  CHECK_FALSE(only(recover({append(6, 11, 40), begin(base(30, 8))}, after)).needs_begin);
  const auto went_on = only(recover({append(6, 11, 40), begin(base(30, 8)), append(8, 31, 33)}, after));
  CHECK(went_on.entries == entries(8, 31, 33));
  CHECK_FALSE(went_on.needs_begin);
}

TEST_CASE("I3: a log that holds the snapshot's (index, term) stays") {
  const auto r = only(recover({append(6, 11, 40)}, flushed(base(30, 6), 30)));
  CHECK(r.entries == entries(6, 31, 40));
  CHECK_FALSE(r.needs_begin);
}

TEST_CASE("I3: a log that ends before the snapshot is void") {
  const auto r = only(recover({append(6, 11, 20)}, flushed(base(30, 8), 30)));
  CHECK(r.entries.empty());
  CHECK(r.needs_begin);
}

TEST_CASE("W7: a log whose released part is below the base starts in its middle") {
  const auto r = only(recover({append(6, 25, 40)}, flushed(base(30, 6), 35)));
  CHECK(r.entries == entries(6, 31, 40));
  CHECK(r.hard.commit == LogIndex{35});
}

TEST_CASE("C1: records of the dead are left out; of the uninitialised, term and vote survive") {
  ReplicaRecord record = flushed({}, 0);
  record.replica = {};
  record.tombstone = ReplicaId{2};
  const proto::ReplicaKey newer{range_id, ReplicaId{4}};
  const auto recovered = recover({append(6, 11, 15), LogRecord{newer, {}, {}, hard(9, 1, 0)}}, record);
  const auto r = only(recovered);
  CHECK(r == RecoveredReplica{newer, hard(9, 1, 0), {}, {}, false});
}

TEST_CASE("a flushed replica without records in the log is recovered from its record alone") {
  const auto r = only(range::recover_log({}, {{range_id, flushed(base(15, 6), 15, hard(7, 1, 15))}}));
  CHECK(r == RecoveredReplica{key, hard(7, 1, 15), base(15, 6), {}, false});
}
