#include "wal/spares.hpp"

#include <algorithm>

namespace ddb::wal {

namespace {

constexpr BytesView prefix = "spare-";
constexpr uint64_t chunk_bytes = 1 << 20;
constexpr uint32_t limit_max = 32;

}  // namespace

Spares::Spares(env::FileSystem& files, std::string directory, uint64_t file_bytes, uint32_t wanted)
    : files_{files}, directory_{std::move(directory)}, file_bytes_{file_bytes}, wanted_{wanted} {}

Result<void> Spares::find() {
  const auto names = files_.list(directory_);
  if (!names) return std::unexpected(names.error());
  for (const auto& name : *names) {
    if (!name.starts_with(prefix)) continue;
    const std::string path = directory_ + "/" + name;
    auto file = files_.open_existing(path);
    if (!file) return std::unexpected(file.error());
    const auto size = (*file)->size();
    if (!size) return std::unexpected(size.error());
    if (*size == file_bytes_ && paths_.size() < wanted_) {
      paths_.push_back(path);
      continue;
    }
    // Cut short while it was zero-filled, or made for another segment size.
    auto removed = files_.remove(path);
    if (!removed) return removed;
  }
  return {};
}

std::string Spares::fresh_path() {
  const std::lock_guard lock{mutex_};
  for (;;) {
    std::string path = directory_ + "/" + std::string{prefix} + std::to_string(next_++);
    if (std::find(paths_.begin(), paths_.end(), path) == paths_.end()) return path;
  }
}

Result<Spares::Spare> Spares::make(uint64_t bytes) {
  const std::string path = fresh_path();
  auto file = files_.create(path);
  if (!file) return std::unexpected(file.error());
  const Bytes zeroes(std::min(bytes, chunk_bytes), '\0');
  Result<void> done;
  for (uint64_t offset = 0; done && offset < bytes; offset += zeroes.size())
    done = (*file)->write(offset, BytesView{zeroes}.substr(0, bytes - offset));
  if (done) done = (*file)->sync();
  if (!done) {
    (void)files_.remove(path);  // gives back what space it took; find() removes it otherwise
    return std::unexpected(done.error());
  }
  return Spare{path, std::move(*file), bytes};
}

Result<Spares::Spare> Spares::take(uint64_t bytes_min) {
  std::string path;
  {
    const std::lock_guard lock{mutex_};
    ++taken_;
    if (bytes_min <= file_bytes_ && !paths_.empty()) {
      path = std::move(paths_.back());
      paths_.pop_back();
    }
  }
  if (path.empty()) return make(bytes_min);
  auto file = files_.open_existing(path);
  if (!file) return std::unexpected(file.error());
  return Spare{path, std::move(*file), file_bytes_};
}

Result<void> Spares::give(const std::vector<std::pair<std::string, uint64_t>>& segments) {
  uint32_t limit = 0;
  {
    const std::lock_guard lock{mutex_};
    const uint32_t taken = std::min(std::exchange(taken_, 0), limit_max);
    limit = limit_ = std::max({wanted_, taken, limit_ - std::min(limit_, 1U)});  // falls slowly
  }
  for (const auto& [path, size] : segments)
    if (auto given = give_one(path, size, limit); !given) return given;
  return {};
}

Result<void> Spares::give_one(const std::string& path, uint64_t size, uint32_t limit) {
  if (size != file_bytes_ || count() >= limit) return files_.remove(path);
  std::string spare = fresh_path();
  auto renamed = files_.rename(path, spare);
  if (!renamed) return renamed;
  const std::lock_guard lock{mutex_};
  paths_.push_back(std::move(spare));
  return {};
}

Result<void> Spares::prepare() {
  auto trimmed = trim();
  if (!trimmed) return trimmed;
  while (count() < wanted_) {
    auto made = make(file_bytes_);
    if (!made) return std::unexpected(made.error());
    const std::lock_guard lock{mutex_};
    paths_.push_back(std::move(made->path));
  }
  return {};
}

/// One file at a time, while nothing is taken: an idle log does not keep what a busy hour needed.
Result<void> Spares::trim() {
  std::string path;
  {
    const std::lock_guard lock{mutex_};
    if (taken_ != 0) return {};
    limit_ = std::max(wanted_, limit_ - std::min(limit_, 1U));
    if (paths_.size() <= limit_) return {};
    path = std::move(paths_.back());
    paths_.pop_back();
  }
  return files_.remove(path);
}

uint32_t Spares::count() const {
  const std::lock_guard lock{mutex_};
  return static_cast<uint32_t>(paths_.size());
}

}  // namespace ddb::wal
