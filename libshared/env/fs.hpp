// Files as the log sees them, so that tests can stop a store after any single operation on them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace ddb::env {

/// An open file. One thread at a time. Errors: store_full (no space, quota, size limit), io.
class File {
 public:
  virtual ~File() = default;
  virtual Result<void> write(uint64_t offset, BytesView bytes) = 0;   // all of it, or an error
  virtual Result<Bytes> read(uint64_t offset, size_t bytes_max) = 0;  // shorter at the end of the file only
  virtual Result<void> sync() = 0;  // contents and size are durable; after an error nothing is known of them
  virtual Result<uint64_t> size() = 0;
};

/// Held while it exists; the system drops it when the process dies.
class DirectoryLock {
 public:
  virtual ~DirectoryLock() = default;
};

/// Names are durable only after sync_directory; contents only after File::sync. Any thread.
/// Errors as for File; and not_found, of open_existing, rename and remove.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> create(const std::string& path) = 0;  // empty, replacing what is there
  virtual Result<std::unique_ptr<File>> open_existing(const std::string& path) = 0;
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;  // replaces `to`
  virtual Result<void> remove(const std::string& path) = 0;
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;  // names of entries, sorted
  virtual Result<void> make_directory(const std::string& path) = 0;  // done already: fine
  virtual Result<void> sync_directory(const std::string& path) = 0;
  /// refused: another process holds it; the message names its pid.
  virtual Result<std::unique_ptr<DirectoryLock>> lock(const std::string& directory) = 0;
  /// A file of that many bytes whose contents mean nothing: its space is taken until it is removed.
  virtual Result<void> reserve(const std::string& path, uint64_t bytes) = 0;
  virtual Result<uint64_t> free_bytes(const std::string& directory) = 0;  // to an unprivileged process
};

}  // namespace ddb::env
