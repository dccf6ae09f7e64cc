#include "range/store.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/rule.hpp"
#include "codec/archive.hpp"

namespace ddb::range {

namespace {

constexpr Duration heartbeat_interval = std::chrono::seconds{5};
constexpr Duration heartbeat_retry = std::chrono::milliseconds{200};
/// Of the lease's length: what the clocks of store and oracle may drift apart while it runs (D5).
constexpr Duration lease_drift = std::chrono::seconds{1};
constexpr size_t install_bytes_per_flush = 32 << 20;
constexpr size_t install_bytes_per_turn = 1 << 20;
constexpr Duration busy_tick = std::chrono::milliseconds{25};  // while something may have to be tried again

std::map<RangeId, ReplicaRecord> read_records(env::State& state) {
  std::map<RangeId, ReplicaRecord> records;
  const auto cursor = state.cursor(env::Table::range);
  for (bool on = cursor->seek(record_prefix); on && cursor->key().starts_with(record_prefix); on = cursor->next()) {
    auto record = codec::decode<ReplicaRecord>(cursor->value());
    DDB_ASSERT(record);  // LMDB gave back what was written, or something worse is wrong
    uint64_t id = 0;
    for (const char c : cursor->key().substr(record_prefix.size())) id = id << 8 | static_cast<unsigned char>(c);
    records.emplace(RangeId{id}, std::move(*record));
  }
  return records;
}

proto::PeerBatch& batch_for(std::vector<proto::PeerBatch>& out, const StoreIdentity& self, StoreId to) {
  for (auto& batch : out) {
    if (batch.to == to) return batch;
  }
  return out.emplace_back(proto::PeerBatch{self.cluster, self.store, to, self.incarnation, {}});
}

void append_all(std::vector<proto::PeerBatch>& to, std::vector<proto::PeerBatch> from, const StoreIdentity& self) {
  for (auto& batch : from) {
    auto& target = batch_for(to, self, batch.to).messages;
    std::move(batch.messages.begin(), batch.messages.end(), std::back_inserter(target));
  }
}

/// Takes in a later record of the same replica, of the same batch.
void merge(proto::LogRecord& record, proto::LogRecord later) {
  if (later.begin) {
    record.begin = later.begin;
    record.entries.clear();
  }
  if (!later.entries.empty()) {
    const LogIndex first = later.entries.front().index;
    std::erase_if(record.entries, [&](const proto::Entry& entry) { return entry.index >= first; });  // W5
    std::move(later.entries.begin(), later.entries.end(), std::back_inserter(record.entries));
  }
  if (later.hard_state) record.hard_state = later.hard_state;
}

std::unexpected<Error> never_split_off(RangeId range) {
  return fail(Code::bad_data, "the log has entries of range " + std::to_string(range.value) + ", but not the split it came from",
              "the store cannot start: replace it by an empty one and let it be rebuilt");
}

}  // namespace

std::vector<proto::FlushedReplica> Checkpoint::for_log() const {
  std::vector<proto::FlushedReplica> out;
  for (const auto& [range, record] : records) {
    if (record.replica) out.push_back({{range, record.replica}, record.base.index, false});
  }
  return out;
}

Store::Store(const StoreOptions& options, const StoreIdentity& identity, env::State& state, env::SnapshotFiles& files,
             MachineFactory factory, BatchNumber next, Instant now)
    : options_{options},
      identity_{identity},
      state_{state},
      files_{files},
      factory_{std::move(factory)},
      random_{options.seed},
      now_{now},
      quiet_{options.raft.election_timeout},
      gathering_{next},
      proven_{next.prev()},
      collection_{calls_, timestamps_, options.collect_age,
                  [this] { return std::ranges::any_of(replicas_, [](const auto& at) { return at.second->wants_threshold(); }); }},
      clearings_{state},
      sender_{files, random_, *this},
      receiver_{files, *this},
      scanner_{files, *this},
      checker_{*this,     scanner_,
               calls_,    timestamps_,
               options.check_interval,
               [this](Timestamp at, Duration interval) { return stalest(at, interval); },
               [this](std::string line) { warnings_.push_back(std::move(line)); }},
      install_budget_{install_bytes_per_flush} {
  if (!options_.has_oracle) return;
  founder_.emplace(calls_, [this](const proto::RangeDescriptor& range) { first_range_found(range); });
}

Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::recover(const StoreOptions& options, const StoreIdentity& identity,
                                              env::State& state, env::SnapshotFiles& files,
                                              std::vector<proto::LogBatch> log, BatchNumber next,
                                              MachineFactory factory, Instant now) {
  std::unique_ptr<Store> store{new Store{options, identity, state, files, std::move(factory), next, now}};
  const auto records = read_records(state);
  auto recovered = recover_log(std::move(log), records);
  if (!recovered) return std::unexpected(recovered.error());
  for (auto& replica : *recovered) {
    if (replica.unborn) {
      store->unborn_.emplace(replica.key.range, std::move(replica));
      continue;
    }
    const auto found = records.find(replica.key.range);
    ReplicaRecord record = found == records.end() ? ReplicaRecord{} : found->second;
    record.replica = replica.key.replica;
    store->start_replica(replica.key.range, record,
                         {.hard = replica.hard,
                          .base = replica.base,
                          .config = record.base_config,
                          .entries = std::move(replica.entries),
                          .applied = std::max(record.applied.index, replica.base.index),
                          .restarted = true});
    if (replica.needs_begin) store->add_record({replica.key, replica.base, {}, {}});  // I3, cut short by a crash
  }
  if (DDB_KEEPS("A5")) store->settle(now);
  if (!store->unborn_.empty()) return never_split_off(store->unborn_.begin()->first);
  return store;
}

void Store::create(const proto::RangeDescriptor& descriptor) {
  const bool traced = find(descriptor.id) != nullptr || state_.get(env::Table::range, record_key(descriptor.id));
  if (traced && DDB_KEEPS("C5")) return;
  for (const auto& member : descriptor.replicas) {
    if (member.store != identity_.store) continue;
    ReplicaRecord record = initial_record(descriptor, member.id);
    env::WriteBatch birth;
    birth.put(env::Table::range, record_key(descriptor.id), codec::encode(record));
    state_.apply(birth);
    births_.push_back(std::move(record));
    wants_flush_ = true;
  }
}

raft::Options Store::raft_options(ReplicaId id) {
  raft::Options options = options_.raft;
  options.id = id;
  options.seed = random_.next();
  return options;
}

void Store::start_replica(RangeId range, ReplicaRecord record, raft::Initial initial) {
  const ReplicaId id = record.replica;
  const bool restarted = initial.restarted;
  flushed_bases_[range] = record.base;
  auto replica =
      std::make_unique<Replica>(static_cast<ReplicaContext&>(*this), range, raft_options(id), std::move(record), std::move(initial), factory_);
  dirty_.insert(range);
  if (restarted && DDB_KEEPS("Q3")) {
    replica->sleep();
    quiet_.restarted(range);
  } else {
    quiet_.woken(range);
  }
  replicas_[range] = std::move(replica);
}

void Store::first_range_found(const proto::RangeDescriptor& descriptor) {
  create(descriptor);
}

Replica* Store::find(RangeId range) {
  const auto found = replicas_.find(range);
  return found == replicas_.end() ? nullptr : found->second.get();
}

const Replica* Store::replica(RangeId range) const {
  const auto found = replicas_.find(range);
  return found == replicas_.end() ? nullptr : found->second.get();
}

void Store::tick(Instant now, uint64_t wall_millis) {
  now_ = now;
  wall_millis_ = wall_millis;
  tick_replicas(disk_stalled());
  truncate_logs();
  sender_.tick(now);
  if (!options_.has_oracle) return;
  heartbeat_oracle();
  founder_->tick(now);
  reporter_.tick(now);
  collection_.tick(now);
  checker_.tick(now);
  timestamps_.pump(now);
}

bool Store::busy() const {
  if (!installing_.empty() || !clearings_.empty() || !sender_.idle() || quiet_.any_dormant()) return true;
  return options_.has_oracle && (!founder_->done() || !reporter_.idle() || !timestamps_.idle());
}

Instant Store::next_tick() const {
  Instant due = std::min(raft_due_, quiet_.next_beat());
  if (busy()) due = std::min(due, now_ + busy_tick);
  if (options_.has_oracle && !heartbeating_) due = std::min(due, next_heartbeat_);
  if (options_.has_oracle) due = std::min({due, collection_.due(), checker_.due()});
  if (writing_since_) due = std::min(due, std::max(now_ + busy_tick, *writing_since_ + options_.raft.election_timeout));
  return due;
}

/// Half of what may be kept stays, of each log in proportion: followers that lag a little go on without a snapshot.
void Store::truncate_logs() {
  size_t total = 0;
  for (const auto& [range, replica] : replicas_) total += replica->raft().log_bytes();
  const auto& [keep, keep_max] = options_.truncation;
  if (total <= keep) return;
  for (const auto& [range, replica] : replicas_) {
    const size_t share = replica->raft().log_bytes() * (keep / 2) / total;
    const bool patient = total <= 4 * keep_max;  // with snapshots on their way
    replica->truncate({share, total <= keep_max, patient ? sender_.pinned(range) : std::nullopt});
  }
}

/// A8: a sync that takes an election timeout. Leaderships go once (TimeoutNow needs no write); after it the
/// store keeps calm for as long again.
bool Store::disk_stalled() {
  const Duration limit = options_.raft.election_timeout;
  const bool stalled = writing_since_ && now_ - *writing_since_ >= limit;
  if (stalled && !stalled_) drain(now_);
  if (stalled) calm_until_ = now_ + limit;
  stalled_ = stalled;
  return now_ < calm_until_;
}

void Store::space(Space left, Instant now) {
  now_ = now;
  space_ = left;
}

void Store::heartbeat_oracle() {
  if (heartbeating_ || now_ < next_heartbeat_) return;
  heartbeating_ = true;
  const Instant sent = now_;
  calls_.call(proto::StoreHeartbeatRequest{identity_.store, identity_.incarnation},
              [this, sent](Result<proto::OracleReply> reply) {
                heartbeating_ = false;
                next_heartbeat_ = now_ + (reply ? heartbeat_interval : heartbeat_retry);
                // D5: counted from the moment the request was sent.
                if (reply) lease_until_ = sent + std::chrono::milliseconds{proto::store_lease_ms} - lease_drift;
              });
}

void Store::peer(const proto::PeerBatch& batch, Instant now) {
  now_ = now;
  // D3: what is not meant for this store, by who it is now, changes nothing.
  const bool meant = batch.cluster == identity_.cluster && batch.to == identity_.store;
  if (!meant && DDB_KEEPS("D3")) return;
  const auto news = quiet_.heard(batch, now);
  if (DDB_KEEPS("A6") && news == Quiet::News::stale) return;  // from before the sender's restart
  if (news == Quiet::News::changed) wake_relying_on(batch.from);  // Q2
  for (const auto& message : batch.messages) deliver(batch.from, message);
}

void Store::deliver(StoreId from, const proto::PeerMessage& message) {
  Replica* replica = find(message.range);
  if (replica == nullptr) replica = conceive(message);
  if (replica == nullptr || replica->id() != message.to) return;
  replica->heard(message.from, from);
  if (replica->quiet() && !heard_in_sleep(*replica, from, message)) return;
  if (const auto* raft = std::get_if<proto::RaftMessage>(&message.body)) {
    // A7, second mark: nothing more is appended. The leader sees a follower that does not answer.
    if (space_ == Space::none && std::holds_alternative<proto::AppendEntries>(raft->body)) return;
    // Only a store makes this one, of what it has itself checked and made durable (I3).
    if (!std::holds_alternative<proto::InstallSnapshot>(raft->body)) replica->step(*raft);
  } else if (const auto* chunk = std::get_if<proto::SnapshotChunk>(&message.body)) {
    receiver_.chunk(*replica, message.from, *chunk);
  } else if (const auto* ack = std::get_if<proto::SnapshotAck>(&message.body)) {
    sender_.acknowledged(*replica, message.from, *ack, now_);
  } else if (const auto* question = std::get_if<proto::CheckQuestion>(&message.body)) {
    send(*replica, message.from, scanner_.ask(*replica, question->index));
  } else if (const auto* answer = std::get_if<proto::CheckAnswer>(&message.body)) {
    checker_.answered(*replica, message.from, *answer, now_);
  } else if (const auto* rest = std::get_if<proto::Rest>(&message.body)) {
    told_to_rest(*replica, message, *rest);
  }
  dirty_.insert(message.range);
}

/// C1: a message creates a replica, uninitialised, unless one with that id or a higher one has died here. While it
/// is not settled whether the first range is to be born here with a descriptor (C5), none is created: senders repeat.
Replica* Store::conceive(const proto::PeerMessage& message) {
  if (!founder_ || !founder_->done() || !message.range || !message.to) return nullptr;
  if (std::any_of(births_.begin(), births_.end(),
                  [&](const ReplicaRecord& born) { return born.descriptor.id == message.range; })) {
    return nullptr;
  }
  if (const auto trace = state_.get(env::Table::range, record_key(message.range))) {
    const auto record = codec::decode<ReplicaRecord>(*trace);
    DDB_ASSERT(record);
    if (record->replica || message.to <= record->tombstone) return nullptr;
  }
  if (clearings_.has(message.range)) return nullptr;  // C3
  ReplicaRecord record;
  record.replica = message.to;
  start_replica(message.range, record, {});
  return find(message.range);
}

void Store::snapshot_made(uint64_t id, Result<env::SnapshotMade> made, Instant now) {
  now_ = now;
  sender_.made(id, std::move(made), now);
}

void Store::snapshot_sealed(uint64_t id, Result<void> done, Instant now) {
  now_ = now;
  receiver_.sealed(id, done);
}

/// A bounded piece, then others have their turn; and no more between two flushes than the overlay should hold.
void Store::install(Replica& replica) {
  wants_flush_ |= replica.switching();
  if (replica.switching() || install_budget_ == 0) return;
  const auto file = replica.record().install;
  const auto put = replica.install(files_, std::min(install_budget_, install_bytes_per_turn));
  if (!put) {
    failed_ = put.error();
    return;
  }
  unflushed_ = true;
  install_budget_ -= std::min(install_budget_, *put);
  if (!replica.installing()) installed_.push_back(file->file);
  wants_flush_ |= install_budget_ == 0 || !replica.installing();
}

void Store::request(RequestToken from, RangeId range, BytesView body, Instant now) {
  now_ = now;
  if (Replica* replica = find(range)) {
    // A quiet follower that knows its leader tells who that is; the leader is then asked, and wakes.
    if (!replica->leader() || replica->raft().role() == raft::Role::leader) wake(*replica);
    replica->request(from, body);
    dirty_.insert(range);
    return;
  }
  // Nothing known of it here: ask elsewhere.
  reply(from, options_.has_oracle ? codec::encode(proto::RangeReply{proto::Redirect{}})
                                  : codec::encode(proto::OracleReply{proto::OracleRedirect{}}));
}

void Store::closed(ConnectionId connection, Instant now) {
  now_ = now;
  for (const auto& [range, replica] : replicas_) replica->closed(connection);
}

void Store::oracle_answer(uint64_t token, Result<proto::OracleReply> reply, Instant now) {
  now_ = now;
  calls_.answer(token, std::move(reply));
  timestamps_.pump(now);
}

void Store::want_timestamp(Replica& replica, uint64_t leadership, uint64_t cookie) {
  timestamps_.want([this, range = replica.range(), id = replica.id(), leadership, cookie](Timestamp ts) {
    Replica* waiter = find(range);
    if (waiter != nullptr && waiter->id() == id) waiter->timestamp(leadership, cookie, ts);
    dirty_.insert(range);
  });
}

void Store::batch_proven(BatchNumber batch, Instant now) {
  now_ = now;
  writing_since_.reset();
  for (auto range = unproven_.begin(); range != unproven_.end();) {
    Replica* replica = find(*range);
    if (replica != nullptr) replica->proven(batch);
    range = replica == nullptr || replica->gathered() <= batch ? unproven_.erase(range) : std::next(range);
  }
  proven_ = batch;
  release_bound();
}

void Store::release_bound() {
  // What is bound to a batch without records waits for the one before it alone: no sync for nothing.
  const BatchNumber upto = records_.empty() && proven_.next() == gathering_ ? gathering_ : proven_;
  while (!bound_.empty() && bound_.begin()->first <= upto) {
    append_all(messages_, std::move(bound_.begin()->second), identity_);
    bound_.erase(bound_.begin());
  }
}

void Store::unreachable(StoreId peer, Instant now) {
  now_ = now;
  quiet_.lost(peer);
  wake_relying_on(peer);
  for (const auto& [range, replica] : replicas_) {
    for (const auto& member : replica->descriptor().replicas) {
      if (member.store == peer && member.id != replica->id()) replica->raft().unreachable(member.id);
    }
  }
}

size_t Store::drain(Instant now) {
  now_ = now;
  size_t led = 0;
  for (const auto& [range, replica] : replicas_) {
    if (replica->raft().role() != raft::Role::leader || replica->descriptor().replicas.size() < 2) continue;
    ++led;
    wake(*replica);
    replica->transfer_away();
    dirty_.insert(range);
  }
  return led;
}

void Store::settle(Instant now) {
  now_ = now;
  timestamps_.pump(now);
  for (const RangeId range : installing_) {
    if (Replica* replica = find(range)) install(*replica);
  }
  clear();
  while (!dirty_.empty()) {
    Replica* replica = find(*dirty_.begin());
    dirty_.erase(dirty_.begin());
    if (replica == nullptr) continue;
    gather(*replica);
    const LogIndex before = replica->raft().applied_index();
    replica->settle();
    for (const auto& right : replica->take_split_off()) bear(*replica, right);
    unflushed_ |= replica->raft().applied_index() != before;
    if (replica->raft().has_effects()) dirty_.insert(replica->range());
    if (replica->installing()) {
      installing_.insert(replica->range());
    } else {
      installing_.erase(replica->range());
    }
    note_deadline(*replica);
    report_leadership(*replica);
    watch_health(*replica);
  }
  release_bound();
  timestamps_.pump(now);
}

void Store::gather(Replica& replica) {
  // What it says itself, unlike what it is told, wakes a quiet leader here.
  if (replica.quiet() && replica.leads() && replica.raft().has_effects()) wake(replica);
  auto gathered = replica.gather(gathering_);
  if (replica.gathered() == gathering_) unproven_.insert(replica.range());
  send(replica, std::move(gathered.now), messages_);
  for (const ReplicaId to : gathered.snapshots_wanted) sender_.want(replica, to, now_);
  if (!gathered.after_sync.empty()) send(replica, std::move(gathered.after_sync), bound_[gathering_]);
  if (gathered.record) add_record(std::move(*gathered.record));
}

void Store::add_record(proto::LogRecord record) {
  unflushed_ = true;
  const auto found = records_.find(record.key.range);
  if (found == records_.end()) {
    const RangeId range = record.key.range;
    records_.emplace(range, std::move(record));
  } else {
    merge(found->second, std::move(record));
  }
}

proto::PeerBatch& Store::batch_to(StoreId peer) { return batch_for(messages_, identity_, peer); }

void Store::send(const Replica& from, std::vector<proto::RaftMessage> messages, std::vector<proto::PeerBatch>& out) {
  for (auto& message : messages) {
    const StoreId to = from.store_of(message.to);
    if (!to) continue;
    batch_for(out, identity_, to)
        .messages.push_back({from.range(), message.from, message.to, from.descriptor().epoch, std::move(message)});
  }
}

void Store::send(const Replica& from, ReplicaId to, proto::PeerBody body) {
  const StoreId store = from.store_of(to);
  if (!store) return;
  batch_to(store)
      .messages.push_back({from.range(), from.id(), to, from.descriptor().epoch, std::move(body)});
}

void Store::report_leadership(const Replica& replica) {
  if (!options_.has_oracle || !replica.leads()) return;
  auto& [term, epoch] = reported_[replica.range()];
  if (term == replica.term() && epoch == replica.descriptor().epoch) return;
  term = replica.term();
  epoch = replica.descriptor().epoch;
  reporter_.report({replica.descriptor(), replica.id(), replica.term()}, other_halves(replica.descriptor()));
}

StoreOutputs Store::take() {
  for (auto& batch : messages_) batch.ailing = now_ < calm_until_;
  return {std::exchange(messages_, {}), std::exchange(replies_, {}), calls_.take(), std::exchange(orphans_, {}),
          std::exchange(warnings_, {}), failed_};
}

std::optional<proto::LogBatch> Store::next_batch(Instant now) {
  if (records_.empty()) return std::nullopt;
  writing_since_ = now;
  proto::LogBatch batch{gathering_, {}};
  for (auto& [range, record] : records_) batch.records.push_back(std::move(record));
  records_.clear();
  gathering_ = gathering_.next();
  return batch;
}

proto::LogBatch Store::cover_batch(Instant now) {
  DDB_ASSERT(records_.empty());
  writing_since_ = now;
  const proto::LogBatch batch{gathering_, {}};
  gathering_ = gathering_.next();
  return batch;
}

Checkpoint Store::checkpoint(env::WriteBatch& out) {
  Checkpoint checkpoint;
  for (const auto& [range, replica] : replicas_) {
    checkpoint.records.emplace_back(range, replica->record());
    out.put(env::Table::range, record_key(range), codec::encode(checkpoint.records.back().second));
  }
  checkpoint.births = births_;
  checkpoint.installed = std::exchange(installed_, {});
  unflushed_ = false;
  wants_flush_ = false;
  return checkpoint;
}

void Store::flushed(const Checkpoint& checkpoint, Instant now) {
  now_ = now;
  for (const auto& [range, record] : checkpoint.records) {
    flushed_bases_[range] = record.base;
    if (Replica* replica = find(range); replica != nullptr && replica->id() == record.replica) replica->flushed(record);
  }
  install_budget_ = install_bytes_per_flush;
  scanner_.start_next();
  for (const uint64_t file : checkpoint.installed) files_.drop(file);
  for (const auto& born : checkpoint.births) {
    std::erase(births_, born);
    start_replica(born.descriptor.id, born,
                  {.hard = born.hard, .base = born.base, .config = born.base_config, .entries = {}, .applied = born.base.index});
  }
}

void Store::rewrite(const std::vector<proto::ReplicaKey>& pinning) {
  for (const auto& key : pinning) {
    Replica* replica = find(key.range);
    if (replica == nullptr || replica->id() != key.replica) continue;
    // Recovery takes the configuration at the base from the flushed record: rewrite only from that base.
    if (flushed_bases_[key.range] != replica->raft().base()) continue;
    gather(*replica);
    auto record = replica->rewrite();
    record.hard_state = replica->raft().hard_state();
    add_record(std::move(record));
  }
}

std::set<uint64_t> Store::snapshot_files() const {
  std::set<uint64_t> files;
  for (const auto& [range, replica] : replicas_) {
    if (const auto install = replica->record().install) files.insert(install->file);
  }
  return files;
}

proto::NodeStatusReply Store::status() const {
  proto::NodeStatusReply status{identity_.cluster, identity_.node, identity_.store, identity_.incarnation, {}};
  for (const auto& [range, replica] : replicas_) status.replicas.push_back(replica->status());
  return status;
}

}  // namespace ddb::range
