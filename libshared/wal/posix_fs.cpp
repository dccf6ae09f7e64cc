#include "wal/posix_fs.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace ddb::wal {

namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_{fd} {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { if (fd_ >= 0) ::close(fd_); }
  int get() const { return fd_; }

 private:
  int fd_;
};

class PosixFile final : public env::File {
 public:
  PosixFile(std::string path, int fd) : path_{std::move(path)}, fd_{fd} {}

  Result<void> write(uint64_t offset, BytesView bytes) override {
    while (!bytes.empty()) {
      const ssize_t n = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return file_error("write", path_, errno);
      bytes.remove_prefix(static_cast<size_t>(n));
      offset += static_cast<uint64_t>(n);
    }
    return {};
  }

  Result<Bytes> read(uint64_t offset, size_t bytes_max) override {
    Bytes out(bytes_max, '\0');
    size_t done = 0;
    while (done < bytes_max) {
      const ssize_t n = ::pread(fd_.get(), out.data() + done, bytes_max - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return file_error("read", path_, errno);
      if (n == 0) break;
      done += static_cast<size_t>(n);
    }
    out.resize(done);
    return out;
  }

  Result<void> sync() override {
    if (::fdatasync(fd_.get()) != 0) return file_error("sync", path_, errno);
    return {};
  }

  Result<uint64_t> size() override {
    struct stat status{};
    if (::fstat(fd_.get(), &status) != 0) return file_error("examine", path_, errno);
    return static_cast<uint64_t>(status.st_size);
  }

 private:
  const std::string path_;
  const Descriptor fd_;
};

class PosixLock final : public env::DirectoryLock {
 public:
  explicit PosixLock(int fd) : fd_{fd} {}
  int fd() const { return fd_.get(); }

 private:
  const Descriptor fd_;
};

Result<std::unique_ptr<env::File>> open_file(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_RDWR | O_CLOEXEC, 0644);
  if (fd < 0) return file_error("open", path, errno);
  return std::make_unique<PosixFile>(path, fd);
}

/// Who holds a lock file, as far as it says.
std::string holder(int fd) {
  char text[32] = {};
  const ssize_t n = ::pread(fd, text, sizeof text - 1, 0);
  return n > 0 ? "process " + std::string{text, std::strcspn(text, "\n")} : "another process";
}

class PosixFileSystem final : public env::FileSystem {
 public:
  Result<std::unique_ptr<env::File>> create(const std::string& path) override {
    return open_file(path, O_CREAT | O_TRUNC);
  }
  Result<std::unique_ptr<env::File>> open_existing(const std::string& path) override { return open_file(path, 0); }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (std::rename(from.c_str(), to.c_str()) != 0) return file_error("rename", from, errno);
    return {};
  }
  Result<void> remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return file_error("remove", path, errno);
    return {};
  }

  Result<std::vector<std::string>> list(const std::string& directory) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream{::opendir(directory.c_str()), ::closedir};
    if (!stream) return file_error("open", directory, errno);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(stream.get())) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    if (errno != 0) return file_error("list", directory, errno);
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<void> make_directory(const std::string& path) override {
    if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return file_error("make", path, errno);
    return {};
  }

  Result<void> sync_directory(const std::string& path) override {
    const Descriptor fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (fd.get() < 0) return file_error("open", path, errno);
    if (::fsync(fd.get()) != 0) return file_error("sync", path, errno);
    return {};
  }

  Result<std::unique_ptr<env::DirectoryLock>> lock(const std::string& directory) override {
    const std::string path = directory + "/lock";
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return file_error("open", path, errno);
    auto lock = std::make_unique<PosixLock>(fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return file_error("lock", path, errno);
      return fail(Code::refused, directory + " is in use by " + holder(fd), "stop it, or name another directory");
    }
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd, 0) != 0) return file_error("write", path, errno);
    // On a full disk the lock holds all the same; only its message is poorer.
    (void)!::pwrite(fd, pid.data(), pid.size(), 0);
    return lock;
  }

  Result<void> reserve(const std::string& path, uint64_t bytes) override {
    const Descriptor fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)};
    if (fd.get() < 0) return file_error("open", path, errno);
    if (const int error = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(bytes)); error != 0)
      return file_error("reserve space in", path, error);
    return {};
  }

  Result<uint64_t> free_bytes(const std::string& directory) override {
    struct statvfs status{};
    if (::statvfs(directory.c_str(), &status) != 0) return file_error("examine", directory, errno);
    return static_cast<uint64_t>(status.f_bavail) * status.f_frsize;
  }
};

}  // namespace

std::unexpected<Error> file_error(const std::string& what, const std::string& path, int error) {
  const std::string message = "cannot " + what + " " + path + ": " + std::strerror(error);
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return fail(Code::store_full, message, "make space");
    case ENOENT: return fail(Code::not_found, message);
    default: return fail(Code::io, message);
  }
}

env::FileSystem& posix_files() {
  static PosixFileSystem files;
  return files;
}

}  // namespace ddb::wal
