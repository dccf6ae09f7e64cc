#include "process.hpp"

#include <algorithm>

#include "codec/archive.hpp"
#include "oracle/machine.hpp"
#include "range/snapshot_format.hpp"

namespace sim {

namespace {

constexpr Duration tick_interval = 25ms;
constexpr uint64_t epoch_millis = 1'700'000'000'000;  // wall time when a run begins

ddb::Instant scaled(Instant now, double rate) {
  return Instant{Duration{static_cast<int64_t>(static_cast<double>(now.time_since_epoch().count()) * rate)}};
}

}  // namespace

Process::Process(World& world, Network& network, const Directory& directory, Observer& observer, ProcessOptions options)
    : world_{world},
      network_{network},
      directory_{directory},
      observer_{observer},
      options_{std::move(options)},
      // Two clocks may differ by 5 % of each other: 50 ms over an election timeout, half of what is allowed for.
      clock_rate_{0.975 + static_cast<double>(world.random().below(50'000)) / 1e6} {
  disk_.store = ddb::StoreId{world.random().next() | 1};
}

Process::~Process() {
  running_ = false;
  core_.reset();
}

Instant Process::local_now() const { return scaled(world_.now(), clock_rate_); }

uint64_t Process::wall_millis() const {
  const auto millis = static_cast<int64_t>(epoch_millis) +
                      std::chrono::duration_cast<std::chrono::milliseconds>(world_.now().time_since_epoch()).count();
  return static_cast<uint64_t>(std::max<int64_t>(millis + wall_offset_millis_, 1));
}

void Process::start() {
  if (running_ || disk_.full) return;
  ++life_;
  running_ = true;
  paused_until_ = timers_late_until_ = {};
  if (!swapped_ && disk_.incarnation && world_.chance(0.2)) old_copy_ = disk_;
  disk_.incarnation = disk_.incarnation.next();  // A6: durable before anything else
  disk_.boots.push_back(world_.random().next());
  std::erase_if(disk_.files, [](const auto& file) { return !file.second.sealed; });
  network_.attach(options_.endpoint, [this, life = life_](Endpoint from, const Packet& packet) {
    if (life == life_ && running_) when_awake([this, from, packet] { receive(from, *packet); });
  });
  oracle_ = std::make_unique<OracleStub>(world_, network_, options_.endpoint, directory_.oracles);
  router_ = std::make_unique<Router>(world_, network_, options_.endpoint, directory_, *oracle_);
  cleaner_ = std::make_unique<Cleaner>(world_, *router_);
  if (!options_.oracle) return enroll();
  founding_.emplace(options_.peers, static_cast<uint32_t>(number()), disk_.store, world_.random().next() | 1, disk_.founding);
  founding_->complete() ? open() : found();
}

size_t Process::number() const {
  const auto& oracles = directory_.oracles;
  return static_cast<size_t>(std::find(oracles.begin(), oracles.end(), options_.endpoint) - oracles.begin());
}

void Process::found() {
  obey(founding_->tick());
  if (running_ && !founding_->complete()) world_.after(100ms, alive([this] { found(); }));
}

void Process::obey(const ddb::oracle::Founding::Effects& effects) {
  if (effects.save && disk_.full) return die_of_full_disk();
  if (effects.save) disk_.founding = founding_->state();
  for (const auto& message : effects.messages) network_.send(options_.endpoint, directory_.oracles[message.to], message);
  if (effects.save && founding_->complete()) open();
}

void Process::enroll() {
  const ddb::proto::RegisterStoreRequest request{disk_.store,   disk_.incarnation,  options_.name,
                                                  {},            disk_.cluster,      disk_.boots.back(),
                                                  {disk_.boots.begin(), disk_.boots.end() - 1}};
  oracle_->call(request, 2s, [this](ddb::Result<ddb::proto::OracleReply> reply) {
    const auto* taken = reply ? std::get_if<ddb::proto::RegisterStoreReply>(&*reply) : nullptr;
    if (taken == nullptr) return world_.after(100ms, alive([this] { enroll(); }));
    require(!disk_.node || disk_.node == taken->node, "a store was given another node id");
    require(!swapped_, "an old copy of a data directory was let in (A6)");
    registered_ = disk_.incarnation;
    disk_.cluster = taken->cluster;
    disk_.node = taken->node;
    disk_.boots = {disk_.boots.back()};
    open();
  });
}

void Process::open() {
  state_ = std::make_unique<State>(disk_.state);
  if (options_.oracle) require(ddb::oracle::check(*state_).has_value(), options_.name + " has lost its record");
  ddb::range::StoreOptions options = options_.core;
  options.seed = world_.random().next();
  options.has_oracle = !options_.oracle;
  const uint64_t cluster = options_.oracle ? disk_.founding.record->cluster : disk_.cluster;
  auto core = ddb::range::Store::recover(options, {cluster, disk_.store, disk_.node, disk_.incarnation}, *state_, *this,
                                         {disk_.log.begin(), disk_.log.end()}, disk_.last_batch.next(), options_.machine,
                                         local_now());
  require(core.has_value(), options_.name + " cannot recover: " + (core ? "" : core.error().message));
  core_ = std::move(*core);
  if (options_.oracle && core_->replica(ddb::proto::oracle_range) == nullptr) {
    ddb::env::WriteBatch rows;
    ddb::oracle::found(*disk_.founding.record, options_.replicas, rows);
    options_.first_rows(rows);
    state_->apply(rows);
    core_->create(ddb::oracle::founding_descriptor(*disk_.founding.record));
  }
  if (options_.layout) {
    for (const auto& range : options_.layout()) core_->create(range);
  }
  next_flush_ = world_.now() + options_.flush_interval;
  tick();
}

void Process::crash(bool power_loss) {
  if (!running_) return;
  running_ = false;
  network_.detach(options_.endpoint);
  cleaner_.reset();
  router_.reset();
  oracle_.reset();
  founding_.reset();
  core_.reset();
  state_.reset();
  connections_.clear();
  connection_of_.clear();
  // What was being made durable is there whole, or not at all (W1; an LMDB transaction).
  const auto survives = [&] { return world_.chance(power_loss ? 0.3 : 0.9); };
  if (in_flight_ && survives()) {
    disk_.last_batch = in_flight_->number;
    disk_.log.push_back(std::move(*in_flight_));
  }
  if (flush_ && survives()) disk_.state.apply(*flush_);
  in_flight_.reset();
  flush_.reset();
  writing_ = flushing_ = false;
}

bool Process::leads() const {
  if (core_ == nullptr) return false;
  const auto status = core_->status();
  return std::any_of(status.replicas.begin(), status.replicas.end(), [](const auto& replica) {
    return replica.role == static_cast<uint8_t>(ddb::raft::Role::leader);
  });
}

void Process::hand_over() {
  if (core_ == nullptr) return;
  core_->drain(local_now());
  turn();
}

void Process::lose_directory() {
  crash(true);
  disk_ = Disk{};
  disk_.store = ddb::StoreId{world_.random().next() | 1};
  registered_ = {};
  old_copy_.reset();
}

void Process::swap_in_old_copy() {
  crash(false);
  std::swap(disk_, *old_copy_);
  swapped_ = !swapped_;
  if (!swapped_) old_copy_.reset();
}

void Process::tick() {
  if (world_.now() < timers_late_until_) return world_.after(timers_late_until_ - world_.now(), alive([this] { tick(); }));
  core_->tick(local_now(), wall_millis());
  turn();
  if (running_) world_.after(tick_interval, alive([this] { tick(); }));
}

void Process::turn() {
  core_->settle(local_now());
  auto out = core_->take();
  require(!out.failed, options_.name + " failed: " + (out.failed ? out.failed->message : ""));
  observer_.look(disk_.store, *core_);
  send(std::move(out.messages));
  write_next();
  if (!running_) return;
  for (const auto& reply : out.replies) answer(reply);
  cleaner_->clear_away(std::move(out.orphans));
  for (auto& call : out.oracle_calls) {
    oracle_->call(std::move(call.request), 1s, [this, token = call.token](ddb::Result<ddb::proto::OracleReply> reply) {
      when_awake([this, token, reply = std::move(reply)]() mutable {
        core_->oracle_answer(token, std::move(reply), local_now());
        turn();
      });
    });
  }
  maybe_flush();
}

void Process::receive(Endpoint from, const ddb::proto::Packet& packet) {
  if (const auto* reply = std::get_if<ddb::proto::ClientReply>(&packet)) {
    if (!router_->received(*reply)) oracle_->received(from, *reply);
  } else if (const auto* message = std::get_if<ddb::proto::FoundingMessage>(&packet)) {
    if (founding_) obey(founding_->receive(*message));
  } else if (core_ == nullptr) {
    return;
  } else if (const auto* batch = std::get_if<ddb::proto::PeerBatch>(&packet)) {
    core_->peer(*batch, local_now());
    turn();
  } else if (const auto* request = std::get_if<ddb::proto::ClientRequest>(&packet)) {
    auto& connection = connection_of_[from];
    if (!connection) connection = ddb::range::ConnectionId{from};
    connections_[connection] = from;
    core_->request({connection, request->id}, request->range, request->body, local_now());
    turn();
  }
}

void Process::send(std::vector<ddb::proto::PeerBatch> batches) {
  for (auto& batch : batches) {
    const auto found = directory_.stores.find(batch.to);
    if (found != directory_.stores.end()) network_.send(options_.endpoint, found->second, std::move(batch));
  }
}

void Process::answer(const ddb::range::StoreReply& reply) {
  const auto found = connections_.find(reply.to.connection);
  if (found == connections_.end()) return;
  network_.send(options_.endpoint, found->second, ddb::proto::ClientReply{reply.to.request, reply.body});
}

Duration Process::sync_time() {
  const Duration stall = std::max(Duration{}, disk_.stalled - world_.now());
  return stall + (world_.chance(0.01) ? world_.between(5ms, 60ms) : world_.between(100us, 2ms));
}

/// Log and tables are files of their own: either may be the slower one.
Duration Process::flush_time() {
  const Duration sync = world_.chance(0.5) ? sync_time() : world_.between(100us, 2ms);
  return world_.chance(0.3) ? sync : sync + world_.between(1ms, 40ms);
}

void Process::write_next() {
  if (writing_) return;
  auto batch = core_->next_batch(local_now());
  if (!batch && cover_due_) batch = core_->cover_batch(local_now());
  if (!batch) return;
  if (disk_.full) return die_of_full_disk();
  writing_ = true;
  cover_due_ = !batch->records.empty() && world_.chance(0.3);  // W2, as of a log that has gone idle
  in_flight_ = std::move(*batch);
  world_.after(sync_time(), alive([this] {
                 writing_ = false;
                 disk_.last_batch = in_flight_->number;
                 disk_.log.push_back(std::move(*in_flight_));
                 in_flight_.reset();
                 core_->batch_proven(disk_.last_batch, local_now());
                 turn();
               }));
}

/// W4: a failed write stops the store at once.
void Process::die_of_full_disk() { crash(false); }

void Process::maybe_flush() {
  const bool due = core_->wants_flush() || (core_->has_unflushed() && world_.now() >= next_flush_);
  if (flushing_ || !due || disk_.full) return;
  flushing_ = true;
  next_flush_ = world_.now() + options_.flush_interval;
  ddb::env::WriteBatch records;
  auto checkpoint = core_->checkpoint(records);
  state_->apply(records);
  flush_ = state_->take_since();
  world_.after(flush_time(),
               alive([this, checkpoint = std::move(checkpoint), proven = disk_.last_batch] {
                 flushing_ = false;
                 disk_.state.apply(*std::exchange(flush_, std::nullopt));
                 disk_.release(checkpoint, proven);
                 core_->flushed(checkpoint, local_now());
                 core_->rewrite(disk_.pinning());
                 turn();
               }));
}

void Process::make(uint64_t id, ddb::Bytes record_key, std::vector<ddb::env::TableSpan> spans) {
  // I1: of the last flush, without what has been applied since.
  ddb::env::SnapshotMade made;
  const auto& records = disk_.state[ddb::env::Table::range];
  const auto record = records.find(record_key);
  if (record == records.end()) {
    world_.after(1ms, alive([this, id] {
                   core_->snapshot_made(id, ddb::fail(ddb::Code::try_again, "not flushed yet"), local_now());
                   turn();
                 }));
    return;
  }
  made.record = record->second;
  ddb::Bytes data;
  ddb::env::WriteBatch piece;
  for (const auto& span : spans) {
    const auto& rows = disk_.state[span.table];
    for (auto row = rows.lower_bound(span.start); row != rows.end() && (span.end.empty() || row->first < span.end); ++row) {
      piece.put(span.table, row->first, row->second);
      if (piece.ops.size() < 50) continue;
      data += ddb::range::encode_snapshot_piece(std::exchange(piece, {}));
    }
  }
  data += ddb::range::encode_snapshot_piece(piece);
  made.size = data.size();
  disk_.files[id] = {std::move(data), false};
  world_.after(world_.between(1ms, 100ms), alive([this, id, made = std::move(made)] {
                 core_->snapshot_made(id, made, local_now());
                 turn();
               }));
}

void Process::scan(uint64_t id, std::vector<ddb::env::TableSpan> spans) {
  ddb::env::WriteBatch read;
  for (const auto& span : spans) {
    const auto& rows = disk_.state[span.table];
    for (auto row = rows.lower_bound(span.start); row != rows.end() && (span.end.empty() || row->first < span.end); ++row) {
      read.put(span.table, row->first, row->second);
    }
  }
  ddb::range::RowSum sum;
  sum.add(read);
  world_.after(world_.between(1ms, 200ms), alive([this, id, sum = std::move(sum)] {
                 core_->scanned(id, sum, local_now());
                 turn();
               }));
}

ddb::Result<ddb::Bytes> Process::read(uint64_t id, uint64_t offset, size_t size) {
  const auto found = disk_.files.find(id);
  if (found == disk_.files.end()) return ddb::fail(ddb::Code::io, "no such snapshot file");
  return found->second.data.substr(std::min<size_t>(offset, found->second.data.size()), size);
}

ddb::Result<void> Process::write(uint64_t id, uint64_t offset, ddb::BytesView data) {
  if (disk_.full) return ddb::fail(ddb::Code::store_full, "the disk is full");
  auto& file = disk_.files[id];
  file.data.resize(std::max<size_t>(file.data.size(), offset + data.size()));
  file.data.replace(offset, data.size(), data);
  return {};
}

void Process::seal(uint64_t id) {
  world_.after(sync_time(), alive([this, id] {
                 const auto found = disk_.files.find(id);
                 if (found != disk_.files.end()) found->second.sealed = true;
                 core_->snapshot_sealed(id, {}, local_now());
                 turn();
               }));
}

void Process::drop(uint64_t id) { disk_.files.erase(id); }

}  // namespace sim
