#include "gateway/dump_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "sql/query.hpp"

namespace ddb::gateway {

namespace {

std::unexpected<Error> system_error(Code code, std::string_view what, const std::string& path) {
  return fail(code, fmt::format("cannot {} {}: {}", what, path, std::strerror(errno)));
}

Result<void> sync(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) return system_error(Code::io, "open", path);
  const int synced = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  errno = error;
  return synced == 0 ? Result<void>{} : system_error(Code::io, "write", path);
}

}  // namespace

struct DumpFile::Impl {
  std::string path;
  std::string beside;
  sqlite3* db = nullptr;
  sql::Query insert;
  bool committed = false;

  ~Impl() {
    insert = {};
    sqlite3_close(db);
    if (!committed) ::unlink(beside.c_str());
  }

  std::unexpected<Error> trouble() const {
    const int code = sqlite3_errcode(db);
    const bool disk = code == SQLITE_FULL || code == SQLITE_IOERR || code == SQLITE_CANTOPEN || code == SQLITE_READONLY;
    return fail(disk ? Code::io : Code::failed, fmt::format("cannot write {}: {}", path, sqlite3_errmsg(db)));
  }
  Result<void> run(std::string_view sql) {
    const std::string text{sql};
    if (sqlite3_exec(db, text.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
    return trouble();
  }
};

DumpFile::DumpFile(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
DumpFile::~DumpFile() = default;

/// A journal or a log that is there belongs to the file that would be replaced, and would be played back on the new one.
Result<std::unique_ptr<DumpFile>> DumpFile::create(const std::string& path) {
  for (const char* suffix : {"-journal", "-wal"}) {
    if (::access((path + suffix).c_str(), F_OK) == 0)
      return fail(Code::cannot_create, fmt::format("{} is in use: {}{} is there", path, path, suffix), "close it in SQLite, or name another file");
  }
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->beside = fmt::format("{}.{}.new", path, ::getpid());
  const int fd = ::open(impl->beside.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) {
    impl->committed = true;  // whatever is there is not ours
    return system_error(Code::cannot_create, "create", impl->beside);
  }
  ::close(fd);
  if (sqlite3_open_v2(impl->beside.c_str(), &impl->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr) != SQLITE_OK)
    return impl->trouble();
  // Until it is renamed nobody needs it: no journal, and one sync at the end.
  if (auto set = impl->run("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; BEGIN"); !set)
    return std::unexpected(set.error());
  return std::unique_ptr<DumpFile>{new DumpFile{std::move(impl)}};
}

Result<void> DumpFile::statement(std::string_view sql) { return impl_->run(sql); }

Result<void> DumpFile::rows_of(std::string_view insert, size_t columns) {
  std::string sql = std::string{insert} + " VALUES(";
  for (size_t i = 0; i < columns; ++i) sql += i == 0 ? "?" : ",?";
  auto prepared = sql::Query::prepare(impl_->db, sql + ")", true);
  if (!prepared) return impl_->trouble();
  impl_->insert = *std::move(prepared);
  return {};
}

Result<void> DumpFile::row(std::span<const sql::ValueView> values) {
  return impl_->insert.run(values) ? Result<void>{} : impl_->trouble();
}

Result<void> DumpFile::commit() {
  impl_->insert = {};
  if (auto done = impl_->run("COMMIT"); !done) return done;
  sqlite3_close(std::exchange(impl_->db, nullptr));
  if (auto synced = sync(impl_->beside, O_RDWR); !synced) return synced;
  if (::rename(impl_->beside.c_str(), impl_->path.c_str()) != 0) return system_error(Code::io, "rename to", impl_->path);
  impl_->committed = true;
  const auto directory = std::filesystem::path{impl_->path}.parent_path();
  return sync(directory.empty() ? "." : directory.string(), O_RDONLY | O_DIRECTORY);
}

}  // namespace ddb::gateway
