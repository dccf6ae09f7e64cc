#include "mvcc/reader.hpp"

#include <algorithm>

namespace ddb::mvcc {

namespace {

constexpr Timestamp end_of_time{UINT64_MAX};

/// Steps before a seek: neighbours are mostly what is looked for, and a step costs a fraction of a seek.
constexpr int steps_before_seek = 4;

bool is_of(BytesView stored, BytesView encoded) {
  return stored.size() == encoded.size() + timestamp_bytes && stored.starts_with(encoded);
}

/// Above the stored keys of all versions: the timestamp zero is given to nobody.
Bytes after_versions(BytesView encoded) { return version_key(encoded, Timestamp{}); }

}  // namespace

/// Gathers rows until a bound is reached.
class Reader::PageWriter {
 public:
  PageWriter(const ScanBounds& bounds, codec::Selector* selector) : bounds_{bounds}, selector_{selector} {}

  bool full() const {
    const bool totals = selector_ != nullptr && selector_->has_totals();
    const size_t rows = totals ? selector_->groups() : page_.rows.size();
    return rows >= bounds_.rows_max || (totals ? selector_->group_bytes() : bytes_) >= bounds_.bytes_max;
  }
  bool tired() const { return seen_ >= bounds_.versions_max; }
  void saw_version() { ++seen_; }

  Result<void> add(Bytes key, BytesView row) {
    if (selector_ != nullptr) {
      const auto wanted = selector_->take(key, row);
      if (!wanted) return std::unexpected(wanted.error());
      if (!*wanted) return {};
      row = **wanted;
    }
    bytes_ += key.size() + row.size();
    page_.rows.push_back({std::move(key), Bytes{row}});
    return {};
  }
  Page take(std::optional<env::KeySpan> rest = {}) {
    if (selector_ != nullptr && selector_->has_totals()) page_.rows = selector_->take_groups();
    page_.rest = std::move(rest);
    return std::move(page_);
  }

 private:
  const ScanBounds& bounds_;
  codec::Selector* const selector_;
  Page page_;
  uint64_t bytes_ = 0;
  uint32_t seen_ = 0;
};

env::Cursor& Reader::cursor() {
  if (cursor_ == nullptr) cursor_ = state_.cursor(env::Table::data);
  return *cursor_;
}

Result<std::optional<Version>> Reader::at(BytesView user_key, Timestamp ts) {
  const Bytes encoded = encode_key(user_key);
  if (!cursor().seek_version(version_key(encoded, ts))) return std::nullopt;
  const auto version = here();
  if (!version) return std::unexpected(version.error());
  return *version;
}

Result<std::optional<Version>> Reader::record(BytesView user_key, const Writer& attempt) {
  const Bytes encoded = encode_key(user_key);
  bool valid = cursor().seek_version(version_key(encoded, end_of_time));
  for (; valid && is_of(cursor_->key(), encoded); valid = cursor_->next()) {
    const auto version = here();
    if (!version) return std::unexpected(version.error());
    if (version->ts < attempt.c0) return std::nullopt;  // C is never below C0
    if (version->record == attempt) return *version;
  }
  return std::nullopt;
}

Result<Page> Reader::scan(const env::KeySpan& span, bool reverse, Timestamp ts, const ScanBounds& bounds,
                          codec::Selector* selector) {
  if (is_empty(span)) return Page{};
  cursor();
  PageWriter page{bounds, selector};
  return reverse ? scan_down(span, std::move(page), ts) : scan_up(span, std::move(page), ts);
}

Result<Page> Reader::scan_up(const env::KeySpan& span, PageWriter page, Timestamp ts) {
  const env::KeySpan stored = stored_span(span);
  bool valid = cursor_->seek(stored.start);
  while (valid && contains(stored, cursor_->key())) {
    const auto found = split_version_key(cursor_->key());
    auto key = found ? decode_key(found->encoded) : decode_key({});
    if (!key) return std::unexpected(key.error());
    if (page.full() || page.tired()) return page.take(env::KeySpan{std::move(*key), span.end});

    const Bytes encoded{found->encoded};
    page.saw_version();
    if (found->ts > ts) valid = skip_to(version_key(encoded, ts));
    if (!valid) break;
    if (!is_of(cursor_->key(), encoded)) continue;
    const auto version = here();
    if (!version) return std::unexpected(version.error());
    if (!version->tombstone) {
      if (auto added = page.add(std::move(*key), version->row); !added) return std::unexpected(added.error());
    }
    valid = skip_key(encoded);
  }
  return page.take();
}

/// Comes to each key at its oldest version.
Result<Page> Reader::scan_down(const env::KeySpan& span, PageWriter page, Timestamp ts) {
  const env::KeySpan stored = stored_span(span);
  // Nothing is as long as a whole key of 0xff: encoded keys hold a zero byte.
  bool valid = cursor_->seek_before(stored.end.empty() ? Bytes(env::table_key_bytes_max, '\xff') : stored.end);
  while (valid && cursor_->key() >= stored.start) {
    const auto found = split_version_key(cursor_->key());
    auto key = found ? decode_key(found->encoded) : decode_key({});
    if (!key) return std::unexpected(key.error());
    if (page.full() || page.tired()) {
      key->push_back('\0');  // just above this key
      return page.take(env::KeySpan{span.start, std::move(*key)});
    }

    const Bytes encoded{found->encoded};
    page.saw_version();
    if (found->ts <= ts && cursor_->seek(version_key(encoded, ts))) {
      const auto version = here();
      if (!version) return std::unexpected(version.error());
      if (!version->tombstone) {
        if (auto added = page.add(std::move(*key), version->row); !added) return std::unexpected(added.error());
      }
    }
    valid = cursor_->seek_before(encoded);
  }
  return page.take();
}

Result<std::optional<Bytes>> Reader::newer_in(const env::KeySpan& span, Timestamp ts) {
  const env::KeySpan stored = stored_span(span);
  bool valid = !is_empty(span) && cursor().seek(stored.start);
  while (valid && contains(stored, cursor_->key())) {
    const auto found = split_version_key(cursor_->key());
    if (!found) return std::unexpected(decode_key({}).error());
    if (found->ts > ts) {
      auto key = decode_key(found->encoded);
      if (!key) return std::unexpected(key.error());
      return std::move(*key);
    }
    valid = skip_key(Bytes{found->encoded});
  }
  return std::nullopt;
}

/// To the first key at or above `stored_key`, which is ahead.
bool Reader::skip_to(BytesView stored_key) {
  for (int step = 0; step < steps_before_seek; ++step) {
    if (!cursor_->next()) return false;
    if (cursor_->key() >= stored_key) return true;
  }
  return cursor_->seek(stored_key);
}

/// Past all versions of the key that the cursor is at.
bool Reader::skip_key(BytesView encoded) {
  for (int step = 0; step < steps_before_seek; ++step) {
    if (!cursor_->next()) return false;
    if (!is_of(cursor_->key(), encoded)) return true;
  }
  return cursor_->seek(after_versions(encoded));
}

}  // namespace ddb::mvcc
