#include "range/installer.hpp"

#include "range/clearing.hpp"
#include "range/snapshot_format.hpp"

namespace ddb::range {

Result<size_t> Installer::step(env::SnapshotFiles& files, env::State& state, size_t bytes_max) {
  size_t bytes = 0;
  while (bytes < bytes_max && !clearing_.empty()) bytes += clear_rows(state, clearing_, bytes_max - bytes);
  while (bytes < bytes_max && !done()) {
    const auto piece = read_snapshot_piece(files, progress_.file, progress_.offset);
    if (!piece) return std::unexpected(piece.error());
    state.apply(piece->rows);
    bytes += piece->end - progress_.offset;
    progress_.offset = piece->end;
  }
  return bytes;
}

}  // namespace ddb::range
