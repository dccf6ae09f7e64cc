#include "sql/write_buffer.hpp"

#include "base/assert.hpp"

namespace ddb::sql {

using env::WriteKind;

void WriteBuffer::put(BytesView key, Bytes value) {
  const auto at = entries_.find(key);
  if (at == entries_.end()) return add(key, {WriteKind::put, std::move(value)});
  const bool unchecked = at->second.unchecked;
  set(at, {unchecked ? WriteKind::insert : WriteKind::put, std::move(value), unchecked});
}

void WriteBuffer::insert(BytesView key, Bytes value) {
  const auto at = entries_.find(key);
  if (at == entries_.end()) return add(key, {WriteKind::insert, std::move(value), true});
  if (at->second.kind != WriteKind::erase && !clash_) clash_ = Bytes{key};
  put(key, std::move(value));
}

void WriteBuffer::erase(BytesView key) {
  const auto at = entries_.find(key);
  if (at == entries_.end()) return add(key, {WriteKind::erase, {}});
  set(at, {WriteKind::erase, {}, at->second.unchecked});
}

const WriteBuffer::Entry* WriteBuffer::find(BytesView key) const {
  const auto at = entries_.find(key);
  return at == entries_.end() ? nullptr : &at->second;
}

void WriteBuffer::add(BytesView key, Entry entry) {
  bytes_ += key.size() + entry.value.size();
  ++generation_;
  const auto at = entries_.emplace_hint(entries_.lower_bound(key), Bytes{key}, std::move(entry));
  undo_.push_back({at, std::nullopt});
}

void WriteBuffer::set(Map::iterator at, Entry entry) {
  bytes_ += entry.value.size();
  bytes_ -= at->second.value.size();
  ++generation_;
  undo_.push_back({at, std::exchange(at->second, std::move(entry))});
}

void WriteBuffer::undo_to(Mark mark) {
  DDB_ASSERT(mark <= undo_.size());
  clash_.reset();
  for (; undo_.size() > mark; undo_.pop_back()) {
    Undo& last = undo_.back();
    ++generation_;
    bytes_ -= last.at->second.value.size();
    if (last.before) {
      bytes_ += last.before->value.size();
      last.at->second = std::move(*last.before);
    } else {
      bytes_ -= last.at->first.size();
      entries_.erase(last.at);
    }
  }
}

std::vector<Bytes> WriteBuffer::unchecked_since(Mark mark) const {
  DDB_ASSERT(mark <= undo_.size());
  std::vector<Bytes> keys;
  for (size_t i = mark; i < undo_.size(); ++i) {
    // The first change of a key lists it; a later one has an unchecked entry before it.
    const bool listed = undo_[i].before && undo_[i].before->unchecked;
    if (undo_[i].at->second.unchecked && !listed) keys.push_back(undo_[i].at->first);
  }
  return keys;
}

std::vector<Bytes> WriteBuffer::unchecked_erased() const {
  std::vector<Bytes> keys;
  for (const auto& [key, entry] : entries_) {
    if (entry.unchecked && entry.kind == WriteKind::erase) keys.push_back(key);
  }
  return keys;
}

void WriteBuffer::set_checked(BytesView key) {
  const auto at = entries_.find(key);
  if (at == entries_.end()) return;
  at->second.unchecked = false;
  if (at->second.kind == WriteKind::insert) at->second.kind = WriteKind::put;
}

std::vector<env::Write> WriteBuffer::writes() const {
  std::vector<env::Write> writes;
  writes.reserve(entries_.size());
  for (const auto& [key, entry] : entries_) writes.push_back({entry.kind, key, entry.value});
  return writes;
}

void WriteBuffer::clear() {
  entries_.clear();
  undo_.clear();
  clash_.reset();
  bytes_ = 0;
  ++generation_;
}

}  // namespace ddb::sql
