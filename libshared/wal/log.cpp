#include "wal/log.hpp"

#include <algorithm>
#include <mutex>
#include <optional>

#include "base/assert.hpp"
#include "codec/archive.hpp"
#include "wal/format.hpp"
#include "wal/ledger.hpp"
#include "wal/recovery.hpp"
#include "wal/spares.hpp"

namespace ddb::wal {

namespace {

uint64_t whole_blocks(uint64_t bytes) { return (bytes + block_bytes - 1) / block_bytes * block_bytes; }

}  // namespace

class Log::Impl {
 public:
  Impl(env::FileSystem& files, std::string directory, StoreId store, const Options& options)
      : files_{files}, directory_{std::move(directory)}, store_{store}, options_{options},
        spares_{files, directory_, options.segment_bytes, options.spares} {}

  Result<void> recover(const Position& position, std::vector<proto::LogBatch>& recovered);
  Result<void> append(const proto::LogBatch& batch);
  BatchNumber next_batch() const { return last_.next(); }

  Position flushing(BatchNumber proven, const std::vector<proto::FlushedReplica>& flushed);
  Result<void> release(const Position& position);
  std::vector<proto::ReplicaKey> pins(uint32_t segments_max) const;
  Result<void> prepare_spares() { return spares_.prepare(); }
  uint32_t segments() const;
  Position position() const;

 private:
  std::string path(uint64_t number) const { return directory_ + "/" + segment_name(number); }
  Result<void> open_after(const ReadLog& log);
  Result<void> open_segment(SegmentHeader header, Bytes first_batch);
  Result<void> write(const proto::LogBatch& batch);
  void account(const proto::LogBatch& batch);

  env::FileSystem& files_;
  const std::string directory_;
  const StoreId store_;
  const Options options_;
  Spares spares_;

  // Log writer's.
  std::unique_ptr<env::File> file_;  // of the current segment
  SegmentHeader header_;
  uint64_t offset_ = 0;  // where the next batch goes
  BatchNumber last_;
  std::optional<Error> failed_;  // W4
  Bytes buffer_;

  mutable std::mutex mutex_;
  Ledger ledger_;                    // under mutex_
  BatchNumber proven_;               // under mutex_
  std::vector<uint64_t> rubbish_;    // under mutex_; files below the first segment needed
};

Result<void> Log::Impl::recover(const Position& position, std::vector<proto::LogBatch>& recovered) {
  // A killed process may have left names in the page cache only: the next segment's must not outlive theirs.
  auto synced = files_.sync_directory(directory_);
  if (!synced) return synced;
  auto found = spares_.find();
  if (!found) return found;
  auto log = read_log(files_, directory_, store_, position);
  if (!log) return std::unexpected(log.error());

  last_ = position.last_batch;
  for (const auto& segment : log->segments) {
    ledger_.open_segment(segment.header.number, segment.header.size);
    for (const auto& batch : segment.batches) ledger_.add(batch);
    last_ = segment.header.first_batch.plus(segment.batches.size()).prev();
  }
  proven_ = last_;
  rubbish_ = log->rubbish;
  auto opened = open_after(*log);
  if (!opened) return opened;
  for (auto& segment : log->segments)
    std::move(segment.batches.begin(), segment.batches.end(), std::back_inserter(recovered));
  return {};
}

/// W3. The last valid batch may be in the page cache only, since its sync failed or was never done: it is copied
/// before the new segment has a name, and the old one then ends before it.
Result<void> Log::Impl::open_after(const ReadLog& log) {
  if (log.segments.empty())
    return open_segment({.store = store_, .number = 1, .previous_end = 0, .first_batch = last_.next()}, {});
  const ReadSegment& last = log.segments.back();
  SegmentHeader header{.store = store_, .number = last.header.number + 1, .previous_end = log.last_start,
                       .first_batch = last_.next()};
  if (last.batches.empty()) return open_segment(header, {});
  header.first_batch = last_;
  Bytes copy(batch_header_bytes, '\0');
  copy += log.last_records;
  seal_batch(copy, {store_, header.number, block_bytes}, last_);
  auto opened = open_segment(header, std::move(copy));
  if (opened) ledger_.add(last.batches.back());
  return opened;
}

/// W1: header synced, renamed, directory synced, and only then a batch that anything depends on.
Result<void> Log::Impl::open_segment(SegmentHeader header, Bytes first_batch) {
  header.proven_end = block_bytes + first_batch.size();
  auto spare = spares_.take(std::max(options_.segment_bytes, whole_blocks(header.proven_end + buffer_.size())));
  if (!spare) return std::unexpected(spare.error());
  header.size = spare->size;
  auto done = spare->file->write(0, encode(header) + first_batch);
  if (done) done = spare->file->sync();
  if (done) done = files_.rename(spare->path, path(header.number));
  if (done) done = files_.sync_directory(directory_);
  if (!done) return done;

  file_ = std::move(spare->file);
  header_ = header;
  offset_ = header.proven_end;
  const std::lock_guard lock{mutex_};
  ledger_.open_segment(header.number, header.size);
  return {};
}

Result<void> Log::Impl::append(const proto::LogBatch& batch) {
  DDB_ASSERT(batch.number == next_batch());
  if (failed_) return std::unexpected(*failed_);
  auto done = write(batch);
  if (!done) {
    // W4: after a failed sync the page cache may hold what the disk does not. Nothing here is to be believed
    // until recovery has written it again.
    failed_ = done.error();
    return done;
  }
  last_ = batch.number;
  account(batch);
  return {};
}

Result<void> Log::Impl::write(const proto::LogBatch& batch) {
  buffer_.assign(batch_header_bytes, '\0');
  codec::Packer packer{buffer_};
  codec::pack(packer, batch.records);
  const uint64_t bytes = whole_blocks(buffer_.size());
  if (bytes > batch_bytes_max) return fail(Code::too_long, "a batch of the log has " + std::to_string(bytes) + " bytes");
  if (offset_ + bytes > header_.size) {
    auto opened = open_segment({.store = store_, .number = header_.number + 1, .previous_end = offset_,
                                .first_batch = batch.number}, {});
    if (!opened) return opened;
  }
  seal_batch(buffer_, {store_, header_.number, offset_}, batch.number);
  auto done = file_->write(offset_, buffer_);
  if (done) done = file_->sync();
  if (done) offset_ += bytes;
  return done;
}

void Log::Impl::account(const proto::LogBatch& batch) {
  const std::lock_guard lock{mutex_};
  ledger_.add(batch);
  proven_ = batch.number;
}

Position Log::Impl::flushing(BatchNumber proven, const std::vector<proto::FlushedReplica>& flushed) {
  const std::lock_guard lock{mutex_};
  ledger_.flushed(proven, flushed);
  return {ledger_.first_needed(), ledger_.segments().back().number, proven_};
}

Result<void> Log::Impl::release(const Position& position) {
  std::vector<Ledger::Segment> gone;
  std::vector<uint64_t> rubbish;
  {
    const std::lock_guard lock{mutex_};
    gone = ledger_.drop_before(position.first_segment);
    rubbish.swap(rubbish_);
  }
  for (const uint64_t number : rubbish) {
    auto removed = files_.remove(path(number));
    if (!removed) return removed;
  }
  std::vector<std::pair<std::string, uint64_t>> files;
  for (const auto& segment : gone) files.emplace_back(path(segment.number), segment.size);
  return spares_.give(files);
}

std::vector<proto::ReplicaKey> Log::Impl::pins(uint32_t segments_max) const {
  const std::lock_guard lock{mutex_};
  return ledger_.pins(segments_max);
}

uint32_t Log::Impl::segments() const {
  const std::lock_guard lock{mutex_};
  return static_cast<uint32_t>(ledger_.segments().size());
}

Position Log::Impl::position() const {
  const std::lock_guard lock{mutex_};
  return {ledger_.segments().front().number, ledger_.segments().back().number, proven_};
}

Result<std::unique_ptr<Log>> Log::open(env::FileSystem& files, std::string directory, StoreId store,
                                       const Position& position, const Options& options,
                                       std::vector<proto::LogBatch>& recovered) {
  DDB_ASSERT(options.segment_bytes % block_bytes == 0);
  DDB_ASSERT(options.segment_bytes >= 2 * block_bytes);
  auto impl = std::make_unique<Impl>(files, std::move(directory), store, options);
  auto done = impl->recover(position, recovered);
  if (!done) return std::unexpected(done.error());
  return std::unique_ptr<Log>{new Log{std::move(impl)}};
}

Log::Log(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
Log::~Log() = default;
Result<void> Log::append(const proto::LogBatch& batch) { return impl_->append(batch); }
BatchNumber Log::next_batch() const { return impl_->next_batch(); }
Position Log::flushing(BatchNumber proven, const std::vector<proto::FlushedReplica>& flushed) {
  return impl_->flushing(proven, flushed);
}
Result<void> Log::release(const Position& position) { return impl_->release(position); }
std::vector<proto::ReplicaKey> Log::pins(uint32_t segments_max) const { return impl_->pins(segments_max); }
Result<void> Log::prepare_spares() { return impl_->prepare_spares(); }
uint32_t Log::segments() const { return impl_->segments(); }
Position Log::position() const { return impl_->position(); }

}  // namespace ddb::wal
