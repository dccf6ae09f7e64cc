#include "range/data_machine.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/overloaded.hpp"
#include "base/rule.hpp"
#include "codec/archive.hpp"
#include "mvcc/key.hpp"
#include "proto/within.hpp"
#include "range/check_request.hpp"

namespace ddb::range {

namespace {

Error overloaded() {
  return {Code::try_again, "the range has too many requests under way", "repeat the request a little later", {}};
}

Error long_queue(BytesView key) {
  return {Code::try_again, "too many transactions wait for their turn to update key " + to_hex(key), "repeat the request a little later",
          Bytes{key}};
}

Error full() {
  return {Code::store_full, "the range's disk is nearly full", "make room on the disks of its nodes", {}};
}

Error stopped(RangeId range) {
  return {Code::bad_data, "range " + std::to_string(range.value) + " has stopped: its replicas differ, and no majority agrees",
          "see what ddb-split list says of it", {}};
}

Error unheard() {
  return {Code::refused, "a timestamp of the request is above any that the oracle has given",
          "take timestamps from this cluster's oracle", {}};
}

/// What a request reads, of others' writes, and when; nullopt: it writes.
struct Reading {
  const std::vector<Bytes>* keys;
  std::vector<env::KeySpan> spans;
  Timestamp ts;
};

const std::vector<Bytes> no_keys;

std::optional<Reading> reading_of(const proto::RangeRequestBody& body) {
  if (const auto* read = std::get_if<proto::ReadRequest>(&body)) {
    return Reading{&read->keys, read->scan ? std::vector{*read->scan} : std::vector<env::KeySpan>{}, read->read_ts};
  }
  if (const auto* query = std::get_if<proto::QueryLocksRequest>(&body)) return Reading{&query->keys, {}, query->attempt.c0};
  if (const auto* validate = std::get_if<proto::ValidateRequest>(&body)) {
    return Reading{&no_keys, validate->read_spans, validate->at};
  }
  return std::nullopt;
}

std::vector<Bytes> keys_of(const std::vector<env::Write>& writes) {
  std::vector<Bytes> keys;
  keys.reserve(writes.size());
  for (const env::Write& write : writes) keys.push_back(write.key);
  return keys;
}

std::vector<Bytes> record_of(const Bytes& anchor, const proto::Attempt& attempt) { return {transaction_key(anchor, attempt.id)}; }

Latches::Want want_of(const proto::RangeRequestBody& body) {
  using Want = Latches::Want;
  return std::visit(
      Overloaded{[](const proto::CommitRequest& r) {
                   return Want{keys_of(r.writes), record_of(r.writes.front().key, r.attempt), r.read_spans};
                 },
                 [](const proto::PrepareRequest& r) {
                   const bool is_anchor = r.record != proto::RecordKind::none;
                   return Want{keys_of(r.writes), is_anchor ? record_of(r.anchor, r.attempt) : std::vector<Bytes>{}, r.read_spans};
                 },
                 [](const proto::SettleRequest& r) { return Want{{}, record_of(r.anchor, r.attempt), {}}; },
                 [](const proto::RecoverRequest& r) { return Want{{}, record_of(r.anchor, r.attempt), {}}; },
                 [](const proto::DecideRequest& r) { return Want{r.keys, record_of(r.anchor, r.attempt), {}}; },
                 [](const proto::ResolveRequest& r) { return Want{r.keys, {}, {}}; },
                 [](const proto::SplitRequest&) { return Want{{}, {}, {}, DDB_KEEPS("L3")}; },
                 [](const auto&) { return Want{}; }},
      body);
}

/// What has been done, in the words of who asked for it.
proto::RangeReply reply_to(const proto::RangeRequestBody& request, const CommandBody& done) {
  return std::visit(Overloaded{[](const CommitCommand& c) -> proto::RangeReply { return proto::CommitReply{c.commit_ts}; },
                               [](const PrepareCommand& c) -> proto::RangeReply { return proto::PrepareReply{c.min_commit_ts}; },
                               [&](const DecideCommand& c) -> proto::RangeReply {
                                 if (std::holds_alternative<proto::RecoverRequest>(request)) return proto::RecoverReply{};
                                 return proto::SettleReply{c.commit_ts};
                               },
                               [](const auto&) -> proto::RangeReply { return proto::Done{}; }},
                    done);
}

bool is_client_write(const CommandBody& command) {
  return std::holds_alternative<CommitCommand>(command) || std::holds_alternative<PrepareCommand>(command);
}

/// Whose turns are over once this was answered (K3): what it read for an update it has written now, or never will.
proto::Attempt written_by(const proto::RangeRequestBody& body) {
  if (const auto* commit = std::get_if<proto::CommitRequest>(&body)) return commit->attempt;
  if (const auto* prepare = std::get_if<proto::PrepareRequest>(&body)) return prepare->attempt;
  return {};
}

/// The attempt that a request is for; id zero: none, a mere reader.
proto::Attempt attempt_of(const proto::RangeRequestBody& body) {
  return std::visit(Overloaded{[](const proto::ReadRequest& r) {
                                 const Timestamp id = r.update_id ? r.update_id : r.read_ts;
                                 return proto::Attempt{id, id};
                               },
                               [](const proto::SplitRequest&) { return proto::Attempt{}; },
                               [](const proto::LeaveRequest&) { return proto::Attempt{}; },
                               [](const auto& r) { return r.attempt; }},
                    body);
}

}  // namespace

DataMachine::DataMachine(MachineHost& host, const DataOptions& options)
    : host_{host},
      options_{options},
      update_queue_{options.update_queue},
      sweeper_{options.sweep},
      recent_{options.recent_writes_max},
      collector_{options.collect} {}

// Every replica

void DataMachine::loaded() { state_.load(host_.state(), host_.descriptor().id); }

std::vector<env::TableSpan> DataMachine::spans(const proto::RangeDescriptor& descriptor) const {
  const env::KeySpan rows = mvcc::stored_span(descriptor.span);
  const env::KeySpan record = env::point_span(data_record_key(descriptor.id));
  return {{env::Table::range, record.start, record.end},
          {env::Table::data, rows.start, rows.end},
          {env::Table::lock, rows.start, rows.end},
          {env::Table::txn, rows.start, rows.end}};
}

void DataMachine::apply(LogIndex index, Term, BytesView bytes, std::optional<uint64_t> cookie, env::WriteBatch& out) {
  const auto command = codec::decode<DataCommand>(bytes);
  DDB_ASSERT(command);  // of a kind that this version does not know: to go on would be to diverge
  const bool done = state_.apply(index, *command, host_.descriptor(), host_.state(), out);
  const auto* split = done ? std::get_if<SplitCommand>(&command->body) : nullptr;
  if (split != nullptr) host_.split(split->left, split->right);
  split_lately_ = split_lately_ || split != nullptr;
  if (done && floor_known_) remember_writes(*command);
  if (!cookie) return;
  if (*cookie == upkeep_) return upkeep_applied(*command);
  const auto task = tasks_.find(*cookie);
  if (task == tasks_.end()) return;
  // D2: the range has split since; nothing was done.
  if (!done) return finish(task->first, redirect_for(task->second.request));
  if (split != nullptr) return answer(task->first, task->second, proto::SplitReply{split->right});
  answer(task->first, task->second, reply_to(task->second.request.body, command->body));
}

// The leader

void DataMachine::remember_writes(const DataCommand& command) {
  const auto resolved = [&](const std::vector<Bytes>& keys, std::optional<Timestamp> commit_ts) {
    for (const Bytes& key : keys) {
      if (commit_ts) recent_.note(key, *commit_ts);
      unlocked_.push_back(key);
    }
  };
  std::visit(Overloaded{[&](const CommitCommand& c) {
                          for (const VersionWrite& write : c.writes) recent_.note(write.key, c.commit_ts);
                        },
                        [&](const DecideCommand& c) { resolved(c.keys, c.commit_ts); },
                        [&](const ResolveCommand& c) { resolved(c.keys, c.commit_ts); },
                        [](const auto&) {}},
             command.body);
}

void DataMachine::became_leader() {
  DDB_ASSERT(tasks_.empty());
  ask_timestamp();  // L2
}

void DataMachine::lost_leadership() {
  for (const auto& [id, task] : std::exchange(tasks_, {})) reply(task.from, redirect(task.proposed));
  task_bytes_ = 0;
  latches_.clear();
  lock_waits_.clear();
  update_queue_.clear();
  unlocked_.clear();
  sweeper_.reset();
  pending_met_.clear();
  resolved_.clear();
  ready_.clear();
  floor_.clear();
  record_floor_.clear();
  recent_ = mvcc::RecentWrites{options_.recent_writes_max};
  floor_known_ = false;
  timestamps_ = {};
  leases_ = {};
  upkeep_ = 0;
  collector_.reset();
}

void DataMachine::request(RequestToken from, BytesView body) {
  if (!host_.leads()) return reply(from, redirect());
  if (const auto refusal = barred()) return reply(from, *refusal);
  auto request = codec::decode<proto::RangeRequest>(body);
  if (!request) return reply(from, request.error());
  if (auto ok = check_request(request->body, options_.commit_bytes_max); !ok) return reply(from, ok.error());
  if (!is_routed(*request)) return reply(from, redirect_for(*request));
  if (const auto* done = std::get_if<proto::ForgetRequest>(&request->body)) {
    forget(*done);
    return reply(from, proto::Done{});
  }
  if (const auto* leave = std::get_if<proto::LeaveRequest>(&request->body)) {
    reply(from, proto::Done{});
    pass_turns(update_queue_.leave(leave->update_id, host_.now()));
    return run();
  }
  if (tasks_.size() >= options_.requests_max || task_bytes_ + body.size() > options_.request_bytes_max) {
    return reply(from, overloaded());
  }
  const TaskId id = ++last_id_;
  task_bytes_ += body.size();
  Task& task = tasks_[id];
  task.from = from;
  task.request = std::move(*request);
  task.bytes = body.size();
  admit(id, task);
  run();
}

/// R1: no timestamp that the oracle may yet give. L2: no write before this term's floor.
void DataMachine::admit(TaskId id, Task& task) {
  heard_lately_ = true;
  if (is_known(task)) return latch(id, task);
  timestamps_.joined.push_back(id);
  if (timestamps_.cookie == 0) ask_timestamp();
}

bool DataMachine::is_known(const Task& task) const {
  const bool writes = !std::holds_alternative<proto::ReadRequest>(task.request.body);
  if (writes && !floor_known_) return false;
  return heard_ && highest_timestamp(task.request.body) <= highest_possible(heard_);
}

/// What a request may name when `heard` is the highest timestamp known to be given out.
Timestamp DataMachine::highest_possible(Timestamp heard) const {
  return Timestamp{heard.value + Timestamp::of(static_cast<uint64_t>(options_.timestamp_slack.count()), 0).value};
}

void DataMachine::ask_timestamp() {
  timestamps_.cookie = ++last_id_;
  timestamps_.asked = std::exchange(timestamps_.joined, {});
  host_.want_timestamp(timestamps_.cookie);
}

void DataMachine::timestamp(uint64_t cookie, Timestamp ts) {
  heard_ = std::max(heard_, ts);
  if (!floor_known_) begin_term(ts);
  if (cookie == timestamps_.cookie) {
    timestamps_.cookie = 0;
    admit_known(std::exchange(timestamps_.asked, {}), true);
  }
  admit_known(std::exchange(timestamps_.joined, {}), false);
  if (!timestamps_.joined.empty() && timestamps_.cookie == 0) ask_timestamp();
  if (const auto task = tasks_.find(cookie); task != tasks_.end()) {
    task->second.fresh = ts;
    if (auto* read = std::get_if<proto::ReadRequest>(&task->second.request.body)) {
      read->read_ts = ts;  // K3: a read there like any other, from its latches on (R1)
      latch(cookie, task->second);
    } else {
      ready_.push_back(cookie);
    }
  }
  run();
}

/// L2: `fresh` was asked for after an entry of the own term was applied, so it is above all that went before.
void DataMachine::begin_term(Timestamp fresh) {
  floor_known_ = true;
  if (DDB_KEEPS("L2")) {
    floor_.raise_all(fresh);
    record_floor_.raise_all(fresh);
  }
  recent_.start(highest_possible(fresh));
}

/// Those who joined after the question left wait for the next answer: theirs may be newer timestamps.
void DataMachine::admit_known(const std::vector<TaskId>& waiting, bool asked) {
  for (const TaskId id : waiting) {
    Task& task = tasks_.at(id);
    if (is_known(task)) {
      latch(id, task);
    } else if (asked) {
      finish(id, unheard());
    } else {
      timestamps_.joined.push_back(id);
    }
  }
}

/// K3. A task that is not told now, or refused, is among the changes of turns later.
bool DataMachine::awaits_turn(TaskId id, Task& task) {
  const auto* read = std::get_if<proto::ReadRequest>(&task.request.body);
  if (task.has_turn || read == nullptr || !read->update_id || !DDB_KEEPS("K3")) return false;
  const auto turn = update_queue_.ask(read->keys.front(), read->update_id, task.from.connection, id, host_.now());
  task.has_turn = turn == UpdateQueue::Turn::now;
  if (turn == UpdateQueue::Turn::full) finish(id, long_queue(read->keys.front()));
  return turn != UpdateQueue::Turn::now;
}

void DataMachine::pass_turns(UpdateQueue::Changes changes) {
  for (const TaskId id : changes.granted) {
    tasks_.at(id).has_turn = true;
    host_.want_timestamp(id);
  }
  for (const TaskId id : changes.impatient) finish(id, long_queue(first_key(tasks_.at(id).request.body)));
  for (const TaskId id : changes.gone) finish(id, redirect());
}

void DataMachine::connection_closed(ConnectionId connection) {
  pass_turns(update_queue_.closed(connection, host_.now()));
  run();
}

void DataMachine::latch(TaskId id, Task& task) {
  if (awaits_turn(id, task)) return;
  bool granted = false;
  if (const auto reading = reading_of(task.request.body)) {
    granted = !DDB_KEEPS("R1") || latches_.wait(id, *reading->keys, reading->spans);
    if (!granted) raise_floor(task.request.body);
  } else {
    task.latched = true;
    granted = latches_.acquire(id, want_of(task.request.body));
  }
  if (granted) ready_.push_back(id);
}

/// So that nobody who gets a latch while the read waits commits at or below it.
void DataMachine::raise_floor(const proto::RangeRequestBody& body) {
  const auto reading = reading_of(body);
  if (!reading || !DDB_KEEPS("R3")) return;
  for (const Bytes& key : *reading->keys) floor_.raise(key, reading->ts);
  for (const env::KeySpan& span : reading->spans) floor_.raise(span, reading->ts);
}

void DataMachine::applied() {
  if (barred()) {  // what was proposed is applied, or will be, before anything is evaluated here again
    while (!tasks_.empty()) finish(tasks_.begin()->first, *barred(tasks_.begin()->second.proposed));
    ready_.clear();
  }
  std::vector<TaskId> waiters;
  for (const Bytes& key : std::exchange(unlocked_, {})) lock_waits_.opened(key, waiters);
  relatch(waiters, false);
  if (std::exchange(split_lately_, false)) {
    for (const TaskId id : update_queue_.clear()) finish(id, redirect_for(tasks_.at(id).request));
  }
  run();
}

void DataMachine::run() {
  while (!ready_.empty()) {
    for (const TaskId id : std::exchange(ready_, {})) proceed(id);
  }
}

/// Goes on with a request that has its latches.
void DataMachine::proceed(TaskId id) {
  if (id == upkeep_) return propose_threshold();
  const auto found = tasks_.find(id);
  DDB_ASSERT(found != tasks_.end());
  Task& task = found->second;
  if (!task.confirmed && !host_.lease_valid()) return await_lease(id);
  if (task.answer) return finish(id, *task.answer);
  if (!is_routed(task.request)) return finish(id, redirect_for(task.request));  // the range has split meanwhile
  evaluate(id, task);
}

/// A read holds nothing meanwhile: nobody may commit below it on the strength of a lease that comes back.
void DataMachine::await_lease(TaskId id) {
  raise_floor(tasks_.at(id).request.body);
  leases_.joined.push_back(id);
  if (leases_.cookie == 0) ask_lease();
}

void DataMachine::ask_lease() {
  leases_.cookie = ++last_id_;
  leases_.asked = std::exchange(leases_.joined, {});
  host_.confirm(leases_.cookie);
}

void DataMachine::confirmed(uint64_t cookie) {
  if (cookie == upkeep_) return upkeep_confirmed();
  if (cookie != leases_.cookie) return;
  leases_.cookie = 0;
  for (const TaskId id : std::exchange(leases_.asked, {})) {
    tasks_.at(id).confirmed = true;
    ready_.push_back(id);
  }
  if (!leases_.joined.empty()) ask_lease();
  run();
}

/// Mostly the beginning of lost_leadership(), which answers everybody else.
void DataMachine::dropped(uint64_t cookie) {
  if (cookie == leases_.cookie) {
    leases_.cookie = 0;
    for (const TaskId id : std::exchange(leases_.asked, {})) finish(id, redirect(tasks_.at(id).proposed));
    if (!leases_.joined.empty()) ask_lease();
  }
  if (const auto task = tasks_.find(cookie); task != tasks_.end()) finish(cookie, redirect(true));
}

void DataMachine::evaluate(TaskId id, Task& task) {
  auto verdict = verdict_of(task);
  if (auto* reply = std::get_if<proto::RangeReply>(&verdict)) {
    if (const auto* locked = std::get_if<proto::Locked>(reply); locked && !task.waited && DDB_KEEPS("K1.wait")) return await_lock(id, task, *locked);
    if (std::holds_alternative<proto::PrepareReply>(*reply)) note_renewal(task.request.body);
    return answer(id, task, std::move(*reply));
  }
  if (DDB_KEEPS("P8.lease")) task.confirmed = false;  // what comes next takes its time
  if (std::holds_alternative<NeedsTimestamp>(verdict)) return host_.want_timestamp(id);
  auto& command = std::get<CommandBody>(verdict);
  if (is_client_write(command) && host_.space_low()) return answer(id, task, full());  // A7: what is decided may be finished
  propose(id, task, std::move(command));
}

Verdict DataMachine::verdict_of(const Task& task) {
  const CommitContext context = commit_context();
  return std::visit(
      Overloaded{[&](const proto::ReadRequest& r) -> Verdict {
                   return evaluate_read(host_.state(), r, record(), options_.read, task.fresh, floor_);
                 },
                 [&](const proto::CommitRequest& r) { return evaluate_commit(context, r, task.fresh); },
                 [&](const proto::SettleRequest& r) { return evaluate_settle(context, r); },
                 [&](const proto::PrepareRequest& r) { return evaluate_prepare(context, r); },
                 [&](const proto::ValidateRequest& r) -> Verdict { return evaluate_validate(context, r); },
                 [&](const proto::DecideRequest& r) { return evaluate_decide(context, r); },
                 [&](const proto::RecoverRequest& r) { return evaluate_recover(context, r, is_abandoned(r)); },
                 [&](const proto::QueryLocksRequest& r) -> Verdict { return evaluate_query(context, r); },
                 [&](const proto::FindLocksRequest& r) -> Verdict { return evaluate_find_locks(context, r); },
                 [&](const proto::ResolveRequest& r) { return evaluate_resolve(context, r); },
                 [&](const proto::SplitRequest& r) { return evaluate_split(host_, record(), r); },
                 [&](const auto&) -> Verdict { return proto::RangeReply{proto::Done{}}; }},
      task.request.body);
}

void DataMachine::propose(TaskId id, Task& task, CommandBody command) {
  const auto index = host_.propose(encode_command(std::move(command)), id);
  if (index) {
    task.proposed = true;
  } else if (index.error().code == Code::not_leader) {
    finish(id, redirect());
  } else {
    finish(id, index.error());
  }
}

/// K1: bounded, and without latches. The older one finds out soon, so of two that wait for each other one yields.
void DataMachine::await_lock(TaskId id, Task& task, const proto::Locked& locked) {
  const bool older = attempt_of(task.request.body).id <= locked.attempt.id;
  unlatch(id, task);
  task.confirmed = false;
  if (!task.waits_until) {
    task.waits_until = host_.now() + (older ? options_.lock_patience_older : options_.lock_patience_younger);
  }
  lock_waits_.add(id, locked.keys.front(), *task.waits_until);
}

/// `waited`: in vain; whatever is in the way now is the answer.
void DataMachine::relatch(const std::vector<TaskId>& waiters, bool waited) {
  for (const TaskId id : waiters) {
    Task& task = tasks_.at(id);
    task.waited = waited;
    latch(id, task);
  }
}

void DataMachine::unlatch(TaskId id, Task& task) {
  if (std::exchange(task.latched, false)) latches_.release(id, ready_);
}

/// V4. Measured from when this leader was first asked: no clock is in the record (A4).
bool DataMachine::is_abandoned(const proto::RecoverRequest& request) {
  const auto [met, first] = pending_met_.try_emplace(transaction_key(request.anchor, request.attempt.id), host_.now());
  return !first && host_.now() - met->second >= options_.pending_patience;
}

/// V4: a prepare at the anchor that was asked for before is its coordinator's way to say that it is at work.
void DataMachine::note_renewal(const proto::RangeRequestBody& body) {
  const auto& prepare = std::get<proto::PrepareRequest>(body);
  if (prepare.record == proto::RecordKind::none || !DDB_KEEPS("V4.renew")) return;
  pending_met_[transaction_key(prepare.anchor, prepare.attempt.id)] = host_.now();
  sweeper_.renewed(prepare.attempt, host_.now());
}

/// V4. Needs no lease: what it finds is only asked about.
void DataMachine::sweep() {
  if (record().locks == 0 && record().records == 0) return;
  for (auto& locked : sweeper_.next(host_.state(), host_.descriptor().span, host_.now())) host_.orphaned(std::move(locked));
}

void DataMachine::forget(const proto::ForgetRequest& request) {
  if (resolved_.size() < options_.requests_max) resolved_.push_back({request.attempt, request.anchor});
}

void DataMachine::propose_forgetting() {
  if (resolved_.empty()) return;
  if (host_.propose(encode_command(ForgetCommand{resolved_}), ++last_id_)) resolved_.clear();
}

/// L1, D5: the lease is looked at again; without it, the quorum.
void DataMachine::answer(TaskId id, Task& task, proto::RangeReply reply) {
  const auto* error = std::get_if<Error>(&reply);
  met_damage_ |= error != nullptr && error->code == Code::bad_data;
  if (task.confirmed || host_.lease_valid()) return finish(id, reply);
  task.answer = std::move(reply);
  await_lease(id);
}

void DataMachine::finish(TaskId id, const proto::RangeReply& what) {
  const auto task = tasks_.find(id);
  reply(task->second.from, what);
  unlatch(id, task->second);
  task_bytes_ -= task->second.bytes;
  const proto::Attempt done = written_by(task->second.request.body);
  tasks_.erase(task);
  if (done.id) pass_turns(update_queue_.leave(done.id, host_.now()));
}

CommitContext DataMachine::commit_context() { return {host_.state(), floor_, record_floor_, recent_, record()}; }

bool DataMachine::is_routed(const proto::RangeRequest& request) const {
  const proto::RangeDescriptor& descriptor = host_.descriptor();
  return request.epoch.split == descriptor.epoch.split && proto::is_within(request.body, descriptor.span);
}

proto::Redirect DataMachine::redirect(bool in_doubt) const {
  const proto::RangeDescriptor& self = host_.descriptor();
  if (!self.id) return {{}, {}, in_doubt};  // uninitialised
  return {{self}, host_.leader(), in_doubt};
}

/// Who was routed by an old map learns of the half that the range gave up, and of who has his key now.
proto::Redirect DataMachine::redirect_for(const proto::RangeRequest& request) const {
  proto::Redirect told = redirect();
  const auto tell = [&](BytesView key) {
    const auto* holder = host_.holder_of(key);
    const bool known = holder == nullptr || std::any_of(told.descriptors.begin(), told.descriptors.end(),
                                                        [&](const auto& other) { return other.id == holder->id; });
    if (!known) told.descriptors.push_back(*holder);
  };
  if (const Bytes& end = host_.descriptor().span.end; !end.empty()) tell(end);
  tell(first_key(request.body));
  return told;
}

void DataMachine::reply(RequestToken to, const proto::RangeReply& what) { host_.reply(to, codec::encode(what)); }

Bytes DataMachine::encode_command(CommandBody body) const {
  return codec::encode(DataCommand{host_.descriptor().epoch.split, std::move(body)});
}

// Comparison

/// H1: what a damaged replica, or one of a range that has stopped, says to everybody; nullopt: it serves.
std::optional<proto::RangeReply> DataMachine::barred(bool in_doubt) const {
  const proto::Health& health = record().health;
  if (!DDB_KEEPS("H1.serve")) return std::nullopt;
  if (health.stopped) return stopped(host_.descriptor().id);
  if (std::ranges::find(health.damaged, host_.id()) == health.damaged.end()) return std::nullopt;
  return proto::Redirect{{host_.descriptor()}, {}, in_doubt};
}

void DataMachine::begin_check(Timestamp now) {
  if (host_.propose(encode_command(CheckCommand{now}), ++last_id_)) met_damage_ = false;
}

void DataMachine::conclude_check(LogIndex check, std::vector<ReplicaId> damaged, std::vector<ReplicaId> silent, bool stopped) {
  (void)host_.propose(encode_command(VerdictCommand{check, std::move(damaged), std::move(silent), stopped}), ++last_id_);
}

// Collection

void DataMachine::tick() {
  if (!host_.leads() || barred()) return;
  const bool stale = std::exchange(heard_lately_, false) && options_.timestamp_slack.count() > 0;
  if (stale && timestamps_.cookie == 0) ask_timestamp();
  if (wants_upkeep()) host_.lease_valid() ? follow_collector() : wake_for_upkeep();
  propose_forgetting();
  if (DDB_KEEPS("V4")) sweep();
  std::erase_if(pending_met_, [&](const auto& met) { return host_.now() - met.second > 2 * options_.pending_patience; });
  std::vector<TaskId> waiters;
  lock_waits_.expire(host_.now(), waiters);
  relatch(waiters, true);
  if (!update_queue_.empty()) pass_turns(update_queue_.expire(host_.now()));
  run();
}

bool DataMachine::wants_upkeep() const {
  if (upkeep_ != 0 || !floor_known_) return false;
  return collector_.sweeping() || (host_.allowance().threshold > record().threshold && wants_threshold());
}

/// L4: in a quiet range there is no lease; asking for one wakes it.
void DataMachine::wake_for_upkeep() {
  upkeep_ = ++last_id_;
  host_.confirm(upkeep_);
}

/// A leader that has tried to hand over has no lease until its term ends (L1), and its quorum's word all the same.
void DataMachine::upkeep_confirmed() {
  upkeep_ = 0;
  if (wants_upkeep()) follow_collector();
  run();
}

void DataMachine::follow_collector() {
  if (!collector_.sweeping()) return begin_threshold();
  const TaskId id = ++last_id_;
  auto piece = collector_.next(host_.state(), host_.descriptor().span, record().threshold);
  for (const auto& span : collector_.take_cleared()) host_.cleared(span);
  if (piece && host_.propose(encode_command(std::move(*piece)), id)) upkeep_ = id;
}

/// L3: a threshold changes under a latch on everything. F3: never beyond what the oracle's log allows.
void DataMachine::begin_threshold() {
  upkeep_ = ++last_id_;
  threshold_ = host_.allowance().threshold;
  if (latches_.acquire(upkeep_, {.keys = {}, .records = {}, .shared = {}, .all = DDB_KEEPS("L3.threshold")})) ready_.push_back(upkeep_);
}

void DataMachine::propose_threshold() {
  if (host_.propose(encode_command(ThresholdCommand{threshold_}), upkeep_)) return;
  latches_.release(std::exchange(upkeep_, 0), ready_);
}

void DataMachine::upkeep_applied(const DataCommand& command) {
  const TaskId id = std::exchange(upkeep_, 0);
  if (!std::holds_alternative<ThresholdCommand>(command.body)) return;
  latches_.release(id, ready_);
  collector_.begin_sweep(host_.descriptor().span, record().threshold, host_.allowance());
}

}  // namespace ddb::range
