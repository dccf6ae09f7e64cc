// Reads a log back and tells a torn tail from damage (W2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "env/fs.hpp"
#include "wal/format.hpp"
#include "wal/log.hpp"

namespace ddb::wal {

std::string segment_name(uint64_t number);                           // "0000000000000007.log"
std::optional<uint64_t> segment_number(const std::string& name);

struct ReadSegment {
  SegmentHeader header;
  std::vector<proto::LogBatch> batches;
};

struct ReadLog {
  std::vector<uint64_t> rubbish;  // segments below the first one needed; sorted
  std::vector<ReadSegment> segments;
  uint64_t end = 0;       // of the last segment's valid batches: offset
  uint64_t last_start = 0;  // offset of the last segment's last valid batch; `end` when it has none
  Bytes last_records;     // of that batch
};

/// Checks everything there is to check. Errors: bad_data, refused (another store's), io.
Result<ReadLog> read_log(env::FileSystem& files, const std::string& directory, StoreId store,
                         const Position& position);

}  // namespace ddb::wal
