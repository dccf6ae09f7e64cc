// What the commands of the oracle's log do to its state: decided by state and command alone (A4).
#include <algorithm>

#include "base/assert.hpp"
#include "base/rule.hpp"
#include "oracle/machine.hpp"

namespace ddb::oracle {

namespace {

using env::Table;
using proto::OracleReply;
using std::chrono::milliseconds;

/// How long a transaction's outcome is remembered, by the mark: longer than any client retries.
constexpr uint64_t remember_ms = 300'000;
constexpr int forget_rows_max = 10'000;  // by one command
/// A mark so far above the last one does not come of time going by: all members were down, or a clock jumped.
constexpr uint64_t leap_ms = 10'000;

/// Nobody can renew a shorter lease in time; nobody should hold what he left for longer.
constexpr uint64_t lease_ttl_ms_min = 500;
constexpr uint64_t lease_ttl_ms_max = 24 * 3600 * 1000;

OracleReply error(Code code, std::string message, std::string hint = {}) {
  return Error{code, std::move(message), std::move(hint), {}};
}

OracleReply no_such_lease(LeaseId lease) {
  return error(Code::not_found, "lease " + std::to_string(lease.value) + " has run out");
}

bool lease_exists(env::State& state, LeaseId lease) {
  return state.get(Table::range, row_key(lease_rows, lease.value)).has_value();
}

/// A6: a higher incarnation, or the same start of the same process, asking again.
bool is_newer_or_same(Incarnation known, uint64_t known_boot, Incarnation incarnation, uint64_t boot) {
  if (!DDB_KEEPS("A6.register")) return true;
  return incarnation > known || (incarnation == known && boot != 0 && boot == known_boot);
}

/// A6: an old copy that is started over and over gets a higher incarnation in time. What it never gets is the nonce of
/// the last registration, which went to another directory.
bool succeeds(const StoreRow& known, const proto::RegisterStoreRequest& next) {
  if (!is_newer_or_same(known.info.incarnation, known.boot, next.incarnation, next.boot)) return false;
  if (!DDB_KEEPS("A6.boots") || next.boot == known.boot) return true;
  return std::ranges::find(next.boots_before, known.boot) != next.boots_before.end();
}

OracleReply old_incarnation(const std::string& who, Incarnation incarnation, Incarnation known) {
  return error(Code::refused,
               who + " is known with incarnation " + std::to_string(known.value) + ", and comes with " +
                   std::to_string(incarnation.value),
               "this is an old copy of its data directory: start it from the current one, or as a new store");
}

std::string name_of(StoreId store) { return "store " + std::to_string(store.value); }

}  // namespace

void Machine::apply(LogIndex index, Term, BytesView command, std::optional<uint64_t> cookie, env::WriteBatch& out) {
  const auto decoded = codec::decode<Command>(command);
  DDB_ASSERT(decoded);  // an unknown command: stop rather than diverge (A4)
  DDB_ASSERT(record_.mark);  // founded, before there was a log
  last_applied_ = index;
  env::WriteBatch writes;
  const Outcome outcome = std::visit([&](const auto& it) { return run(it, writes); }, *decoded);
  record_.hash = chain_hash(record_.hash, writes);
  put_row(writes, Table::range, Bytes{record_key}, record_);
  std::ranges::move(writes.ops, std::back_inserter(out.ops));

  if (!host_.leads()) return;
  if (!outcome.events.empty()) watches_.changed(record_.revision, outcome.events);
  if (cookie) settled(*cookie, outcome.reply);
}

void Machine::applied() {
  if (host_.leads()) watches_.publish(record_.revision, record_.compacted, tell());
}

/// A command of this leader's own has been applied.
void Machine::settled(uint64_t cookie, const OracleReply& outcome) {
  if (const auto found = pending_.extract(cookie)) reply(found.mapped(), outcome);
  if (cookie == compaction_) compaction_ = 0;
  if (cookie != extension_) return;
  extension_ = 0;
  clock_.raise(record_.mark);
  for (auto& waiting : std::exchange(beyond_mark_, {})) admit(std::move(waiting));
}

/// All of `ops` at the next revision, which is used only if they change anything.
std::vector<env::MetaEvent> Machine::change(const std::vector<env::MetaOp>& ops, env::WriteBatch& out) {
  auto events = write(host_.state(), ops, record_.revision.next(), out);
  if (!events.empty()) record_.revision = record_.revision.next();
  return events;
}

Machine::Outcome Machine::run(const RaiseMark& command, env::WriteBatch& out) {
  if (DDB_KEEPS("oracle.leap") && command.mark.millis() > record_.mark.millis() + leap_ms) {
    record_.keep_until = Timestamp::of(command.mark.millis() + remember_ms, 0);
  }
  record_.mark = std::max(record_.mark, command.mark);
  clock_.observe(record_.mark, host_.now());
  forget(out);
  return {proto::DoneReply{}, {}};
}

Machine::Outcome Machine::run(const proto::MetaTxnRequest& command, env::WriteBatch& out) {
  if (command.request_id != 0 && DDB_KEEPS("oracle.once")) {
    const Bytes row = row_key(remembered_rows, command.request_id);
    if (const auto known = get_row<Remembered>(host_.state(), Table::range, row)) {
      auto earlier = codec::decode<OracleReply>(known->reply);
      DDB_ASSERT(earlier);
      return {std::move(*earlier), {}};
    }
  }
  Outcome outcome = run_txn(command, out);
  if (command.request_id != 0) remember(command.request_id, outcome.reply, out);
  return outcome;
}

Machine::Outcome Machine::run_txn(const proto::MetaTxnRequest& txn, env::WriteBatch& out) {
  for (const auto& op : txn.ops) {
    if (op.value && op.lease && !lease_exists(host_.state(), op.lease)) return {no_such_lease(op.lease), {}};
  }
  const bool held = !DDB_KEEPS("oracle.compare") || hold(host_.state(), txn.compares);
  if (!held) return {env::MetaTxnResult{false, record_.revision}, {}};
  auto events = change(txn.ops, out);
  return {env::MetaTxnResult{true, record_.revision}, std::move(events)};
}

/// A failed outcome is remembered as well: a late duplicate must not succeed after the client heard "no".
void Machine::remember(uint64_t request_id, const OracleReply& reply, env::WriteBatch& out) {
  put_row(out, Table::range, row_key(remembered_rows, request_id), Remembered{codec::encode(reply)});
  put_row(out, Table::range, row_key(forgettable_rows, record_.next_remembered++), Forgettable{request_id, record_.mark});
}

void Machine::forget(env::WriteBatch& out) {
  if (record_.mark < record_.keep_until) return;
  for (int rows = 0; rows < forget_rows_max && record_.first_remembered < record_.next_remembered; ++rows) {
    Bytes oldest = row_key(forgettable_rows, record_.first_remembered);
    const auto row = get_row<Forgettable>(host_.state(), Table::range, oldest);
    DDB_ASSERT(row);
    if (row->since.millis() + remember_ms > record_.mark.millis()) return;
    out.erase(Table::range, row_key(remembered_rows, row->request_id));
    out.erase(Table::range, std::move(oldest));
    ++record_.first_remembered;
  }
}

Machine::Outcome Machine::run(const proto::LeaseGrantRequest& command, env::WriteBatch& out) {
  const uint64_t ttl_ms = std::clamp(command.ttl_ms, lease_ttl_ms_min, lease_ttl_ms_max);
  const LeaseId lease = record_.last_lease = record_.last_lease.next();
  put_row(out, Table::range, row_key(lease_rows, lease.value), LeaseRow{ttl_ms});
  if (host_.leads()) leases_.set(lease, milliseconds{ttl_ms}, host_.now());
  return {proto::LeaseReply{lease, ttl_ms}, {}};
}

Machine::Outcome Machine::run(const EndLease& command, env::WriteBatch& out) {
  if (!lease_exists(host_.state(), command.lease)) return {no_such_lease(command.lease), {}};
  auto events = change(end_of_lease(host_.state(), command.lease), out);
  out.erase(Table::range, row_key(lease_rows, command.lease.value));
  leases_.erase(command.lease);
  return {proto::DoneReply{}, std::move(events)};
}

Machine::Outcome Machine::run(const Compact& command, env::WriteBatch& out) {
  const Revision target = std::min(command.revision, record_.revision);
  if (target <= record_.compacted) return {proto::DoneReply{}, {}};
  const auto cursor = host_.state().cursor(Table::txn);
  for (bool on = cursor->seek(history_key(record_.compacted.next())); on && Revision{row_id(cursor->key())} <= target;
       on = cursor->next()) {
    out.erase(Table::txn, Bytes{cursor->key()});
  }
  record_.compacted = target;
  return {proto::DoneReply{}, {}};
}

Machine::Outcome Machine::run(const proto::RegisterStoreRequest& command, env::WriteBatch& out) {
  const Bytes key = row_key(store_rows, command.store.value);
  const auto known = get_row<StoreRow>(host_.state(), Table::range, key);
  if (command.cluster != 0 && (command.cluster != record_.cluster || !known)) {
    return {error(Code::refused, name_of(command.store) + " belongs to another cluster",
                  "start it with its own oracle, or as a new store from an empty directory"),
            {}};
  }
  if (known && !succeeds(*known, command)) {
    return {old_incarnation(name_of(command.store), command.incarnation, known->info.incarnation), {}};
  }
  // Z3: node ids go by store id, so retries agree.
  const NodeId node = known ? known->info.node : (record_.last_node = record_.last_node.next());
  const proto::NodeInfo info{node, command.store, command.incarnation, command.address, command.locality};
  put_row(out, Table::range, key, StoreRow{info, command.boot});
  auto events = change({{.key = proto::node_prefix + proto::meta_id(node.value), .value = codec::encode(info), .end = {}, .lease = {}}}, out);
  return {proto::RegisterStoreReply{record_.cluster, node}, std::move(events)};
}

Machine::Outcome Machine::run(const proto::RegisterMemberRequest& command, env::WriteBatch& out) {
  const auto member = std::ranges::find(members_, ReplicaId{command.member}, &Member::id);
  if (member == members_.end() || member->store != command.store) {
    return {error(Code::refused, name_of(command.store) + " is no member of this oracle"), {}};
  }
  if (!is_newer_or_same(member->incarnation, member->boot, command.incarnation, command.boot)) {
    return {old_incarnation(name_of(command.store), command.incarnation, member->incarnation), {}};
  }
  *member = {member->id, command.store, command.incarnation, command.address, command.boot};
  put_row(out, Table::range, Bytes{members_key}, Members{members_});
  return {proto::DoneReply{}, {}};
}

}  // namespace ddb::oracle
