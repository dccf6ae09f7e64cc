#include "host/store_host.hpp"

#include <malloc.h>

#include <chrono>
#include <optional>

#include "host/snapshot_files.hpp"
#include "host/worker.hpp"

namespace ddb::host {

namespace {

constexpr Duration maintain_interval = std::chrono::seconds{1};
constexpr Duration maintain_interval_idle = std::chrono::seconds{5};  // nothing written, and space left
/// So many bytes of log, and room is looked for at once: what is reserved (A7) lasts longer than that.
constexpr size_t maintain_bytes = 4 << 20;
constexpr Duration cover_after = std::chrono::milliseconds{50};       // of an idle log (W2)
constexpr Duration quick_succession = std::chrono::microseconds{400};  // of answers; between those of writes is more
constexpr Duration wake_time = std::chrono::microseconds{100};         // about twice what it takes to wake an idle core
constexpr Duration stop_poll = std::chrono::milliseconds{20};
constexpr Duration space_retry = std::chrono::milliseconds{500};
constexpr Duration calm = std::chrono::seconds{1};  // after the last flush

/// What the flusher left undone because the disk was full is tried again until it fits (W4); `full` is told meanwhile.
Result<void> run_flush(lmdb::Flush& flush, const std::function<void()>& full) {
  for (;;) {
    const auto done = flush.step();
    if (done && *done) return {};
    if (done) continue;
    if (done.error().code != Code::store_full) return std::unexpected(done.error());
    full();
    std::this_thread::sleep_for(space_retry);
  }
}

}  // namespace

uint64_t wall_clock_millis() {
  using namespace std::chrono;
  return static_cast<uint64_t>(duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
}

class StoreHost::Impl {
 public:
  Impl(net::Loop& loop, std::unique_ptr<lmdb::Store> store, const std::string& directory,
       const StoreHostOptions& options, StoreHostEvents events)
      : loop_{loop},
        options_{options},
        events_{std::move(events)},
        store_{std::move(store)},
        files_{loop, *store_, directory, file_events()},
        tick_timer_{loop},
        proven_{store_->log().next_batch().prev()},
        next_flush_{net::Loop::now() + options.flush_interval} {}

  Result<void> recover(range::MachineFactory factory) {
    const auto& self = store_->identity();
    auto core = range::Store::recover(options_.core, {self.cluster, self.store, self.node, self.incarnation},
                                      store_->state(), files_, store_->recovered(), store_->log().next_batch(),
                                      std::move(factory), net::Loop::now());
    if (!core) return std::unexpected(core.error());
    core_ = std::move(*core);
    files_.keep_only(core_->snapshot_files());
    // A7: a store that starts on a full disk refuses the first write already.
    const auto space = store_->maintain();
    if (!space && space.error().code != Code::store_full) return std::unexpected(space.error());
    maintained(space);
    tick();
    return {};
  }

  ~Impl() {
    *alive_ = false;
    writer_.stop();
    flusher_.stop();
  }

  range::Store& core() { return *core_; }
  const lmdb::Identity& identity() const { return store_->identity(); }

  void turn_soon() {
    if (std::exchange(turn_pending_, true)) return;
    loop_.post(guarded([this] { turn(); }));
  }

  void stop(Duration patience, std::function<void()> done) {
    stopped_ = std::move(done);
    stop_by_ = net::Loop::now() + patience;
    core_->drain(net::Loop::now());
    turn_soon();
  }

 private:
  /// The task, unless the host is gone by then.
  net::Task guarded(net::Task task) {
    return [alive = alive_, task = std::move(task)]() mutable {
      if (*alive) task();
    };
  }

  SnapshotFiles::Events file_events() {
    return {[this](uint64_t id, Result<env::SnapshotMade> made) {
              core_->snapshot_made(id, std::move(made), net::Loop::now());
              turn_soon();
            },
            [this](uint64_t id, Result<void> done) {
              core_->snapshot_sealed(id, std::move(done), net::Loop::now());
              turn_soon();
            },
            [this](uint64_t id, Result<range::RowSum> sum) {
              core_->scanned(id, std::move(sum), net::Loop::now());
              turn_soon();
            }};
  }

  void tick() {
    ticks_at_ = Instant::max();
    core_->tick(net::Loop::now(), wall_clock_millis());
    cover_idle();
    turn_soon();
  }

  /// An idle store sleeps until something is due.
  void arm_tick(Instant now) {
    Instant due = core_->next_tick();
    if (!flushing_) due = std::min(due, next_maintain_);
    if (last_records_ != 0 && !writing_) due = std::min(due, cover_at_);
    if (core_->has_unflushed() && !flushing_) due = std::min(due, next_flush_);
    if (stopped_) due = std::min(due, now + stop_poll);
    due = std::max(due, now + options_.tick_min);
    if (due >= ticks_at_) return;
    ticks_at_ = due;
    tick_timer_.after(due - now, [this] { tick(); });
  }

  void turn() {
    turn_pending_ = false;
    const Instant now = net::Loop::now();
    core_->settle(now);
    auto out = core_->take();
    if (out.failed) return events_.failed(*out.failed);
    for (auto& batch : out.messages) events_.send(std::move(batch));
    write_next();
    if (!out.replies.empty()) expect_next(now);
    for (auto& reply : out.replies) events_.reply(std::move(reply));
    for (auto& call : out.oracle_calls) events_.oracle(std::move(call));
    for (const auto& line : out.warnings) {
      if (events_.warning) events_.warning(line);
    }
    if (!out.orphans.empty() && events_.orphans) events_.orphans(std::move(out.orphans));
    maybe_flush(now);
    maybe_stop(now);
    arm_tick(now);
  }

  /// Who reads, gets an answer and reads again is back before an idle core would have woken.
  void expect_next(Instant now) {
    if (!writing_ && now - answered_ < quick_succession) loop_.expect(now + wake_time);
    answered_ = now;
  }

  void write_next() {
    if (writing_) return;
    if (auto batch = core_->next_batch(net::Loop::now())) write(std::move(*batch));
  }

  /// W2: the last batch of an idle store gets one behind it.
  void cover_idle() {
    if (writing_ || last_records_ == 0 || net::Loop::now() < cover_at_) return;
    if (!core_->next_batch_pending()) write(core_->cover_batch(net::Loop::now()));
  }

  void write(proto::LogBatch batch) {
    writing_ = true;
    last_records_ = batch.records.size();
    for (const auto& record : batch.records) {
      for (const auto& entry : record.entries) logged_ += entry.data.size();
    }
    writer_.start([this, batch = std::move(batch)] {
      const auto written = store_->log().append(batch);
      loop_.post(guarded([this, number = batch.number, written] { written_batch(number, written); }));
    });
  }

  void written_batch(BatchNumber number, const Result<void>& written) {
    writing_ = false;
    cover_at_ = net::Loop::now() + cover_after;
    if (!written) return events_.failed(written.error());  // W4
    proven_ = number;
    core_->batch_proven(number, net::Loop::now());
    turn();  // at once: what this batch held back is what others wait for
  }

  bool flush_due(Instant now) const {
    if (core_->wants_flush()) return true;
    if (!core_->has_unflushed()) return false;
    return stopped_ != nullptr || now >= next_flush_ || store_->overlay_bytes() >= options_.flush_bytes;
  }

  void maybe_flush(Instant now) {
    if (flushing_) return;
    if (!flush_due(now)) {
      if (now >= next_maintain_ || logged_ >= maintain_bytes) maintain(now);
      return;
    }
    flushing_ = true;
    logged_ = 0;
    next_flush_ = now + options_.flush_interval;
    env::WriteBatch records;
    checkpoint_ = core_->checkpoint(records);
    store_->state().apply(records);
    flush_ = store_->cut({proven_, checkpoint_.for_log()});
    flusher_.start([this, flush = flush_] {
      auto done = run_flush(*flush, [this] {
        loop_.post(guarded([this] { maintained(lmdb::SpaceState::none); }));  // A7, second mark
      });
      auto space = store_->maintain();
      loop_.post(guarded([this, done, space] {
        flushed(done);
        maintained(space);
      }));
    });
  }

  void maintain(Instant now) {
    flushing_ = true;
    logged_ = 0;
    next_maintain_ = now + (ample_ && !core_->has_unflushed() ? maintain_interval_idle : maintain_interval);
    const bool trim = trim_after_ && now >= *trim_after_ && !core_->has_unflushed();
    if (trim) trim_after_.reset();
    flusher_.start([this, trim] {
      // What a busy time has needed lies free in the allocator's heaps, between what is in use.
      if (trim) ::malloc_trim(0);
      auto space = store_->maintain();
      loop_.post(guarded([this, space] {
        flushing_ = false;
        maintained(space);
      }));
    });
  }

  void maintained(const Result<lmdb::SpaceState>& space) {
    if (!space && space.error().code != Code::store_full) return events_.failed(space.error());
    const auto left = space ? *space : lmdb::SpaceState::none;
    ample_ = left == lmdb::SpaceState::ample;
    core_->space(left == lmdb::SpaceState::ample ? range::Space::ample
                 : left == lmdb::SpaceState::low ? range::Space::low
                                                 : range::Space::none,
                 net::Loop::now());
  }

  void flushed(const Result<void>& done) {
    if (!done) return events_.failed(done.error());
    store_->finish(*flush_);
    core_->flushed(checkpoint_, net::Loop::now());
    trim_after_ = net::Loop::now() + calm;
    next_maintain_ = std::min(next_maintain_, *trim_after_);
    core_->rewrite(store_->log().pins(options_.segments_max));
    // The generation is freed by the flusher: that takes milliseconds.
    flusher_.start([this, flush = std::exchange(flush_, nullptr)]() mutable {
      flush.reset();
      loop_.post(guarded([this] {
        flushing_ = false;
        turn_soon();
      }));
    });
    turn_soon();
  }

  void maybe_stop(Instant now) {
    if (!stopped_) return;
    const bool handed_over = core_->drain(now) == 0 || now >= stop_by_;
    if (!handed_over || writing_ || flushing_ || core_->has_unflushed()) return;
    loop_.post(std::exchange(stopped_, nullptr));
  }

  net::Loop& loop_;
  const StoreHostOptions options_;
  StoreHostEvents events_;
  std::unique_ptr<lmdb::Store> store_;
  SnapshotFiles files_;
  std::unique_ptr<range::Store> core_;
  net::Timer tick_timer_;
  BatchNumber proven_;

  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  bool turn_pending_ = false;
  Instant answered_{};
  bool writing_ = false;
  size_t last_records_ = 0;  // in the batch written last
  Instant cover_at_{};
  Instant ticks_at_ = Instant::max();  // when the timer is to run out
  bool flushing_ = false;
  std::shared_ptr<lmdb::Flush> flush_;
  range::Checkpoint checkpoint_;
  Instant next_flush_;
  Instant next_maintain_{};
  size_t logged_ = 0;  // bytes of entries since room was last looked for
  bool ample_ = false;
  std::optional<Instant> trim_after_;  // memory goes back to the system in the calm after a flush
  std::function<void()> stopped_;
  Instant stop_by_{};

  Worker writer_;   // last: their threads use the members above
  Worker flusher_;
};

Result<std::unique_ptr<StoreHost>> StoreHost::start(net::Loop& loop, std::unique_ptr<lmdb::Store> store,
                                                    const std::string& directory, const StoreHostOptions& options,
                                                    range::MachineFactory factory, StoreHostEvents events) {
  auto impl = std::make_unique<Impl>(loop, std::move(store), directory, options, std::move(events));
  if (auto recovered = impl->recover(std::move(factory)); !recovered) return std::unexpected(recovered.error());
  return std::unique_ptr<StoreHost>{new StoreHost{std::move(impl)}};
}

StoreHost::StoreHost(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
StoreHost::~StoreHost() = default;
range::Store& StoreHost::core() { return impl_->core(); }
void StoreHost::turn_soon() { impl_->turn_soon(); }
const lmdb::Identity& StoreHost::identity() const { return impl_->identity(); }
void StoreHost::stop(Duration patience, std::function<void()> done) { impl_->stop(patience, std::move(done)); }

}  // namespace ddb::host
