// A file system in memory that can stop after any operation, and then comes back as after a kill or a power loss.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "env/fs.hpp"
#include "env/random.hpp"

namespace ddb::test {

/// Copyable: a copy is another machine with the same disk.
class SimFs : public env::FileSystem {
 public:
  enum class Crash {
    kill,          // the page cache stays, still not durable
    power_drop,    // all that is not synced is gone
    power_keep,    // all that is not synced happens to be there
    power_tear,    // each unsynced sector and name, either way
  };
  static constexpr uint64_t sector_bytes = 512;

  // Control.
  std::optional<uint64_t> stop_after;   // operations; later ones fail
  bool tear_last_write = false;         // of a kill: the operation at which it stops writes a part only
  std::optional<uint64_t> failing_sync;  // the n-th sync fails, and what it was to write never gets to disk
  std::optional<uint64_t> space;        // bytes that all files together may have

  uint64_t operations() const { return operations_; }
  uint64_t syncs() const { return syncs_; }
  uint64_t created() const { return static_cast<uint64_t>(next_inode_) - 1; }  // files, ever
  bool stopped() const { return stop_after && operations_ >= *stop_after; }

  /// A step of something else than a file (an LMDB commit): false when the process has stopped before it.
  bool step() { return begin(); }

  void crash(Crash how, Random& random) {
    if (how != Crash::kill) {
      for (auto& [id, inode] : inodes_) lose_power(inode, how, random);
      lose_names(how, random);
    }
    operations_ = syncs_ = 0;
    stop_after.reset();
    failing_sync.reset();
    locked_.clear();
    collect();
  }

  std::map<std::string, Bytes> contents() const {
    std::map<std::string, Bytes> out;
    for (const auto& [path, id] : names_) out[path] = inodes_.at(id).cached;
    return out;
  }
  void put(const std::string& path, Bytes bytes) {  // durable at once
    const int id = names_.contains(path) ? names_[path] : next_inode_++;
    names_[path] = durable_names_[path] = id;
    inodes_[id] = {bytes, bytes, {}};
  }
  void drop(const std::string& path) {
    names_.erase(path);
    durable_names_.erase(path);
  }

  // env::FileSystem
  Result<std::unique_ptr<env::File>> create(const std::string& path) override {
    if (!begin()) return stop();
    const int id = next_inode_++;
    inodes_[id];
    rename_ops_.push_back({{}, path, id});
    names_[path] = id;
    return std::make_unique<SimFile>(*this, id);
  }
  Result<std::unique_ptr<env::File>> open_existing(const std::string& path) override {
    if (stopped()) return stop();
    const auto found = names_.find(path);
    if (found == names_.end()) return fail(Code::not_found, path + " does not exist");
    return std::make_unique<SimFile>(*this, found->second);
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    if (!begin()) return stop();
    const auto found = names_.find(from);
    if (found == names_.end()) return fail(Code::not_found, from + " does not exist");
    const int id = found->second;
    rename_ops_.push_back({from, to, id});
    names_.erase(found);
    names_[to] = id;
    return {};
  }
  Result<void> remove(const std::string& path) override {
    if (!begin()) return stop();
    const auto found = names_.find(path);
    if (found == names_.end()) return fail(Code::not_found, path + " does not exist");
    rename_ops_.push_back({path, {}, found->second});
    names_.erase(found);
    return {};
  }
  Result<std::vector<std::string>> list(const std::string& directory) override {
    if (stopped()) return stop();
    std::vector<std::string> out;
    for (const auto& [path, id] : names_)
      if (path.starts_with(directory + "/") && path.find('/', directory.size() + 1) == std::string::npos)
        out.push_back(path.substr(directory.size() + 1));
    return out;
  }
  Result<void> make_directory(const std::string&) override { return {}; }
  Result<void> sync_directory(const std::string&) override {
    if (!begin()) return stop();
    durable_names_ = names_;
    rename_ops_.clear();
    return {};
  }
  Result<std::unique_ptr<env::DirectoryLock>> lock(const std::string& directory) override {
    if (std::find(locked_.begin(), locked_.end(), directory) != locked_.end())
      return fail(Code::refused, directory + " is in use by process 1");
    locked_.push_back(directory);
    return std::make_unique<SimLock>(*this, directory);
  }
  Result<void> reserve(const std::string& path, uint64_t bytes) override {
    if (!begin()) return stop();
    if (!names_.contains(path)) names_[path] = durable_names_[path] = next_inode_++;
    auto& inode = inodes_[names_[path]];
    if (space && used() - inode.cached.size() + bytes > *space) return full();
    inode.cached.resize(bytes);
    inode.durable.resize(bytes);
    return {};
  }
  Result<uint64_t> free_bytes(const std::string&) override {
    return space ? *space - std::min(*space, used()) : uint64_t{1} << 40;
  }

 private:
  struct Write {
    uint64_t offset;
    Bytes bytes;
    bool lost;  // a sync of it failed: it stays in the cache, marked clean, and never gets to disk
  };
  struct Inode {
    Bytes cached;
    Bytes durable;
    std::vector<Write> unsynced;
  };
  struct Rename {  // create: no `from`; remove: no `to`
    std::string from;
    std::string to;
    int id;
  };

  class SimLock final : public env::DirectoryLock {
   public:
    SimLock(SimFs& fs, std::string directory) : fs_{fs}, directory_{std::move(directory)} {}
    ~SimLock() override { std::erase(fs_.locked_, directory_); }

   private:
    SimFs& fs_;
    std::string directory_;
  };

  class SimFile final : public env::File {
   public:
    SimFile(SimFs& fs, int id) : fs_{fs}, id_{id} {}
    Result<void> write(uint64_t offset, BytesView bytes) override { return fs_.write(id_, offset, bytes); }
    Result<Bytes> read(uint64_t offset, size_t bytes_max) override {
      if (fs_.stopped()) return stop();
      const Bytes& cached = fs_.inodes_[id_].cached;
      return offset >= cached.size() ? Bytes{} : cached.substr(offset, bytes_max);
    }
    Result<void> sync() override { return fs_.sync(id_); }
    Result<uint64_t> size() override {
      if (fs_.stopped()) return stop();
      return fs_.inodes_[id_].cached.size();
    }

   private:
    SimFs& fs_;
    int id_;
  };

  static std::unexpected<Error> stop() { return fail(Code::io, "the process has stopped"); }
  static std::unexpected<Error> full() { return fail(Code::store_full, "no space left on device"); }

  bool begin() {
    if (stopped()) return false;
    ++operations_;
    return true;
  }

  uint64_t used() const {
    uint64_t bytes = 0;
    for (const auto& [path, id] : names_) bytes += inodes_.at(id).cached.size();
    return bytes;
  }

  static void place(Bytes& file, uint64_t offset, BytesView bytes) {
    if (file.size() < offset + bytes.size()) file.resize(offset + bytes.size());
    std::copy(bytes.begin(), bytes.end(), file.begin() + static_cast<std::ptrdiff_t>(offset));
  }

  Result<void> write(int id, uint64_t offset, BytesView bytes) {
    if (!begin()) return stop();
    Inode& inode = inodes_[id];
    const uint64_t grown = std::max<uint64_t>(inode.cached.size(), offset + bytes.size()) - inode.cached.size();
    if (space && grown > 0 && used() + grown > *space) return full();
    if (stopped() && tear_last_write) bytes = bytes.substr(0, bytes.size() / 2 / sector_bytes * sector_bytes);
    place(inode.cached, offset, bytes);
    inode.unsynced.push_back({offset, Bytes{bytes}, false});
    return {};
  }

  Result<void> sync(int id) {
    if (!begin()) return stop();
    Inode& inode = inodes_[id];
    if (failing_sync && ++syncs_ == *failing_sync) {
      for (auto& write : inode.unsynced) write.lost = true;
      return fail(Code::io, "input/output error");
    }
    for (const auto& write : inode.unsynced)
      if (!write.lost) place(inode.durable, write.offset, write.bytes);
    std::erase_if(inode.unsynced, [](const Write& write) { return !write.lost; });
    return {};
  }

  static void lose_power(Inode& inode, Crash how, Random& random) {
    for (const auto& write : inode.unsynced) {
      if (how == Crash::power_drop) continue;
      for (uint64_t at = 0; at < write.bytes.size(); at += sector_bytes)
        if (how == Crash::power_keep || random.one_in(2))
          place(inode.durable, write.offset + at, BytesView{write.bytes}.substr(at, sector_bytes));
    }
    inode.unsynced.clear();
    inode.cached = inode.durable;
  }

  void lose_names(Crash how, Random& random) {
    for (const auto& op : rename_ops_) {
      if (how == Crash::power_drop || (how == Crash::power_tear && random.one_in(2))) continue;
      if (!op.from.empty()) {
        const auto found = durable_names_.find(op.from);
        if (found == durable_names_.end() || found->second != op.id) continue;
        durable_names_.erase(found);
      }
      if (!op.to.empty()) durable_names_[op.to] = op.id;
    }
    rename_ops_.clear();
    names_ = durable_names_;
  }

  void collect() {  // files without a name
    std::erase_if(inodes_, [this](const auto& item) {
      const auto named = [&](const auto& names) {
        return std::any_of(names.begin(), names.end(), [&](const auto& name) { return name.second == item.first; });
      };
      return !named(names_) && !named(durable_names_);
    });
  }

  std::map<int, Inode> inodes_;
  std::map<std::string, int> names_;
  std::map<std::string, int> durable_names_;
  std::vector<Rename> rename_ops_;
  std::vector<std::string> locked_;
  int next_inode_ = 1;
  uint64_t operations_ = 0;
  uint64_t syncs_ = 0;
};

}  // namespace ddb::test
