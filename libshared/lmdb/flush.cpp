#include "lmdb/flush.hpp"

#include "base/assert.hpp"
#include "lmdb/flush_image.hpp"

namespace ddb::lmdb {

namespace {

constexpr std::array row_tables{env::Table::data, env::Table::lock, env::Table::txn};
constexpr uint64_t write_bytes_max = 1 << 20;  // more than LMDB writes at once

Result<void> write(WriteTxn& txn, MDB_dbi table, BytesView key, const Generation::Value& value) {
  return value.erased() ? txn.erase(table, key) : txn.put(table, key, value.bytes());
}

}  // namespace

StoreRecord KeptRecord::get() const {
  const std::lock_guard lock{mutex_};
  return record_;
}

Result<void> KeptRecord::commit(const Environment& env, WriteTxn& txn, const std::function<void(StoreRecord&)>& edit) {
  const std::lock_guard lock{mutex_};
  StoreRecord edited = record_;
  edit(edited);
  auto done = save(env, txn, edited);
  if (done) done = txn.commit();
  if (done) record_ = std::move(edited);
  return done;
}

Reserve::Reserve(env::FileSystem& files, std::string path, uint64_t bytes)
    : files_{files}, path_{std::move(path)}, bytes_{bytes} {}

bool Reserve::release() {
  whole_ = false;
  return files_.remove(path_).has_value();
}

Result<void> Reserve::restore() {
  if (whole_ || bytes_ == 0) return {};
  auto reserved = files_.reserve(path_, bytes_);
  if (!reserved) {
    (void)files_.remove(path_);  // half a reserve is none, and others can use the space
    return reserved;
  }
  whole_ = true;
  return {};
}

FlushJob::FlushJob(FlushContext& context, std::shared_ptr<const Generation> generation, FlushPoint point,
                   size_t slice_ops)
    : context_{context}, generation_{std::move(generation)}, point_{std::move(point)}, slice_ops_{slice_ops},
      sliced_{slice_ops != 0 && generation_->size() > slice_ops}, place_{start_of(0)} {}

FlushJob::Place FlushJob::start_of(size_t table) const {
  if (table == row_tables.size()) return {table, {}};
  return {table, generation_->table(row_tables[table]).begin()};
}

Result<bool> FlushJob::step() {
  DDB_ASSERT(!done_);
  if (sliced_ && !image_) {
    auto prepared = prepare_slices();
    if (!prepared) return std::unexpected(prepared.error());
    return false;
  }
  auto done = attempt();
  if (done || done.error().code != Code::store_full) return done;
  if (!context_.reserve.release()) return done;
  return attempt();  // in the space that was kept back for this (A7)
}

/// A2: nothing goes to LMDB in slices before all of it is safe elsewhere. No space for that: then it goes in one piece.
Result<void> FlushJob::prepare_slices() {
  auto written = write_flush_image(context_.files, context_.directory, *generation_);
  if (written) {
    image_ = *written;
  } else if (written.error().code == Code::store_full) {
    sliced_ = false;
  } else {
    return std::unexpected(written.error());
  }
  return {};
}

/// W4: when LMDB has aborted for want of space, nothing was written; the same slice is tried again.
Result<bool> FlushJob::attempt() {
  const Place before = place_;
  Result<void> done;
  {
    auto txn = WriteTxn::begin(context_.env);
    if (!txn) return std::unexpected(txn.error());
    done = write_slice(*txn, sliced_ ? slice_ops_ : SIZE_MAX);
    if (done) done = finish_slice(*txn, place_.table == row_tables.size());
  }
  if (!done) {
    place_ = before;
    return std::unexpected(explain(done.error()));
  }
  context_.commits.fetch_add(1, std::memory_order_release);
  if (place_.table < row_tables.size()) return false;
  if (image_) remove_flush_image(context_.files, context_.directory);
  auto released = context_.log.release(position_);
  if (!released) return std::unexpected(released.error());
  done_ = true;
  return true;
}

Result<void> FlushJob::write_slice(WriteTxn& txn, size_t ops_max) {
  while (place_.table < row_tables.size() && ops_max > 0) {
    auto done = write_table(txn, ops_max);
    if (!done) return done;
  }
  return {};
}

Result<void> FlushJob::write_table(WriteTxn& txn, size_t& ops_left) {
  const env::Table table = row_tables[place_.table];
  const auto end = generation_->table(table).end();
  for (; place_.at != end && ops_left > 0; ++place_.at, --ops_left) {
    auto done = write(txn, context_.env.table(table), place_.at->first, place_.at->second);
    if (!done) return done;
  }
  if (place_.at == end) place_ = start_of(place_.table + 1);
  return {};
}

/// A2: the first slice names the image; the last one moves the applied indexes, and with them what the log must keep.
Result<void> FlushJob::finish_slice(WriteTxn& txn, bool last) {
  if (!last)
    return context_.record.commit(context_.env, txn, [this](StoreRecord& record) { record.image = image_; });
  auto done = write_records(txn);
  if (!done) return done;
  position_ = context_.log.flushing(point_.proven, point_.replicas);
  return context_.record.commit(context_.env, txn, [this](StoreRecord& record) {
    record.image.reset();
    record.log = position_;
  });
}

Result<void> FlushJob::write_records(WriteTxn& txn) {
  for (const auto& [key, value] : generation_->table(env::Table::range)) {
    auto done = write(txn, context_.env.table(env::Table::range), key, value);
    if (!done) return done;
  }
  return {};
}

/// LMDB calls a write that was cut short an I/O error; want of space is what cuts writes short.
Error FlushJob::explain(Error error) const {
  if (error.code != Code::io) return error;
  const std::string probe = context_.directory + "/probe";
  const auto reserved = context_.files.reserve(probe, write_bytes_max);
  (void)context_.files.remove(probe);
  return !reserved && reserved.error().code == Code::store_full ? reserved.error() : error;
}

}  // namespace ddb::lmdb
