// Snapshot files of a data directory: DIR/snapshots/<id>.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "env/snapshot_files.hpp"
#include "host/worker.hpp"
#include "lmdb/store.hpp"
#include "net/loop.hpp"
#include "range/row_sum.hpp"

namespace ddb::host {

/// Copying and syncing happen on a thread of their own; answers come on the loop.
class SnapshotFiles final : public env::SnapshotFiles {
 public:
  struct Events {
    std::function<void(uint64_t id, Result<env::SnapshotMade>)> made;
    std::function<void(uint64_t id, Result<void>)> sealed;
    std::function<void(uint64_t id, Result<range::RowSum>)> scanned;
  };

  /// Makes the directory. Throws std::filesystem::filesystem_error.
  SnapshotFiles(net::Loop& loop, lmdb::Store& store, const std::string& directory, Events events);
  ~SnapshotFiles() override;

  /// Removes every file but these: whatever an earlier process left behind.
  void keep_only(const std::set<uint64_t>& ids);

  void make(uint64_t id, Bytes record_key, std::vector<env::TableSpan> spans) override;
  void scan(uint64_t id, std::vector<env::TableSpan> spans) override;
  Result<Bytes> read(uint64_t id, uint64_t offset, size_t size) override;
  Result<void> write(uint64_t id, uint64_t offset, BytesView data) override;
  void seal(uint64_t id) override;
  void drop(uint64_t id) override;

 private:
  std::string path(uint64_t id) const;
  template <class Work, class Done>
  void run(Work work, Done done);

  net::Loop& loop_;
  lmdb::Store& store_;
  const std::string directory_;
  const Events events_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Worker worker_;
};

}  // namespace ddb::host
