// What a transaction has written so far: an ordered overlay on its snapshot, with an undo log.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "env/kv.hpp"

namespace ddb::sql {

/// One session's transaction writes here and its reads look here first. Not thread-safe.
/// Invariant: for every key the buffer holds the one write that, applied to the snapshot, gives what
/// the transaction sees. `insert` marks a key that nobody has looked up yet: the commit checks it.
/// Iterators stay valid while entries are added or replaced; only undo_to() and take() remove some.
class WriteBuffer {
 public:
  struct Entry {
    env::WriteKind kind = env::WriteKind::put;
    Bytes value;  // empty for erase
  };
  using Map = std::map<Bytes, Entry, std::less<>>;

  void put(BytesView key, Bytes value) { set(key, {env::WriteKind::put, std::move(value)}); }
  /// The key is believed absent: stays an `insert` unless the buffer knows that the key was there.
  void insert(BytesView key, Bytes value);
  void erase(BytesView key) { set(key, {env::WriteKind::erase, {}}); }

  /// The entry of `key`; nullptr: the snapshot decides.
  const Entry* find(BytesView key) const;
  /// Entries in [start, end) for a scan to merge; an empty end has no bound.
  Map::const_iterator lower_bound(BytesView key) const { return entries_.lower_bound(key); }
  const Map& entries() const { return entries_; }

  bool empty() const { return entries_.empty(); }
  /// Keys and values, what the commit will carry; the cap on a transaction's size looks at this.
  size_t bytes() const { return bytes_; }
  /// Rises with every change, undo included: what was derived from the buffer is stale when it differs.
  uint64_t generation() const { return generation_; }

  /// A point to come back to. Marks nest: undoing to one forgets the later ones.
  using Mark = size_t;
  Mark mark() const { return undo_.size(); }
  void undo_to(Mark mark);
  /// No mark is held any more: what happened so far cannot be undone.
  void forget_marks() { undo_.clear(); }

  /// Hands over the writes in key order and becomes empty.
  std::vector<env::Write> take();
  /// A copy of the writes, for an attempt that may be made again.
  std::vector<env::Write> writes() const;
  void clear();

 private:
  struct Undo {
    Map::iterator at;
    std::optional<Entry> before;  // nullopt: there was no entry
  };
  void set(BytesView key, Entry entry);

  Map entries_;
  std::vector<Undo> undo_;
  size_t bytes_ = 0;
  uint64_t generation_ = 0;
};

}  // namespace ddb::sql
