#include "lmdb/view.hpp"

#include <cstdlib>
#include <utility>

#include "base/assert.hpp"

namespace ddb::lmdb {

namespace {

/// Walks one table of one generation. Deletions are met like values.
class GenerationSource {
 public:
  GenerationSource() = default;
  GenerationSource(const Generation& generation, env::Table table)
      : generation_{&generation}, table_{table}, map_{&generation.table(table)}, at_{map_->end()} {}

  bool valid() const { return map_ != nullptr && at_ != map_->end(); }
  BytesView key() const { return at_->first; }
  BytesView value() const { return at_->second.bytes(); }
  bool erased() const { return at_->second.erased(); }

  void seek(BytesView key) { if (map_ != nullptr) at_ = map_->lower_bound(key); }
  void seek_before(BytesView key) {
    if (map_ == nullptr) return;
    at_ = map_->lower_bound(key);
    prev();
  }
  void next() { ++at_; }
  void prev() { at_ = at_ == map_->begin() ? map_->end() : std::prev(at_); }

  /// As seek(), unless no key here differs from `key` in its version alone: then at no key, and false.
  bool seek_version(BytesView key) {
    if (map_ == nullptr) return true;
    at_ = map_->end();
    if (map_->empty()) return true;
    if (!generation_->may_hold(table_, key)) return false;
    seek(key);
    return true;
  }

 private:
  const Generation* generation_ = nullptr;
  env::Table table_{};
  const Generation::Map* map_ = nullptr;
  Generation::Map::const_iterator at_;
};

/// Walks one table of the snapshot.
class SnapshotSource {
 public:
  SnapshotSource(SnapshotReader& reader, env::Table table)
      : reader_{reader}, table_{table}, cursor_{reader.take_cursor(table)} {}
  SnapshotSource(const SnapshotSource&) = delete;
  SnapshotSource& operator=(const SnapshotSource&) = delete;
  ~SnapshotSource() { reader_.give_cursor(table_, cursor_); }

  bool valid() const { return valid_; }
  BytesView key() const { return to_view(key_); }
  BytesView value() const { return to_view(value_); }

  void seek(BytesView key) {
    if (key.empty()) return move(MDB_FIRST);  // LMDB has no empty keys
    key_ = to_val(key);
    move(MDB_SET_RANGE);
  }
  void seek_before(BytesView key) {
    seek(key);
    move(valid_ ? MDB_PREV : MDB_LAST);
  }
  void next() { move(MDB_NEXT); }
  void prev() { move(MDB_PREV); }

 private:
  void move(MDB_cursor_op op) {
    const int rc = mdb_cursor_get(cursor_, &key_, &value_, op);
    if (rc != 0 && rc != MDB_NOTFOUND) reader_.stop(lmdb_error("read", rc).error());
    valid_ = rc == 0;
  }

  SnapshotReader& reader_;
  env::Table table_;
  MDB_cursor* cursor_;
  MDB_val key_{};
  MDB_val value_{};
  bool valid_ = false;
};

bool same_but_version(BytesView a, BytesView b) {
  return a.size() == b.size() && a.substr(0, a.size() - env::version_bytes) == b.substr(0, b.size() - env::version_bytes);
}

/// Invariant while valid: forward, every source stands at its first key at or above the cursor's key; backward, at
/// its last key at or below. The winner is the newest source among those that stand at the cursor's key.
/// After seek_version() a source may have been passed over; it is brought up when the cursor moves on.
class MergeCursor final : public env::Cursor {
 public:
  MergeCursor(SnapshotReader& reader, const std::array<const Generation*, 2>& generations, env::Table table)
      : snapshot_{reader, table} {
    for (size_t i = 0; i < generations.size(); ++i)
      if (generations[i] != nullptr) generations_[i] = GenerationSource{*generations[i], table};
  }

  bool seek(BytesView key) override {
    forward_ = true;
    passed_over_ = false;
    for (auto& source : generations_) source.seek(key);
    snapshot_.seek(key);
    return settle();
  }

  bool seek_before(BytesView key) override {
    if (key.empty()) return valid_ = false;
    forward_ = false;
    passed_over_ = false;
    for (auto& source : generations_) source.seek_before(key);
    snapshot_.seek_before(key);
    return settle();
  }

  bool seek_version(BytesView key) override {
    DDB_ASSERT(key.size() >= env::version_bytes);
    forward_ = true;
    passed_over_ = false;
    for (auto& source : generations_) passed_over_ |= !source.seek_version(key);
    snapshot_.seek(key);
    valid_ = settle() && same_but_version(key_, key);
    return valid_;
  }

  bool next() override {
    DDB_ASSERT(valid_);
    if (!forward_ || passed_over_) {
      const Bytes here{key_};
      seek(here);
    }
    step();
    return settle();
  }

  bool prev() override {
    DDB_ASSERT(valid_);
    if (forward_) return seek_before(Bytes{key_});
    step();
    return settle();
  }

  bool valid() const override { return valid_; }
  BytesView key() const override { return key_; }
  BytesView value() const override { return value_; }

 private:
  bool ahead(BytesView a, BytesView b) const { return forward_ ? a < b : a > b; }

  /// Finds the next key that is not deleted.
  bool settle() {
    for (;;) {
      bool erased = false;
      valid_ = false;
      for (const auto& source : generations_) {
        if (!source.valid() || (valid_ && !ahead(source.key(), key_))) continue;
        valid_ = true;
        key_ = source.key();
        erased = source.erased();
        if (!erased) value_ = source.value();
      }
      if (snapshot_.valid() && (!valid_ || ahead(snapshot_.key(), key_))) {
        valid_ = true;
        key_ = snapshot_.key();
        value_ = snapshot_.value();
        erased = false;
      }
      if (!valid_ || !erased) return valid_;
      step();
    }
  }

  /// Moves every source off the current key. key_ refers to the memory of a source, which stays as it is.
  void step() {
    for (auto& source : generations_)
      if (source.valid() && source.key() == key_) forward_ ? source.next() : source.prev();
    if (snapshot_.valid() && snapshot_.key() == key_) forward_ ? snapshot_.next() : snapshot_.prev();
  }

  std::array<GenerationSource, 2> generations_;
  SnapshotSource snapshot_;
  bool forward_ = true;
  bool passed_over_ = false;
  bool valid_ = false;
  BytesView key_;
  BytesView value_;
};

}  // namespace

SnapshotReader::SnapshotReader(const Environment& env, ReadTxn txn, std::function<void(const Error&)> fatal)
    : env_{env}, txn_{std::move(txn)}, fatal_{std::move(fatal)} {}

SnapshotReader::~SnapshotReader() {
  for (auto& cursors : idle_)
    for (MDB_cursor* cursor : cursors) mdb_cursor_close(cursor);
}

void SnapshotReader::stop(const Error& error) const {
  fatal_(error);
  std::abort();
}

std::optional<BytesView> SnapshotReader::get(env::Table table, BytesView key) const {
  const auto value = txn_.get(env_.table(table), key);
  if (!value) stop(value.error());
  return *value;
}

void SnapshotReader::renew() {
  const auto renewed = txn_.renew();
  if (!renewed) stop(renewed.error());
}

MDB_cursor* SnapshotReader::take_cursor(env::Table table) {
  auto& idle = idle_[static_cast<size_t>(table)];
  MDB_cursor* cursor = nullptr;
  int rc = 0;
  if (idle.empty()) {
    rc = mdb_cursor_open(txn_.handle(), env_.table(table), &cursor);
  } else {
    cursor = idle.back();
    idle.pop_back();
    rc = mdb_cursor_renew(txn_.handle(), cursor);  // the snapshot may be a newer one by now
  }
  if (rc != 0) stop(lmdb_error("read", rc).error());
  return cursor;
}

void SnapshotReader::give_cursor(env::Table table, MDB_cursor* cursor) {
  idle_[static_cast<size_t>(table)].push_back(cursor);
}

std::optional<BytesView> View::get(env::Table table, BytesView key) const {
  for (const Generation* generation : generations_) {
    if (generation == nullptr || !generation->may_hold(table, key)) continue;
    const auto& map = generation->table(table);
    const auto found = map.find(key);
    if (found == map.end()) continue;
    if (found->second.erased()) return std::nullopt;
    return found->second.bytes();
  }
  return snapshot_.get(table, key);
}

std::unique_ptr<env::Cursor> View::cursor(env::Table table) const {
  return std::make_unique<MergeCursor>(snapshot_, generations_, table);
}

}  // namespace ddb::lmdb
