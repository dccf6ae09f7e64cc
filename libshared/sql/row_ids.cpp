#include "sql/row_ids.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "codec/archive.hpp"

namespace ddb::sql {

namespace {

constexpr uint64_t past_end = uint64_t{1} << 63;  // one above SQLite's largest rowid
constexpr int attempts_max = 16;                  // against other gateways' leases

Bytes mark_key(uint64_t table) { return "rowid/" + std::to_string(table); }

/// What SQLite draws from once its largest rowid is taken (OP_NewRowid).
int64_t draw(Random& random) { return static_cast<int64_t>(random.next() & (past_end - 1) >> 1) + 1; }

}  // namespace

Result<int64_t> RowIds::next(uint64_t table, bool autoincrement) {
  for (;;) {
    uint64_t block = 0;
    {
      const std::lock_guard lock{mutex_};
      Sequence& sequence = sequences_[table];
      if (sequence.next < sequence.end) return static_cast<int64_t>(sequence.next++);
      if (sequence.next >= past_end) {
        if (autoincrement) return fail(Code::store_full, "database or disk is full", "the table's AUTOINCREMENT ids are used up");
        return draw(random_);
      }
      block = sequence.block;
    }
    if (auto leased = lease(table, block, 0); !leased) return std::unexpected(leased.error());
  }
}

Result<void> RowIds::observe(uint64_t table, int64_t rowid) {
  if (rowid < 1) return {};
  const auto taken = static_cast<uint64_t>(rowid);
  for (;;) {
    uint64_t block = 0;
    {
      const std::lock_guard lock{mutex_};
      Sequence& sequence = sequences_[table];
      if (taken < sequence.next) return {};
      if (taken < sequence.end) {
        sequence.next = taken + 1;
        return {};
      }
      block = sequence.block;
    }
    if (auto leased = lease(table, block, taken + 1); !leased) return leased;
  }
}

Result<void> RowIds::lease(uint64_t table, uint64_t block, uint64_t at_least) {
  const Bytes key = mark_key(table);
  const uint64_t held = end_of(table);
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    const auto mark = meta_.range(key, {});
    if (!mark) return std::unexpected(mark.error());
    uint64_t free = 1;
    Revision revision;
    if (!mark->entries.empty()) {
      const auto stored = codec::decode<uint64_t>(mark->entries.front().value);
      if (!stored) return std::unexpected(stored.error());
      free = *stored;
      revision = mark->entries.front().mod_revision;
    }
    // Another gateway has leased beyond: its ids come after at_least as well.
    const uint64_t from = std::min(std::max(free, at_least), past_end);
    const uint64_t end = block < past_end - from ? from + block : past_end;
    const auto put = meta_.txn({{key, revision}}, {{.key = key, .value = codec::encode(end), .end = {}, .lease = {}}});
    // An unknown outcome may have leased a block that nobody will use: gaps are allowed.
    if (!put && put.error().code != Code::unknown_outcome) return std::unexpected(put.error());
    if (!put || !put->succeeded) {
      if (end_of(table) != held) return {};  // others of this gateway were faster: what they leased may do
      continue;
    }
    const std::lock_guard lock{mutex_};
    Sequence& sequence = sequences_[table];
    // Another thread may have leased a later block meanwhile: this one is a gap then, so that ids never fall back.
    if (from >= sequence.end) sequence = {.next = from, .end = end, .block = std::min(block * 2, block_max), .mark = put->revision};
    return {};
  }
  return fail(Code::try_again, "rowids are being leased by too many gateways at once", "try again");
}

Result<std::optional<int64_t>> RowIds::last(uint64_t table) {
  const auto mark = meta_.range(mark_key(table), {});
  if (!mark) return std::unexpected(mark.error());
  if (mark->entries.empty()) return std::nullopt;
  const auto free = codec::decode<uint64_t>(mark->entries.front().value);
  if (!free) return std::unexpected(free.error());
  const std::lock_guard lock{mutex_};
  const Sequence& sequence = sequences_[table];
  return static_cast<int64_t>((sequence.end == *free ? sequence.next : *free) - 1);
}

void RowIds::give_back() {
  std::map<uint64_t, Sequence> leased;
  {
    const std::lock_guard lock{mutex_};
    leased.swap(sequences_);
  }
  for (const auto& [table, sequence] : leased) {
    if (sequence.next == sequence.end) continue;
    const Bytes key = mark_key(table);
    (void)meta_.txn({{key, sequence.mark}}, {{.key = key, .value = codec::encode(sequence.next), .end = {}, .lease = {}}});
  }
}

uint64_t RowIds::end_of(uint64_t table) {
  const std::lock_guard lock{mutex_};
  return sequences_[table].end;
}

void RowIds::forget(uint64_t table) {
  const std::lock_guard lock{mutex_};
  sequences_.erase(table);
}

}  // namespace ddb::sql
