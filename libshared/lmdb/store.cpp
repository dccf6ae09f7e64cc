#include "lmdb/store.hpp"

#include <unistd.h>

#include <cstdio>
#include <random>

#include "base/assert.hpp"
#include "lmdb/environment.hpp"
#include "lmdb/flush.hpp"
#include "lmdb/flush_image.hpp"
#include "lmdb/generation.hpp"
#include "lmdb/record.hpp"
#include "lmdb/snapshot.hpp"
#include "lmdb/view.hpp"
#include "wal/posix_fs.hpp"

namespace ddb::lmdb {

namespace {

constexpr int exit_io = 74;

constexpr size_t boots_max = 1000;  // that the oracle is told of

uint64_t draw() {
  std::random_device device;
  uint64_t id = 0;
  while (id == 0) id = uint64_t{device()} << 32 | device();
  return id;
}

std::string reserve_path(const std::string& directory) { return directory + "/reserve"; }

std::string parent_of(const std::string& directory) {
  const size_t name_end = directory.find_last_not_of('/');
  const size_t slash = name_end == std::string::npos ? std::string::npos : directory.rfind('/', name_end);
  if (slash == std::string::npos) return name_end == std::string::npos ? "/" : ".";
  return slash == 0 ? "/" : directory.substr(0, slash);
}

/// DIR, DIR/log and DIR/state, with names that last.
Result<void> make_directories(env::FileSystem& files, const std::string& directory) {
  for (const std::string& path : {directory, directory + "/log", directory + "/state"})
    if (auto made = files.make_directory(path); !made) {
      made.error().code = Code::cannot_create;
      return made;
    }
  auto synced = files.sync_directory(directory);
  if (synced) synced = files.sync_directory(parent_of(directory));
  return synced;
}

[[noreturn]] void stop_process(const std::string& directory, const Error& error) {
  std::fprintf(stderr, "ddb: store %s stops: %s\n", directory.c_str(), to_string(error).c_str());
  ::_exit(exit_io);
}

Result<void> commit_record(const Environment& env, KeptRecord& record, const std::function<void(StoreRecord&)>& edit) {
  auto txn = WriteTxn::begin(env);
  if (!txn) return std::unexpected(txn.error());
  return record.commit(env, *txn, edit);
}

/// The record of the store, made now if the environment is new.
Result<StoreRecord> load_or_make(const Environment& env, env::FileSystem& files, const std::string& directory) {
  auto found = load(env);
  if (!found) return std::unexpected(found.error());
  if (*found) return std::move(**found);
  const auto log = files.list(directory + "/log");
  if (!log) return std::unexpected(log.error());
  if (!log->empty())
    return fail(Code::bad_data, directory + " has a log but no state",
                "replace the store by an empty one and let it be rebuilt");
  KeptRecord record{{}};
  auto made = commit_record(env, record, [](StoreRecord& fresh) { fresh.identity.store = StoreId{draw()}; });
  if (!made) return std::unexpected(made.error());
  return record.get();
}

/// What a store is made of, opened in this order (A6).
struct Parts {
  std::unique_ptr<env::DirectoryLock> lock;
  std::unique_ptr<Environment> env;
  std::unique_ptr<KeptRecord> record;
  std::unique_ptr<wal::Log> log;
  std::vector<proto::LogBatch> recovered;
};

class DiskStore final : public Store, private env::State {
 public:
  DiskStore(std::string directory, const StoreOptions& options, env::FileSystem& files, Parts parts, ReadTxn txn)
      : directory_{std::move(directory)}, options_{options}, files_{files}, parts_{std::move(parts)},
        identity_{parts_.record->get().identity},
        reserve_{files, reserve_path(directory_), options.reserve_bytes},
        context_{*parts_.env, files, directory_, *parts_.log, *parts_.record, reserve_, commits_},
        reader_{*parts_.env, std::move(txn), [this](const Error& error) { fatal(error); }} {}

  const Identity& identity() const override { return identity_; }
  Result<void> adopt(uint64_t cluster, NodeId node) override;
  std::vector<proto::LogBatch> recovered() override { return std::exchange(parts_.recovered, {}); }

  env::State& state() override { return *this; }
  size_t overlay_bytes() const override;
  std::shared_ptr<Flush> cut(FlushPoint point) override;
  void finish(Flush& flush) override;
  Result<std::unique_ptr<Snapshot>> snapshot() override;

  wal::Log& log() override { return *parts_.log; }
  Result<SpaceState> maintain() override;

 private:
  // env::State
  std::optional<BytesView> get(env::Table table, BytesView key) override { return view().get(table, key); }
  std::unique_ptr<env::Cursor> cursor(env::Table table) override { return view().cursor(table); }
  void apply(const env::WriteBatch& batch) override;

  View view() { return {reader_, current_.get(), flushing_.get()}; }
  void fatal(const Error& error) const;

  const std::string directory_;
  const StoreOptions options_;
  env::FileSystem& files_;
  Parts parts_;
  Identity identity_;
  Reserve reserve_;
  std::atomic<uint64_t> commits_ = 0;
  FlushContext context_;

  // Core's.
  SnapshotReader reader_;
  std::shared_ptr<Generation> current_ = std::make_shared<Generation>();
  std::shared_ptr<const Generation> flushing_;
  bool sliced_ = false;         // the flush under way is
  uint64_t commits_seen_ = 0;
};

void DiskStore::fatal(const Error& error) const {
  if (options_.fatal) options_.fatal(error);
  stop_process(directory_, error);
}

Result<void> DiskStore::adopt(uint64_t cluster, NodeId node) {
  const bool same = identity_.cluster == cluster && identity_.node == node;
  if (!same && (identity_.cluster != 0 || identity_.node))
    return fail(Code::refused, directory_ + " belongs to node " + std::to_string(identity_.node.value) +
                                   " of cluster " + std::to_string(identity_.cluster),
                "use the directory of this node, or an empty one");
  auto done = commit_record(*parts_.env, *parts_.record, [&](StoreRecord& record) {
    record.identity.cluster = cluster;
    record.identity.node = node;
    record.identity.boots = {record.identity.boots.back()};
  });
  if (done) identity_ = parts_.record->get().identity;
  // On a full disk a store that was adopted before goes on, and tells the oracle of one start more the next time.
  if (!done && same && done.error().code == Code::store_full) return {};
  return done;
}

/// Views and cursors end here by contract, so the reader may follow a sliced flush: what it pins can then be
/// reused by the next slices. The generation being flushed hides what is new (A3).
void DiskStore::apply(const env::WriteBatch& batch) {
  const uint64_t commits = commits_.load(std::memory_order_acquire);
  if (commits != commits_seen_) {
    reader_.renew();
    commits_seen_ = commits;
  }
  for (const auto& op : batch.ops) current_->write(op.table, op.key, op.value);
}

size_t DiskStore::overlay_bytes() const {
  return current_->bytes() + (flushing_ ? flushing_->bytes() : 0);
}

std::shared_ptr<Flush> DiskStore::cut(FlushPoint point) {
  DDB_ASSERT(flushing_ == nullptr);
  flushing_ = std::exchange(current_, std::make_shared<Generation>());
  auto job = std::make_shared<FlushJob>(context_, flushing_, std::move(point), options_.slice_ops);
  sliced_ = job->sliced();
  return job;
}

void DiskStore::finish(Flush& flush) {
  DDB_ASSERT(flushing_ != nullptr);
  DDB_ASSERT(static_cast<FlushJob&>(flush).done());
  reader_.renew();  // before the generation goes (A3)
  commits_seen_ = commits_.load(std::memory_order_acquire);
  flushing_.reset();
  sliced_ = false;
}

Result<std::unique_ptr<Snapshot>> DiskStore::snapshot() {
  if (sliced_) return fail(Code::try_again, "a flush is under way");
  return open_snapshot(*parts_.env);
}

Result<SpaceState> DiskStore::maintain() {
  auto reserved = reserve_.restore();
  if (reserved) reserved = parts_.log->prepare_spares();
  if (!reserved && reserved.error().code != Code::store_full) return std::unexpected(reserved.error());
  if (!reserved) return SpaceState::none;
  const auto room = parts_.env->room();
  if (!room) return std::unexpected(room.error());
  const auto disk = files_.free_bytes(directory_);
  if (!disk) return std::unexpected(disk.error());
  const uint64_t free = room->free_pages + std::min(*disk, room->unmapped);
  return free < options_.reserve_bytes ? SpaceState::low : SpaceState::ample;
}

/// A2: a flush that was cut short is done anew, to its end. Nobody has seen the half of it.
Result<void> repair(KeptRecord& record, const Environment& env, env::FileSystem& files, const std::string& directory) {
  if (const auto image = record.get().image) {
    auto done = replay_flush_image(files, directory, *image, env);
    if (done) done = commit_record(env, record, [](StoreRecord& whole) { whole.image.reset(); });
    if (!done) return done;
  }
  remove_flush_image(files, directory);
  return {};
}

Result<Parts> open_parts(const std::string& directory, const StoreOptions& options, env::FileSystem& files) {
  Parts parts;
  auto made = make_directories(files, directory);
  if (!made) return std::unexpected(made.error());
  auto lock = files.lock(directory);
  if (!lock) return std::unexpected(lock.error());
  parts.lock = std::move(*lock);

  auto env = Environment::open(directory + "/state", options.map_bytes);
  if (!env) return std::unexpected(env.error());
  parts.env = std::move(*env);
  auto named = files.sync_directory(directory + "/state");  // LMDB syncs its files, not their names
  if (!named) return std::unexpected(named.error());
  auto record = load_or_make(*parts.env, files, directory);
  if (!record) return std::unexpected(record.error());

  parts.record = std::make_unique<KeptRecord>(std::move(*record));
  auto repaired = repair(*parts.record, *parts.env, files, directory);
  if (!repaired) return std::unexpected(repaired.error());

  const StoreRecord whole = parts.record->get();
  auto log = wal::Log::open(files, directory + "/log", whole.identity.store, whole.log, options.log, parts.recovered);
  if (!log) return std::unexpected(log.error());
  parts.log = std::move(*log);
  return parts;
}

/// A6: a synced transaction of our own proves the last flush; only then may go what that flush made needless.
Result<void> raise_incarnation(Parts& parts) {
  auto done = commit_record(*parts.env, *parts.record, [&](StoreRecord& record) {
    record.identity.incarnation = record.identity.incarnation.next();
    auto& boots = record.identity.boots;
    // So many starts without a word from the oracle: if it has heard any of them, then hardly the oldest last.
    if (boots.size() >= boots_max) boots.erase(boots.begin() + 1);
    boots.push_back(draw());
    record.log = parts.log->position();
  });
  if (done) done = parts.log->release(parts.record->get().log);
  return done;
}

Result<std::unique_ptr<Store>> open_store(const std::string& directory, const StoreOptions& options,
                                          env::FileSystem& files) {
  auto parts = open_parts(directory, options, files);
  if (!parts) return std::unexpected(parts.error());
  auto raised = raise_incarnation(*parts);
  if (!raised) return std::unexpected(raised.error());
  auto txn = ReadTxn::begin(*parts->env);
  if (!txn) return std::unexpected(txn.error());
  return std::make_unique<DiskStore>(directory, options, files, std::move(*parts), std::move(*txn));
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const std::string& directory, const StoreOptions& options,
                                           env::FileSystem& files) {
  auto store = open_store(directory, options, files);
  if (store || store.error().code != Code::store_full) return store;
  if (!files.remove(reserve_path(directory))) return store;
  return open_store(directory, options, files);  // in the space that was kept back for this, too (A7)
}

Result<std::unique_ptr<Store>> Store::open(const std::string& directory, const StoreOptions& options) {
  return open(directory, options, wal::posix_files());
}

}  // namespace ddb::lmdb
