#include "range/replica.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/rule.hpp"
#include "codec/archive.hpp"
#include "raft/config.hpp"
#include "raft/log.hpp"

namespace ddb::range {

namespace {

/// Where a replica begins, all is committed, and the term was reached: a flush may say so before the log does.
proto::HardState at_least(proto::HardState hard, const proto::Base& applied) {
  if (hard.term < applied.term) hard = {applied.term, {}, hard.commit};
  hard.commit = std::max(hard.commit, applied.index);
  return hard;
}

}  // namespace

Replica::Replica(ReplicaContext& context, RangeId range, const raft::Options& options, ReplicaRecord record,
                 raft::Initial initial, const MachineFactory& factory)
    : context_{context},
      range_{range},
      descriptor_{std::move(record.descriptor)},
      raft_{options, initial, context.now()},
      applied_term_{record.applied.term},
      proven_hard_{initial.hard},
      flushed_applied_{record.applied.index},
      active_{context.now()} {
  machine_ = factory(*this);
  if (record.install) installer_.emplace(*record.install, spans());
  machine_->loaded();
  follow_health();
}

Replica::~Replica() = default;

proto::ReplicaStatus Replica::status() const {
  proto::ReplicaStatus status;
  status.descriptor = descriptor_;
  status.replica = raft_.id();
  status.leader = raft_.leader();
  status.role = static_cast<uint8_t>(raft_.role());
  status.term = raft_.term();
  status.commit = raft_.commit_index();
  status.applied = raft_.applied_index();
  status.last = raft_.last().index;
  status.base = raft_.base().index;
  status.hash = machine_->hash();
  const auto size = machine_->size();
  status.rows = size.rows;
  status.versions = size.versions;
  status.bytes = size.bytes;
  status.threshold = machine_->threshold();
  if (const auto* health = machine_->health()) status.health = *health;
  status.requests_per_1000s = requests_.per_1000s(context_.now());
  return status;
}

StoreId Replica::store_of(ReplicaId member) const {
  for (const auto& replica : descriptor_.replicas) {
    if (replica.id == member) return replica.store;
  }
  const auto found = heard_from_.find(member);
  return found == heard_from_.end() ? StoreId{} : found->second;
}

void Replica::step(const proto::RaftMessage& message) {
  if (switching()) return;  // I4: what was checked must still hold at the switch; senders repeat
  raft_.step(message, context_.now());
  follow_role();
}

void Replica::request(RequestToken from, BytesView body) {
  active_ = context_.now();
  requests_.count(context_.now());
  machine_->request(from, body);
}

void Replica::closed(ConnectionId connection) { machine_->connection_closed(connection); }

void Replica::tick() {
  if (!switching() && !quiet_) raft_.tick(context_.now());
  follow_role();
  if (damaged_) transfer_away();
  if (announced_) machine_->tick();
}

void Replica::timestamp(uint64_t leadership, uint64_t cookie, Timestamp ts) {
  const bool asked_in_term = leadership == leadership_ || !DDB_KEEPS("L2.asked");
  if (asked_in_term && announced_) machine_->timestamp(cookie, ts);
}

void Replica::proven(BatchNumber batch) {
  raft_.synced(std::min(batch, gathered_));  // later ones hold nothing of this replica
  const auto end = std::find_if(unproven_hard_.begin(), unproven_hard_.end(),
                                [&](const PendingHardState& pending) { return pending.batch > batch; });
  if (end != unproven_hard_.begin()) proven_hard_ = std::prev(end)->hard;
  unproven_hard_.erase(unproven_hard_.begin(), end);
  follow_role();
}

void Replica::transfer_away() {
  if (raft_.role() != raft::Role::leader) return;
  std::optional<raft::Raft::Progress> best;
  for (const auto& peer : raft_.progress()) {
    if (!peer.learner && peer.active && !is_damaged(peer.id) && (!best || peer.match > best->match)) best = peer;
  }
  if (best) (void)raft_.transfer(best->id, context_.now());
}

void Replica::wake() {
  active_ = context_.now();
  if (!std::exchange(quiet_, false)) return;
  raft_.wake(context_.now());
  context_.touch(*this);
}

std::optional<proto::Rest> Replica::restful(Instant since) const {
  const auto* health = machine_->health();
  if (damaged_ || (health != nullptr && !health->concluded && health->check)) return std::nullopt;
  if (active_ > since || !announced_ || installing() || raft_.has_effects() || !raft_.at_rest()) return std::nullopt;
  return proto::Rest{raft_.term(), raft_.last()};
}

bool Replica::agrees(ReplicaId from, const proto::Rest& rest) const {
  const LogIndex last = rest.last.index;
  if (!DDB_KEEPS("Q1")) return true;
  return !installing() && raft_.role() == raft::Role::follower && raft_.leader() == from && raft_.term() == rest.term &&
         raft_.last() == rest.last && raft_.commit_index() == last && raft_.applied_index() == last;
}

Replica::Gathered Replica::gather(BatchNumber batch) {
  Gathered out;
  if (!raft_.has_effects()) return out;
  raft::Effects effects = raft_.take(batch);
  gathered_ = batch;
  out.now = std::move(effects.now);
  out.after_sync = std::move(effects.after_sync);
  out.snapshots_wanted = std::move(effects.snapshots_wanted);
  if (effects.hard_state) unproven_hard_.push_back({batch, *effects.hard_state});
  if (effects.begin || effects.hard_state || !effects.entries.empty()) {
    out.record = proto::LogRecord{{range_, raft_.id()}, effects.begin, std::move(effects.entries), effects.hard_state};
  }
  for (const auto& ready : effects.reads) {
    if (const auto found = confirming_.extract(ready.context)) confirmed_.emplace(ready.index, found.mapped());
  }
  for (const uint64_t context : effects.reads_failed) {
    if (const auto found = confirming_.extract(context)) machine_->dropped(found.mapped());
  }
  return out;
}

void Replica::settle() {
  if (installing()) return;
  if (raft_.applied_index() < raft_.applicable()) {
    while (raft_.applied_index() < raft_.applicable()) apply_one(raft_.entry(raft_.applied_index().next()));
    machine_->applied();
    follow_health();
    follow_role();
  }
  serve_confirmed();
}

void Replica::apply_one(const proto::Entry& entry) {
  env::WriteBatch out;
  switch (entry.kind) {
    case proto::EntryKind::noop: break;
    case proto::EntryKind::command:
      machine_->apply(entry.index, entry.term, entry.data, own_cookie(entry), out);
      break;
    case proto::EntryKind::config: apply_config(entry, out); break;
  }
  context_.state().apply(out);
  if (shrunk_) descriptor_ = *std::exchange(shrunk_, std::nullopt);
  applied_term_ = entry.term;
  raft_.applied(entry.index);
}

void Replica::split(const proto::RangeDescriptor& left, const proto::RangeDescriptor& right) {
  shrunk_ = left;
  split_off_.push_back(right);
}

void Replica::begin(const proto::RangeDescriptor& descriptor, const proto::Base& base, proto::Config config) {
  DDB_ASSERT(!initialised());
  DDB_ASSERT(!installing());
  descriptor_ = descriptor;
  begun_ = context_.now();
  applied_term_ = base.term;
  raft_.initialise(base, std::move(config), context_.now());
  machine_->loaded();
  follow_health();
  follow_role();
}

void Replica::apply_config(const proto::Entry& entry, env::WriteBatch& out) {
  const auto change = codec::decode<proto::ConfigChange>(entry.data);
  DDB_ASSERT(change);  // the log's checksum has passed: a malformed change is a bug
  if (change->payload.empty()) return;  // leaving a joint configuration changes no descriptor
  auto descriptor = codec::decode<proto::RangeDescriptor>(change->payload);
  DDB_ASSERT(descriptor);
  descriptor_ = std::move(*descriptor);
  machine_->config_applied(change->payload, out);
}

std::optional<uint64_t> Replica::own_cookie(const proto::Entry& entry) {
  const auto found = proposals_.find(entry.index);
  if (found == proposals_.end()) return std::nullopt;
  DDB_ASSERT(found->second.term == entry.term);  // resign() empties the map when a term ends
  const uint64_t cookie = found->second.cookie;
  proposals_.erase(found);
  return cookie;
}

void Replica::serve_confirmed() {
  // D5: a quorum's word does not replace the store's lease. What it confirmed stays so, and waits.
  if (DDB_KEEPS("D5") && !context_.store_lease_valid()) return;
  while (!confirmed_.empty() && confirmed_.begin()->first <= raft_.applied_index()) {
    const uint64_t cookie = confirmed_.extract(confirmed_.begin()).mapped();
    machine_->confirmed(cookie);
  }
}

void Replica::follow_role() {
  const bool leads = raft_.role() == raft::Role::leader;
  if (led_term_ && (!leads || raft_.term() != led_term_)) resign();
  if (leads && !led_term_) {
    led_term_ = raft_.term();
    ++leadership_;
  }
  // L2: nothing is evaluated before an entry of the own term is applied.
  if (led_term_ && !announced_ && (raft_.in_own_term() || !DDB_KEEPS("L2.own-term"))) {
    announced_ = true;
    machine_->became_leader();
  }
  context_.touch(*this);
}

bool Replica::is_damaged(ReplicaId member) const {
  const auto* health = machine_->health();
  return health != nullptr && std::ranges::find(health->damaged, member) != health->damaged.end();
}

void Replica::follow_health() {
  damaged_ = is_damaged(id());
  raft_.stand_back(damaged_);
}

void Replica::conclude_check(LogIndex check, std::vector<ReplicaId> damaged, std::vector<ReplicaId> silent, bool stopped) {
  machine_->conclude_check(check, std::move(damaged), std::move(silent), stopped);
}

void Replica::resign() {
  led_term_ = Term{};
  const bool told = std::exchange(announced_, false);
  // Nothing evaluated in one term is proposed in another (L2); its fate is the log's to decide.
  for (const auto& [index, proposal] : std::exchange(proposals_, {})) machine_->dropped(proposal.cookie);
  for (const auto& [context, cookie] : std::exchange(confirming_, {})) machine_->dropped(cookie);
  for (const auto& [index, cookie] : std::exchange(confirmed_, {})) machine_->dropped(cookie);
  if (told) machine_->lost_leadership();
}

bool Replica::config_settled() const {
  return !raft::is_joint(raft_.config()) && raft_.config_index() <= raft_.applied_index();
}

bool Replica::lease_valid() const {
  return raft_.lease_valid(context_.now()) && (!DDB_KEEPS("D5") || context_.store_lease_valid());
}

Result<LogIndex> Replica::propose(Bytes command, uint64_t cookie) {
  if (!announced_) return fail(Code::not_leader, "this replica does not lead");
  auto index = raft_.propose(std::move(command), context_.now());
  if (index) {
    proposals_.emplace(*index, Proposal{led_term_, cookie});
    context_.touch(*this);
  }
  return index;
}

void Replica::confirm(uint64_t cookie) {
  confirming_.emplace(++last_context_, cookie);
  raft_.read_index(last_context_, context_.now());
  context_.touch(*this);
}

void Replica::want_timestamp(uint64_t cookie) { context_.want_timestamp(*this, leadership_, cookie); }

void Replica::start_switch(ReplicaId from, const proto::SnapshotChunk& head) {
  ReplicaRecord record;
  record.descriptor = head.descriptor;
  record.replica = raft_.id();
  record.hard = at_least(proven_hard_, head.base);
  record.base = head.base;
  record.base_config = head.config;
  record.applied = head.base;
  record.install = Install{head.snapshot, head.size, 0};
  switch_ = Switch{from, std::move(record), head.config};
  if (!DDB_KEEPS("I3")) finish_switch();
  context_.touch(*this);
}

void Replica::finish_switch() {
  const Switch done = *std::exchange(switch_, std::nullopt);
  descriptor_ = done.record.descriptor;
  applied_term_ = done.record.applied.term;
  // Old rows go from wherever either descriptor has them; without splits the spans are the same.
  installer_.emplace(*done.record.install, spans());
  raft_.step({done.from, raft_.id(), raft_.term(), proto::InstallSnapshot{done.record.base, done.config}},
             context_.now());
  DDB_ASSERT(raft_.applied_index() == done.record.applied.index);
  follow_role();
}

Result<size_t> Replica::install(env::SnapshotFiles& files, size_t bytes_max) {
  if (!installer_) return 0;
  auto put = installer_->step(files, context_.state(), bytes_max);
  if (put && installer_->done()) {
    installer_.reset();
    machine_->loaded();
    follow_health();
  }
  context_.touch(*this);
  return put;
}

ReplicaRecord Replica::record() const {
  if (switch_) return switch_->record;
  ReplicaRecord record;
  if (installer_) record.install = installer_->progress();
  record.descriptor = descriptor_;
  record.replica = raft_.id();
  record.hard = at_least(DDB_KEEPS("W6.proven") ? proven_hard_ : raft_.hard_state(), raft_.base());
  record.base = raft_.base();
  record.base_config = raft_.config_at(raft_.base().index);
  record.applied = {raft_.applied_index(), applied_term_};
  return record;
}

void Replica::flushed(const ReplicaRecord& record) {
  flushed_applied_ = record.applied.index;
  if (switch_ && record == switch_->record) finish_switch();
}

void Replica::truncate(const KeptLog& kept) {
  if (installing()) return;
  LogIndex target = flushed_applied_;
  if (kept.pinned) target = std::min(target, *kept.pinned);
  if (kept.slow_followers && raft_.role() == raft::Role::leader) {
    for (const auto& peer : raft_.progress()) target = std::min(target, peer.match);
  }
  size_t bytes = raft_.log_bytes();
  LogIndex index = raft_.base().index;
  while (index < target && bytes > kept.bytes) bytes -= raft::size_of(raft_.entry(index = index.next()));
  if (index > raft_.base().index) raft_.compact(index);
}

proto::LogRecord Replica::rewrite() {
  proto::LogRecord record{{range_, raft_.id()}, raft_.base(), {}, proven_hard_};
  for (LogIndex i = raft_.base().index.next(); i <= raft_.last().index; i = i.next()) {
    record.entries.push_back(raft_.entry(i));
  }
  return record;
}

}  // namespace ddb::range
