#include "range/installer.hpp"

#include "range/snapshot_format.hpp"

namespace ddb::range {

size_t Installer::clear(env::State& state, size_t bytes_max) {
  auto& span = clearing_.back();
  env::WriteBatch gone;
  size_t bytes = 0;
  const auto cursor = state.cursor(span.table);
  bool on = cursor->seek(span.start);
  for (; on && bytes < bytes_max; on = cursor->next()) {
    if (!span.end.empty() && cursor->key() >= span.end) break;
    bytes += cursor->key().size();
    gone.erase(span.table, Bytes{cursor->key()});
  }
  if (on && bytes >= bytes_max) {
    span.start = gone.ops.back().key;  // erased: the next step finds what follows
  } else {
    clearing_.pop_back();
  }
  state.apply(gone);
  return bytes;
}

Result<size_t> Installer::step(env::SnapshotFiles& files, env::State& state, size_t bytes_max) {
  size_t bytes = 0;
  while (bytes < bytes_max && !clearing_.empty()) bytes += clear(state, bytes_max - bytes);
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
