#include "range/sweeper.hpp"

#include <algorithm>

#include "codec/archive.hpp"
#include "codec/checked.hpp"
#include "mvcc/key.hpp"
#include "mvcc/lock.hpp"
#include "range/transaction_record.hpp"

namespace ddb::range {

namespace {

struct RecordName {
  Bytes anchor;
  Timestamp id;
};

/// What transaction_key() made.
std::optional<RecordName> name_of_record(BytesView stored) {
  const auto parts = mvcc::split_version_key(stored);
  if (!parts) return std::nullopt;
  auto anchor = mvcc::decode_key(parts->encoded);
  if (!anchor) return std::nullopt;
  return RecordName{*std::move(anchor), parts->ts};
}

}  // namespace

void Sweeper::reset() {
  seen_.clear();
  position_.reset();
  next_round_ = {};
}

void Sweeper::renewed(const proto::Attempt& attempt, Instant now) {
  if (const auto seen = seen_.find(attempt); seen != seen_.end()) seen->second.since = now;
}

std::vector<proto::Locked> Sweeper::next(env::State& state, const env::KeySpan& span, Instant now) {
  if (!position_) {
    if (now < next_round_) return {};
    next_round_ = now + options_.round_min;
    table_ = env::Table::lock;
    position_ = Bytes{};
  }
  Found found;
  uint32_t left = options_.piece_max;
  bool at_end = walk(state, table_, span, left, now, found);
  if (at_end && table_ == env::Table::lock) {
    table_ = env::Table::txn;
    position_ = Bytes{};
    at_end = walk(state, table_, span, left, now, found);
  }
  if (at_end && table_ == env::Table::txn) end_round();
  std::vector<proto::Locked> out;
  for (auto& [attempt, locked] : found) out.push_back(std::move(locked));
  return out;
}

/// From the position on; false: the piece was used up before the end.
bool Sweeper::walk(env::State& state, env::Table table, const env::KeySpan& span, uint32_t& left, Instant now, Found& found) {
  const env::KeySpan stored = mvcc::stored_span(span);
  const auto cursor = state.cursor(table);
  for (bool on = cursor->seek(std::max(*position_, stored.start)); on; on = cursor->next()) {
    if (!env::contains(stored, cursor->key())) return true;
    if (left == 0) {
      position_ = Bytes{cursor->key()};
      return false;
    }
    --left;
    if (table == env::Table::lock) look_at_lock(cursor->key(), cursor->value(), now, found);
    else look_at_record(cursor->key(), cursor->value(), now, found);
  }
  return true;
}

/// A damaged one is named to whoever meets it.
void Sweeper::look_at_lock(BytesView key, BytesView value, Instant now, Found& found) {
  const auto lock = mvcc::decode_lock(key, value);
  const auto user_key = mvcc::decode_key(key);
  if (!lock || !user_key) return;
  const proto::Attempt attempt{lock->attempt.id, lock->attempt.c0};
  if (!has_expired(attempt, now)) return;
  auto& locked = found.try_emplace(attempt, proto::Locked{attempt, lock->anchor, {}}).first->second;
  locked.keys.push_back(*user_key);
}

/// An undecided one; and a committed one whose coordinator has not said that all its locks are gone (P9).
void Sweeper::look_at_record(BytesView key, BytesView value, Instant now, Found& found) {
  const auto payload = codec::unseal(key, value);
  if (!payload) return;
  const auto record = codec::decode<TransactionRecord>(*payload);
  const auto name = name_of_record(key);
  if (!record || !name || record->resolved) return;
  const bool decided = record->state == TransactionRecord::State::committed;
  const proto::Attempt attempt{name->id, record->c0};
  if (!has_expired(attempt, now)) return;
  found.try_emplace(attempt, proto::Locked{attempt, name->anchor, record->keys.empty() || !decided ? std::vector{name->anchor} : record->keys});
}

bool Sweeper::has_expired(const proto::Attempt& attempt, Instant now) {
  auto seen = seen_.find(attempt);
  if (seen == seen_.end()) {
    if (seen_.size() >= options_.attempts_max) return false;
    seen = seen_.emplace(attempt, Seen{.since = now}).first;
  }
  seen->second.round = round_;
  return now - seen->second.since >= options_.patience;
}

/// Who was not met in it has no lock and no record here any more.
void Sweeper::end_round() {
  std::erase_if(seen_, [&](const auto& seen) { return seen.second.round != round_; });
  ++round_;
  position_.reset();
}

}  // namespace ddb::range
