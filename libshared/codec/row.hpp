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

/// Cells 0, 1, 2... Trailing NULLs are kept: a cell that is there hides its column's default.
Bytes encode_row(uint64_t version, std::span<const ValueView> cells);

/// Reads single cells of an encoded row on demand, in any order. Borrows the bytes. Made to be opened again
/// for the next row: the library's own parser would build a tree of every row of a scan.
class RowReader {
 public:
  /// Looks at the header alone. bad_data: not such an array.
  Result<void> open(BytesView row);

  uint64_t version() const { return version_; }
  uint32_t cells() const { return cells_; }
  /// Cell `id`; NULL when id >= cells(). bad_data: damaged at or before it.
  Result<ValueView> cell(uint32_t id);
  /// The bytes of cell `id`, which is below cells(). bad_data: damaged.
  Result<BytesView> encoded(uint32_t id);

 private:
  BytesView row_;
  uint64_t version_ = 0;
  uint32_t cells_ = 0;
  std::vector<uint32_t> offsets_;  // of the cells found so far, and of the one after them
};

}  // namespace ddb::codec
