#include "host/snapshot_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "range/snapshot_format.hpp"

namespace ddb::host {

namespace {

class File {
 public:
  File(const std::string& path, int flags) : path_{path}, fd_{::open(path.c_str(), flags | O_CLOEXEC, 0644)} {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  std::unexpected<Error> error(const char* doing) const {
    const Code code = errno == ENOSPC ? Code::store_full : Code::io;
    return fail(code, std::string{doing} + " " + path_ + ": " + std::strerror(errno));
  }
  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }

  Result<void> write_all(BytesView data, uint64_t offset) {
    while (!data.empty()) {
      const ssize_t wrote = ::pwrite(fd_, data.data(), data.size(), static_cast<off_t>(offset));
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return error("cannot write");
      data.remove_prefix(static_cast<size_t>(wrote));
      offset += static_cast<uint64_t>(wrote);
    }
    return {};
  }

 private:
  std::string path_;
  int fd_;
};

/// I1: all rows of one moment. The file is never empty: even no rows are one piece.
Result<env::SnapshotMade> copy(lmdb::Snapshot& snapshot, const Bytes& record_key, std::vector<env::TableSpan> spans,
                               const std::string& path) {
  auto record = snapshot.get(env::Table::range, record_key);
  if (!record) return std::unexpected(record.error());
  if (!*record) return fail(Code::try_again, "the range has not been flushed yet");
  File file{path, O_WRONLY | O_CREAT | O_TRUNC};
  if (!file.is_open()) return file.error("cannot create");
  env::SnapshotMade made{std::move(**record), 0};
  do {
    env::WriteBatch rows;
    if (auto read = snapshot.read(spans, range::snapshot_piece_bytes, rows); !read) return std::unexpected(read.error());
    const Bytes piece = range::encode_snapshot_piece(rows);
    if (auto written = file.write_all(piece, made.size); !written) return std::unexpected(written.error());
    made.size += piece.size();
  } while (!spans.empty());
  return made;
}

/// H1: in pieces, so that memory stays small.
Result<range::RowSum> sum_up(lmdb::Snapshot& snapshot, std::vector<env::TableSpan> spans) {
  range::RowSum sum;
  while (!spans.empty()) {
    env::WriteBatch rows;
    if (auto read = snapshot.read(spans, range::snapshot_piece_bytes, rows); !read) return std::unexpected(read.error());
    sum.add(rows);
  }
  return sum;
}

Result<void> sync(const std::string& path, const std::string& directory) {
  const File file{path, O_WRONLY};
  if (!file.is_open() || ::fdatasync(file.fd()) != 0) return file.error("cannot sync");
  const File entry{directory, O_RDONLY | O_DIRECTORY};
  if (!entry.is_open() || ::fsync(entry.fd()) != 0) return entry.error("cannot sync");
  return {};
}

}  // namespace

SnapshotFiles::SnapshotFiles(net::Loop& loop, lmdb::Store& store, const std::string& directory, Events events)
    : loop_{loop}, store_{store}, directory_{directory + "/snapshots"}, events_{std::move(events)} {
  std::filesystem::create_directories(directory_);
}

SnapshotFiles::~SnapshotFiles() {
  *alive_ = false;
  worker_.stop();
}

std::string SnapshotFiles::path(uint64_t id) const { return directory_ + "/" + std::to_string(id); }

void SnapshotFiles::keep_only(const std::set<uint64_t>& ids) {
  for (const auto& file : std::filesystem::directory_iterator{directory_}) {
    const bool kept = std::any_of(ids.begin(), ids.end(), [&](uint64_t id) { return file.path() == path(id); });
    if (!kept) std::filesystem::remove(file.path());
  }
}

template <class Work, class Done>
void SnapshotFiles::run(Work work, Done done) {
  worker_.start([this, work = std::move(work), done = std::move(done)]() mutable {
    loop_.post([alive = alive_, result = work(), done = std::move(done)]() mutable {
      if (*alive) done(std::move(result));
    });
  });
}

void SnapshotFiles::make(uint64_t id, Bytes record_key, std::vector<env::TableSpan> spans) {
  auto snapshot = store_.snapshot();
  if (!snapshot) {
    loop_.post([alive = alive_, this, id, error = snapshot.error()] {
      if (*alive) events_.made(id, std::unexpected(error));
    });
    return;
  }
  run([snapshot = std::move(*snapshot), key = std::move(record_key), spans = std::move(spans), path = path(id)] mutable {
        auto made = copy(*snapshot, key, std::move(spans), path);
        snapshot.reset();  // the reader goes with the copy: it pins pages
        return made;
      },
      [this, id](Result<env::SnapshotMade> made) { events_.made(id, std::move(made)); });
}

void SnapshotFiles::scan(uint64_t id, std::vector<env::TableSpan> spans) {
  auto snapshot = store_.snapshot();
  if (!snapshot) {
    loop_.post([alive = alive_, this, id, error = snapshot.error()] {
      if (*alive) events_.scanned(id, std::unexpected(error));
    });
    return;
  }
  run([snapshot = std::move(*snapshot), spans = std::move(spans)]() mutable {
        auto sum = sum_up(*snapshot, std::move(spans));
        snapshot.reset();  // it pins pages
        return sum;
      },
      [this, id](Result<range::RowSum> sum) { events_.scanned(id, std::move(sum)); });
}

Result<Bytes> SnapshotFiles::read(uint64_t id, uint64_t offset, size_t size) {
  const File file{path(id), O_RDONLY};
  if (!file.is_open()) return file.error("cannot open");
  Bytes data(size, '\0');
  size_t got = 0;
  while (got < size) {
    const ssize_t n = ::pread(file.fd(), data.data() + got, size - got, static_cast<off_t>(offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file.error("cannot read");
    if (n == 0) break;
    got += static_cast<size_t>(n);
  }
  data.resize(got);
  return data;
}

Result<void> SnapshotFiles::write(uint64_t id, uint64_t offset, BytesView data) {
  File file{path(id), offset == 0 ? O_WRONLY | O_CREAT | O_TRUNC : O_WRONLY};
  if (!file.is_open()) return file.error("cannot create");
  return file.write_all(data, offset);
}

void SnapshotFiles::seal(uint64_t id) {
  run([path = path(id), directory = directory_] { return sync(path, directory); },
      [this, id](Result<void> done) { events_.sealed(id, std::move(done)); });
}

void SnapshotFiles::drop(uint64_t id) {
  // Behind the tasks at hand, which may still be writing it.
  worker_.start([path = path(id)] { ::unlink(path.c_str()); });
}

}  // namespace ddb::host
