// How segments and batches lie on disk (W1). All integers little-endian; layouts and magic words are never reused.
//
// A segment is a header block, then batches, each on a fresh block, then what the file held before: zeroes, or
// batches of a former life, which their seed makes invalid here.
//
//   header  "ddb-log\n" version store number previous_end first_batch proven_end size ... crc32c, in one block
//   batch   magic crc32c store segment batch length records, zeroes to the end of the block
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "wal/log.hpp"

namespace ddb::wal {

struct SegmentHeader {
  StoreId store;
  uint64_t number = 0;        // never repeats
  uint64_t previous_end = 0;  // where the segment before this one ends: all batches below are proven
  BatchNumber first_batch;    // that this segment holds, or will hold
  uint64_t proven_end = 0;    // what lies below was synced before the segment got its name (W3)
  uint64_t size = 0;          // of the file

  bool operator==(const SegmentHeader&) const = default;
};

Bytes encode(const SegmentHeader& header);  // block_bytes long
/// bad_data: damaged, or of another format.
Result<SegmentHeader> decode_header(BytesView block);

constexpr size_t batch_header_bytes = 40;

/// Where a batch stands: its seed, so that it is valid nowhere else.
struct BatchPlace {
  StoreId store;
  uint64_t segment = 0;
  uint64_t offset = 0;  // a multiple of block_bytes
};

/// Completes a batch: `buffer` is batch_header_bytes of anything, then the records. Pads it to whole blocks.
void seal_batch(Bytes& buffer, const BatchPlace& place, BatchNumber number);

struct FoundBatch {
  BatchNumber number;
  BytesView records;
  uint64_t end = 0;  // offset of the next batch
};

/// The batch at place.offset of a segment whose contents are `segment`; nullopt unless all of it is valid (W1).
std::optional<FoundBatch> find_batch(BytesView segment, const BatchPlace& place);

}  // namespace ddb::wal
