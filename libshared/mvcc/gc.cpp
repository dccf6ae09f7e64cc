#include "mvcc/gc.hpp"

#include <memory>

#include "mvcc/key.hpp"
#include "mvcc/version.hpp"

namespace ddb::mvcc {

namespace {

/// Walks over the keys of a span, piece by piece of their versions.
class Finder {
 public:
  Finder(env::State& state, Timestamp threshold, const GarbageBounds& bounds)
      : cursor_{state.cursor(env::Table::data)}, threshold_{threshold}, versions_max_{bounds.versions_max}, whole_{bounds.whole} {}

  env::Cursor& cursor() { return *cursor_; }
  bool full() const { return found_.versions.size() >= versions_max_; }
  Garbage take() { return std::move(found_); }
  void stop_at(Bytes user_key) { found_.next = std::move(user_key); }

  /// The garbage among the versions of one key, newest first; false: not all of it, the bound is reached.
  bool look_at(const Bytes& encoded) {
    if (!cursor_->seek(version_key(encoded, threshold_)) || !at(encoded)) return true;
    const auto visible = decode_version(cursor_->key(), cursor_->value());
    if (!visible) return true;
    std::optional<env::KeyValue> last;  // to go after all that it hides
    if (visible->tombstone || whole_) last = {Bytes{cursor_->key()}, Bytes{cursor_->value()}};
    while (cursor_->next() && at(encoded)) {
      if (full()) return false;
      found_.versions.push_back({Bytes{cursor_->key()}, Bytes{cursor_->value()}});
    }
    if (last) {
      if (full()) return false;
      found_.versions.push_back(std::move(*last));
      found_.rows += !visible->tombstone;
    }
    return true;
  }

 private:
  bool at(const Bytes& encoded) const {
    return cursor_->key().size() == encoded.size() + timestamp_bytes && cursor_->key().starts_with(encoded);
  }

  std::unique_ptr<env::Cursor> cursor_;
  Timestamp threshold_;
  uint32_t versions_max_;
  bool whole_;
  Garbage found_;
};

}  // namespace

Garbage find_garbage(env::State& state, const env::KeySpan& span, Timestamp threshold, const GarbageBounds& bounds) {
  Finder finder{state, threshold, bounds};
  const env::KeySpan stored = stored_span(span);
  bool valid = finder.cursor().seek(stored.start);
  for (uint32_t keys = 0; valid && contains(stored, finder.cursor().key()); ++keys) {
    const auto parts = split_version_key(finder.cursor().key());
    const auto user_key = parts ? decode_key(parts->encoded) : Result<Bytes>{std::unexpected(Error{})};
    if (!user_key) {  // damaged: kept
      valid = finder.cursor().next();
      continue;
    }
    const Bytes encoded{parts->encoded};
    if (finder.full() || keys == bounds.keys_max || !finder.look_at(encoded)) {
      finder.stop_at(*user_key);
      break;
    }
    valid = finder.cursor().seek(version_key(encoded, Timestamp{}));
  }
  return finder.take();
}

}  // namespace ddb::mvcc
