// What a transaction has written so far: an ordered overlay on its snapshot, with an undo log.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "env/kv.hpp"

namespace ddb::sql {

/// One session's transaction writes here and its reads look here first. Not thread-safe.
/// Invariant: for every key the buffer holds the one write that, applied to the snapshot, gives what
/// the transaction sees. Iterators stay valid while entries are added or replaced; only undo_to() and
/// take() remove some.
class WriteBuffer {
 public:
  struct Entry {
    env::WriteKind kind = env::WriteKind::put;  // insert: believed absent below, the commit finds out
    Bytes value;                                // empty for erase
    bool unchecked = false;  // nobody has looked what lies below, and somebody relies on nothing: of insert, or of its erase
  };
  using Map = std::map<Bytes, Entry, std::less<>>;

  void put(BytesView key, Bytes value);
  /// The key is believed absent. Over a live entry of the buffer that is a clash: see take_clash().
  void insert(BytesView key, Bytes value);
  void erase(BytesView key);

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

  /// The first key that was inserted although the buffer held it; forgets it.
  std::optional<Bytes> take_clash() { return std::exchange(clash_, std::nullopt); }

  /// A point to come back to. Marks nest: undoing to one forgets the later ones.
  using Mark = size_t;
  Mark mark() const { return undo_.size(); }
  void undo_to(Mark mark);
  /// No mark is held any more: what happened so far cannot be undone.
  void forget_marks() { undo_.clear(); }

  /// The unchecked keys among those changed since `mark`, each once.
  std::vector<Bytes> unchecked_since(Mark mark) const;
  /// All unchecked keys whose commit would not find out: erased inserts.
  std::vector<Bytes> unchecked_erased() const;
  /// The snapshot was found to hold nothing at `key`, and the transaction's read set says so.
  void set_checked(BytesView key);

  /// A copy of the writes in key order.
  std::vector<env::Write> writes() const;
  void clear();

 private:
  struct Undo {
    Map::iterator at;
    std::optional<Entry> before;  // nullopt: there was no entry
  };
  void set(Map::iterator at, Entry entry);
  void add(BytesView key, Entry entry);

  Map entries_;
  std::vector<Undo> undo_;
  std::optional<Bytes> clash_;
  size_t bytes_ = 0;
  uint64_t generation_ = 0;
};

}  // namespace ddb::sql
