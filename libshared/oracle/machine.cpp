#include "oracle/machine.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/overloaded.hpp"
#include "base/rule.hpp"

namespace ddb::oracle {

namespace {

using proto::OracleReply;
using range::RequestToken;
using std::chrono::milliseconds;

constexpr size_t address_bytes_max = 1024;

OracleReply error(Code code, std::string message, std::string hint = {}) {
  return Error{code, std::move(message), std::move(hint), {}};
}

Result<void> check_name(StoreId store, Incarnation incarnation, const std::string& address,
                        const std::string& locality) {
  if (store && incarnation && !address.empty() && address.size() <= address_bytes_max &&
      locality.size() <= address_bytes_max) {
    return {};
  }
  return fail(Code::usage, "a registration needs store, incarnation, and an address of at most " +
                               std::to_string(address_bytes_max) + " bytes");
}

}  // namespace

Machine::Machine(range::MachineHost& host, const Options& options)
    : host_{host}, options_{options}, clock_{options.clock}, history_{options.history_age} {}

void Machine::loaded() {
  auto record = get_row<Record>(host_.state(), env::Table::range, record_key);
  auto members = get_row<Members>(host_.state(), env::Table::range, members_key);
  DDB_ASSERT(record.has_value() == members.has_value());
  // A member that has yet to receive its first snapshot has neither.
  record_ = record.value_or(Record{});
  members_ = std::move(members.value_or(Members{}).list);
}

void Machine::reply(RequestToken to, const OracleReply& body) { host_.reply(to, codec::encode(body)); }

OracleReply Machine::redirect() const {
  const ReplicaId leader = host_.leader();
  const auto found = std::ranges::find(members_, leader, &Member::id);
  // A leader that may not serve yet does not send clients to itself.
  if (leader == options_.self || found == members_.end()) return proto::OracleRedirect{};
  return proto::OracleRedirect{found->address};
}

OracleReply Machine::status() const {
  proto::OracleStatusReply status;
  status.cluster = record_.cluster;
  status.self = options_.self.value;
  status.leader = host_.leader().value;
  status.term = host_.term().value;
  status.commit = last_applied_.value;  // what is committed as far as this member can tell a client
  status.applied = last_applied_.value;
  status.revision = record_.revision;
  for (const auto& member : members_) status.members.push_back({member.id.value, member.address});
  if (!host_.leads()) return status;
  each_row<StoreRow>(host_.state(), store_rows, [&](uint64_t, const StoreRow& row) {
    const auto left = stores_.left(row.info.store, host_.now()) / milliseconds{1};
    status.stores.push_back({row.info.node, row.info.store, row.info.incarnation, row.info.address, row.info.locality,
                             static_cast<uint64_t>(left)});
  });
  std::ranges::sort(status.stores, {}, &proto::StoreStatus::node);
  return status;
}

Watches::Tell Machine::tell() {
  return [this](RequestToken to, const proto::WatchReply& body) { reply(to, body); };
}

// --- Requests ---

Result<void> Machine::check_request(const proto::OracleRequest& request) const {
  if (const auto* want = std::get_if<proto::TimestampRequest>(&request)) {
    if (want->count >= 1 && want->count <= timestamps_max) return {};
    return fail(Code::usage, std::to_string(want->count) + " timestamps are asked for",
                "ask for 1 to " + std::to_string(timestamps_max));
  }
  if (const auto* txn = std::get_if<proto::MetaTxnRequest>(&request)) {
    if (record_.next_remembered - record_.first_remembered >= options_.remembered_max) {
      return fail(Code::try_again, "the oracle remembers too many transactions already");
    }
    if (std::ranges::any_of(txn->ops, [](const env::MetaOp& op) { return op.value.has_value(); })) {
      if (auto room = check_space(); !room) return room;
    }
    return check_txn(*txn);
  }
  if (std::holds_alternative<proto::LeaseGrantRequest>(request)) return check_space();
  if (const auto* store = std::get_if<proto::RegisterStoreRequest>(&request)) {
    return check_name(store->store, store->incarnation, store->address, store->locality);
  }
  if (const auto* member = std::get_if<proto::RegisterMemberRequest>(&request)) {
    return check_name(member->store, member->incarnation, member->address, {});
  }
  return {};
}

/// A7: what makes room, and what the cluster needs to go on, is still taken.
Result<void> Machine::check_space() const {
  if (!host_.space_low()) return {};
  return fail(Code::store_full, "the oracle's disk is nearly full", "make room on the disk of its members");
}

void Machine::request(RequestToken from, BytesView body) {
  auto request = codec::decode<proto::OracleRequest>(body);
  if (!request) return reply(from, request.error());
  if (std::holds_alternative<proto::OracleStatusRequest>(*request)) return reply(from, status());
  if (!host_.leads()) return reply(from, redirect());
  if (auto ok = check_request(*request); !ok) return reply(from, ok.error());
  std::visit(
      Overloaded{
          [&](const proto::MetaTxnRequest& txn) { propose(from, txn); },
          [&](const proto::LeaseGrantRequest& grant) { propose(from, grant); },
          [&](const proto::LeaseRevokeRequest& revoke) { propose(from, EndLease{revoke.lease}); },
          [&](const proto::RegisterStoreRequest& store) { propose(from, store); },
          [&](const proto::RegisterMemberRequest& member) { propose(from, member); },
          [&](const proto::WatchCancelRequest& cancel) {
            watches_.cancel({from.connection, cancel.request});
            reply(from, proto::DoneReply{});
          },
          [&](const auto&) { admit({from, std::move(*request)}); },
      },
      *request);
}

void Machine::propose(RequestToken from, const Command& command) {
  if (pending_.size() >= options_.pending_max) return reply(from, error(Code::try_again, "the oracle is overloaded"));
  const auto index = host_.propose(codec::encode(command), ++last_cookie_);
  if (!index) return reply(from, index.error().code == Code::not_leader ? redirect() : OracleReply{index.error()});
  pending_.emplace(last_cookie_, from);
}

/// L1, O1: served at once under the lease, else by the next confirmation that leaves.
void Machine::admit(Waiting waiting) {
  if (host_.lease_valid() || !DDB_KEEPS("O1.lease")) return serve(waiting);
  if (gathered_.size() >= options_.waiting_max) {
    return reply(waiting.from, error(Code::try_again, "the oracle's leader waits for its quorum"));
  }
  gathered_.push_back(std::move(waiting));
  confirm_gathered();
}

/// One confirmation is under way at a time; it serves only those that were gathered before it left.
void Machine::confirm_gathered() {
  if (confirmation_ != 0 || gathered_.empty()) return;
  confirming_ = std::exchange(gathered_, {});
  confirmation_ = ++last_cookie_;
  host_.confirm(confirmation_);
}

void Machine::confirmed(uint64_t cookie) {
  if (cookie != confirmation_) return;
  confirmation_ = 0;
  for (const auto& waiting : std::exchange(confirming_, {})) serve(waiting);
  confirm_gathered();
}

void Machine::serve(const Waiting& waiting) {
  const RequestToken from = waiting.from;
  std::visit(Overloaded{
                 [&](const proto::TimestampRequest& want) { serve_timestamps(from, want); },
                 [&](const proto::MetaRangeRequest& asked) { reply(from, range(asked)); },
                 [&](const proto::LeaseKeepAliveRequest& keep) { reply(from, keep_alive(keep.lease)); },
                 [&](const proto::StoreHeartbeatRequest& beat) { reply(from, heartbeat(beat)); },
                 [&](const proto::WatchRequest& wanted) { watch(from, wanted); },
                 [&](const auto&) { DDB_ASSERT(false); },  // request() admits nothing else
             },
             waiting.request);
}

void Machine::serve_timestamps(RequestToken from, const proto::TimestampRequest& request) {
  if (const auto first = clock_.take(request.count, host_.now(), host_.wall_millis())) {
    drawn_ = true;
    return reply(from, proto::TimestampReply{*first});
  }
  if (beyond_mark_.size() >= options_.waiting_max) {
    return reply(from, error(Code::try_again, "more timestamps are asked for than time has room for"));
  }
  beyond_mark_.push_back({from, request});
  extend_mark();
}

OracleReply Machine::range(const proto::MetaRangeRequest& request) {
  auto entries = read_entries(host_.state(), request.key, request.end);
  if (!entries) return entries.error();
  return env::MetaRange{record_.revision, std::move(*entries)};
}

OracleReply Machine::keep_alive(LeaseId lease) {
  if (!leases_.renew(lease, host_.now())) {
    return error(Code::not_found, "lease " + std::to_string(lease.value) + " has run out");
  }
  return proto::LeaseReply{lease, static_cast<uint64_t>(leases_.ttl(lease) / milliseconds{1})};
}

OracleReply Machine::heartbeat(const proto::StoreHeartbeatRequest& request) {
  const auto row = get_row<StoreRow>(host_.state(), env::Table::range, row_key(store_rows, request.store.value));
  if (!row || row->info.incarnation != request.incarnation) {
    return error(Code::refused,
                 "store " + std::to_string(request.store.value) + " is not registered with incarnation " +
                     std::to_string(request.incarnation.value),
                 "it was started from a copy of its directory, or somewhere else");
  }
  stores_.set(request.store, store_lease, host_.now());
  return proto::DoneReply{};
}

void Machine::watch(RequestToken from, const proto::WatchRequest& request) {
  const Revision first = request.from ? request.from : record_.revision.next();
  if (first <= record_.compacted) {
    return reply(from, error(Code::too_old,
                             "revision " + std::to_string(first.value) + " is forgotten: history begins after " +
                                 std::to_string(record_.compacted.value),
                             "read the range and watch from there on"));
  }
  if (watches_.size() >= options_.watches_max) {
    return reply(from, error(Code::try_again, "the oracle has too many watches"));
  }
  watches_.open(from, request, first, record_.revision, host_.state(), tell());
}

void Machine::connection_closed(range::ConnectionId connection) { watches_.close(connection); }

}  // namespace ddb::oracle
