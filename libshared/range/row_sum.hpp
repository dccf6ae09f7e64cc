// What a scan of a replica's rows comes to (H1).
#pragma once

#include <cstdint>
#include <map>

#include "env/state.hpp"

namespace ddb::range {

struct RowSum {
  std::map<Bytes, Bytes> records;  // what the span has of table `range`, of the same moment
  uint64_t hash = 0;     // sum of row_hash
  uint64_t damaged = 0;  // rows whose checksum does not fit
  Bytes first;           // stored key of the first of them

  /// Puts, as they were read.
  void add(const env::WriteBatch& rows);
};

}  // namespace ddb::range
