// What keys mean at a timestamp: reads of versions through one cursor of table `data`.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "codec/selection.hpp"
#include "env/kv.hpp"
#include "env/state.hpp"
#include "mvcc/key.hpp"
#include "mvcc/version.hpp"

namespace ddb::mvcc {

struct ScanBounds {
  uint32_t rows_max = 0;      // at least 1
  uint64_t bytes_max = 0;     // of keys and values: the page ends with the row that reaches it
  uint32_t versions_max = 0;  // looked at: a page over garbage ends without rows, but gets on
};

struct Page {
  std::vector<env::KeyValue> rows;   // in scan order
  std::optional<env::KeySpan> rest;  // nullopt: the span is done
};

/// Valid as long as a cursor is: within one callback of a core. All errors are bad_data.
class Reader {
 public:
  explicit Reader(env::State& state) : state_{state} {}

  /// The newest version of the key at or below `ts`, tombstones included (R4). Until the next call.
  Result<std::optional<Version>> at(BytesView user_key, Timestamp ts);

  /// The version that is the record of this attempt, if the key has it (P8). Until the next call.
  Result<std::optional<Version>> record(BytesView user_key, const Writer& attempt);

  /// Live rows of the span at `ts` (R4), from either end; what `selector` makes of them, if there is one.
  Result<Page> scan(const env::KeySpan& span, bool reverse, Timestamp ts, const ScanBounds& bounds, codec::Selector* selector = nullptr);

  /// A key of the span that has a version newer than `ts`; nullopt: none (P4).
  Result<std::optional<Bytes>> newer_in(const env::KeySpan& span, Timestamp ts);

 private:
  class PageWriter;

  env::Cursor& cursor();
  Result<Version> here() { return decode_version(cursor_->key(), cursor_->value()); }
  Result<Page> scan_up(const env::KeySpan& span, PageWriter page, Timestamp ts);
  Result<Page> scan_down(const env::KeySpan& span, PageWriter page, Timestamp ts);
  bool skip_to(BytesView stored_key);
  bool skip_key(BytesView encoded);

  env::State& state_;
  std::unique_ptr<env::Cursor> cursor_;
};

}  // namespace ddb::mvcc
