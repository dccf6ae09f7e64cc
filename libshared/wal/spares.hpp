// Files ready to become segments: zero-filled once, then recycled, since writing into a file's holes costs a
// journal commit per sync.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "env/fs.hpp"

namespace ddb::wal {

/// Any thread; slow work happens outside the lock.
class Spares {
 public:
  Spares(env::FileSystem& files, std::string directory, uint64_t file_bytes, uint32_t wanted);

  struct Spare {
    std::string path;
    std::unique_ptr<env::File> file;
    uint64_t size = 0;
  };

  Result<void> find();                       // those left by an earlier process
  Result<Spare> take(uint64_t bytes_min);    // makes one if none fits
  /// Segments that are needless, by path and size: keeps as many as lately went between two calls, but at least
  /// `wanted`, and removes the rest. So a busy log zero-fills nothing, and an idle one holds little.
  Result<void> give(const std::vector<std::pair<std::string, uint64_t>>& segments);
  Result<void> prepare();                    // makes what is missing of `wanted`; lets go of what is too much
  uint32_t count() const;

 private:
  std::string fresh_path();
  Result<Spare> make(uint64_t bytes);
  Result<void> trim();
  Result<void> give_one(const std::string& path, uint64_t size, uint32_t limit);

  env::FileSystem& files_;
  const std::string directory_;
  const uint64_t file_bytes_;
  const uint32_t wanted_;
  mutable std::mutex mutex_;
  std::vector<std::string> paths_;  // under mutex_; each file_bytes_ long
  uint64_t next_ = 1;               // under mutex_
  uint32_t taken_ = 0;              // under mutex_; since the last give()
  uint32_t limit_ = 0;              // under mutex_; of spares to keep
};

}  // namespace ddb::wal
