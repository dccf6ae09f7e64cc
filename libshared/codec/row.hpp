// Values of rows: a MessagePack array of the table version that wrote it, then one cell per column id from 0.
//
// Column ids never return and never move, so ALTER rewrites no row: a shorter row was written before the
// later columns came, and a cell of a dropped column stays unread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "codec/value.hpp"

namespace ddb::codec {

/// Packs cells 0, 1, 2... Trailing NULLs are kept: a cell that is there hides the column's default.
Bytes encode_row(uint64_t version, std::span<const ValueView> cells);

/// Reads single cells of an encoded row, left to right on demand, as often as wanted.
/// Borrows the bytes. A damaged row gives bad_data at open() or at the first damaged cell.
class RowReader {
 public:
  RowReader() = default;
  /// Looks at the header alone.
  static Result<RowReader> open(BytesView row);

  uint64_t version() const { return version_; }
  uint32_t cells() const { return cells_; }
  /// Cell `id`; NULL when id >= cells(), which a caller tells by cells().
  Result<ValueView> cell(uint32_t id);
  /// All cells, borrowed.
  Result<std::vector<ValueView>> all();

 private:
  BytesView row_;
  uint64_t version_ = 0;
  uint32_t cells_ = 0;
  std::vector<uint32_t> offsets_;  // of the cells found so far, and of the next
};

}  // namespace ddb::codec
