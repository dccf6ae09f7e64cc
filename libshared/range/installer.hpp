// Puts a snapshot's rows in place of what a replica had, in pieces that a crash may come between (I3).
#pragma once

#include <vector>

#include "env/snapshot_files.hpp"
#include "range/record.hpp"

namespace ddb::range {

/// First the old rows go, then the file's come. Both may be done again from an earlier point: what was done stays
/// done. Progress is as far as the state has it, so record and rows flush together (A2).
class Installer {
 public:
  Installer(const Install& progress, std::vector<env::TableSpan> spans)
      : progress_{progress}, clearing_{std::move(spans)} {
    if (progress_.offset > 0) clearing_.clear();
  }

  /// About `bytes_max` more bytes. Returns how many. bad_data, io: the file is of no use; the store must stop.
  Result<size_t> step(env::SnapshotFiles& files, env::State& state, size_t bytes_max);
  bool done() const { return clearing_.empty() && progress_.offset >= progress_.size; }
  const Install& progress() const { return progress_; }

 private:
  Install progress_;
  std::vector<env::TableSpan> clearing_;  // what is left to clear
};

}  // namespace ddb::range
