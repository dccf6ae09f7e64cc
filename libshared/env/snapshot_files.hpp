// Files that snapshots travel in (I1, I3), as the cores see them.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "env/state.hpp"

namespace ddb::env {

/// A finished copy of a range's rows.
struct SnapshotMade {
  Bytes record;       // value under the record key, of the same moment as the rows
  uint64_t size = 0;  // of the file, bytes
};

/// Files by id; ids are drawn at random and never used again. Reads and writes are short and go to the page
/// cache; what takes long answers later. One thread: the core's.
class SnapshotFiles {
 public:
  virtual ~SnapshotFiles() = default;
  /// Copies what the last flush holds of `spans`, and the value of `record_key` in table `range`, under one
  /// reader. Answer: Store::snapshot_made.
  virtual void make(uint64_t id, Bytes record_key, std::vector<TableSpan> spans) = 0;
  /// Goes over what the last flush holds of `spans`, piece by piece under one reader (H1). Answer: Store::scanned.
  virtual void scan(uint64_t id, std::vector<TableSpan> spans) = 0;
  virtual Result<Bytes> read(uint64_t id, uint64_t offset, size_t size) = 0;  // shorter at the end of the file only
  virtual Result<void> write(uint64_t id, uint64_t offset, BytesView data) = 0;  // offset 0 makes the file
  /// Makes the file durable. Answer: Store::snapshot_sealed.
  virtual void seal(uint64_t id) = 0;
  virtual void drop(uint64_t id) = 0;  // of no more use; unknown ids are fine
};

}  // namespace ddb::env
