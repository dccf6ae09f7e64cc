// The inside of a snapshot file: pieces of rows, each a length, a CRC32C and puts.
#pragma once

#include <optional>

#include "base/result.hpp"
#include "env/snapshot_files.hpp"
#include "env/state.hpp"

namespace ddb::range {

constexpr size_t snapshot_piece_bytes = 256 << 10;  // of rows, about

Bytes encode_snapshot_piece(const env::WriteBatch& rows);

struct SnapshotPiece {
  env::WriteBatch rows;
  uint64_t end = 0;  // offset of the next piece
};

/// The piece at `offset`. bad_data: the file is damaged there.
Result<SnapshotPiece> read_snapshot_piece(env::SnapshotFiles& files, uint64_t id, uint64_t offset);

}  // namespace ddb::range
