// The oracle's state machine: time (timestamps.hpp), metadata (metadata.hpp), leases, watches, who is who.
//
// Sources: TRANSACTIONS.md L1, L2, O1; REPLICAS.md A6, D5, Z1-Z3; etcd's semantics of revisions, leases, watches.
//
//   answered by the leader under its lease, or once a quorum has confirmed it (ReadIndex):
//                               timestamps, ranges, keep-alives, heartbeats, the start of a watch
//   decided in the log:         transactions, leases granted and ended, registrations, the mark, compaction
//   in the leader's memory:     timestamps below the mark, deadlines of leases, watches
//   answered by any member:     status
//   not the leader:             OracleRedirect
#pragma once

#include <map>
#include <variant>
#include <vector>

#include "oracle/command.hpp"
#include "oracle/lease.hpp"
#include "oracle/record.hpp"
#include "oracle/timestamps.hpp"
#include "oracle/watch.hpp"
#include "proto/wire.hpp"
#include "range/machine.hpp"

namespace ddb::oracle {

struct Options {
  ReplicaId self{};
  ClockOptions clock{};
  // History, for watches to resume from: the last `history_revisions` are kept, and what is younger than
  // `history_age`, but never more than `history_revisions_max`.
  uint64_t history_revisions = 10'000;
  Duration history_age = std::chrono::minutes{10};
  uint64_t history_revisions_max = 200'000;
  size_t waiting_max = 65'536;  // requests that wait for a quorum or for the mark; more get try_again
  size_t pending_max = 65'536;  // requests on their way through the log; more get try_again
  size_t watches_max = 65'536;
  size_t remembered_max = 1'000'000;  // outcomes of transactions; at the limit, new ones get try_again
};

/// D5: what a store's heartbeat is good for.
constexpr Duration store_lease = std::chrono::milliseconds{proto::store_lease_ms};

/// The rows that a new oracle starts from. Each member applies them to its empty state, together with the
/// birth of its replica of founding_descriptor(), and makes both durable before it votes (Z2).
void found(const proto::FoundingRecord& record, uint32_t replicas, env::WriteBatch& out);
proto::RangeDescriptor founding_descriptor(const proto::FoundingRecord& record);

/// bad_data: the state of a founded oracle has lost its record, and with it the mark: it must not start,
/// or it would give timestamps that others hold. To be asked before the replica is recovered.
Result<void> check(env::State& state);

class Machine final : public range::Machine {
 public:
  Machine(range::MachineHost& host, const Options& options);

  void apply(LogIndex index, Term term, BytesView command, std::optional<uint64_t> cookie,
             env::WriteBatch& out) override;
  void request(range::RequestToken from, BytesView body) override;
  void connection_closed(range::ConnectionId connection) override;
  void became_leader() override;
  void lost_leadership() override;
  void dropped(uint64_t cookie) override;
  void confirmed(uint64_t cookie) override;
  void applied() override;
  void tick() override;
  std::vector<env::TableSpan> spans(const proto::RangeDescriptor& descriptor) const override;
  uint64_t hash() const override { return record_.hash; }
  void loaded() override;

  /// Members by replica id, as registered (Z1): a host dials these addresses and drops lower incarnations.
  const std::vector<Member>& members() const { return members_; }
  uint64_t cluster() const { return record_.cluster; }

 private:
  /// A request that needs no log, only the certainty that this is the leader.
  struct Waiting {
    range::RequestToken from;
    proto::OracleRequest request;
  };
  /// What apply() has to tell: the answer, should a client of this member wait for it.
  struct Outcome {
    proto::OracleReply reply;
    std::vector<env::MetaEvent> events;  // at record_.revision
  };

  void reply(range::RequestToken to, const proto::OracleReply& body);
  proto::OracleReply redirect() const;
  proto::OracleReply status() const;
  Watches::Tell tell();

  // Requests.
  Result<void> check_request(const proto::OracleRequest& request) const;
  Result<void> check_space() const;
  void propose(range::RequestToken from, const Command& command);
  void admit(Waiting waiting);
  void confirm_gathered();
  void serve(const Waiting& waiting);
  void serve_timestamps(range::RequestToken from, const proto::TimestampRequest& request);
  proto::OracleReply range(const proto::MetaRangeRequest& request);
  proto::OracleReply keep_alive(LeaseId lease);
  proto::OracleReply heartbeat(const proto::StoreHeartbeatRequest& request);
  void watch(range::RequestToken from, const proto::WatchRequest& request);

  // Duties of a leader (lead.cpp).
  void extend_mark();
  void end_leases();
  void compact();

  // Commands (apply.cpp).
  Outcome run(const RaiseMark& command, env::WriteBatch& out);
  Outcome run(const proto::MetaTxnRequest& command, env::WriteBatch& out);
  Outcome run(const proto::LeaseGrantRequest& command, env::WriteBatch& out);
  Outcome run(const EndLease& command, env::WriteBatch& out);
  Outcome run(const Compact& command, env::WriteBatch& out);
  Outcome run(const proto::RegisterStoreRequest& command, env::WriteBatch& out);
  Outcome run(const proto::RegisterMemberRequest& command, env::WriteBatch& out);
  std::vector<env::MetaEvent> change(const std::vector<env::MetaOp>& ops, env::WriteBatch& out);
  Outcome run_txn(const proto::MetaTxnRequest& txn, env::WriteBatch& out);
  void remember(uint64_t request_id, const proto::OracleReply& reply, env::WriteBatch& out);
  void forget(env::WriteBatch& out);
  void settled(uint64_t cookie, const proto::OracleReply& outcome);

  range::MachineHost& host_;
  const Options options_;

  // Of the state, on every member.
  Record record_;
  std::vector<Member> members_;
  LogIndex last_applied_;

  // Of the leader.
  Clock clock_;
  Deadlines<LeaseId> leases_;
  Deadlines<StoreId> stores_;
  Watches watches_;
  History history_;
  uint64_t last_cookie_ = 0;
  std::map<uint64_t, range::RequestToken> pending_;  // in the log, by cookie
  std::vector<Waiting> gathered_;                    // for the next confirmation
  std::vector<Waiting> confirming_;                  // of the one under way
  uint64_t confirmation_ = 0;                        // its cookie; zero: none
  std::vector<Waiting> beyond_mark_;                 // timestamps that the mark has no room for yet
  bool drawn_ = false;                               // timestamps have been given out since the mark was raised
  Instant mark_due_{};                               // it is raised anyway, if there are outcomes to be forgotten
  uint64_t extension_ = 0;                           // cookie of the mark on its way; zero: none
  uint64_t compaction_ = 0;                          // the same of a compaction
  Instant last_tick_{};
};

}  // namespace ddb::oracle
