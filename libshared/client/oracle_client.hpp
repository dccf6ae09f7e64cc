// The oracle as its clients use it: finds the leader, repeats what may be repeated, batches timestamps.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "client/channel.hpp"
#include "client/figures.hpp"
#include "proto/oracle.hpp"

namespace ddb::client {

struct OracleClientOptions {
  std::vector<net::Address> addresses;                       // at least one; others are learnt from redirects
  Duration timeout = std::chrono::seconds{10};               // of a call, over all attempts
  Duration attempt_timeout = std::chrono::milliseconds{1500};  // then another address is asked
  ChannelOptions channel{};
  Figures* figures = nullptr;  // counts there; outlives it
};

/// Asynchronous; for the synchronous face see MetaClient. Calls go to the leader: redirects, broken connections, elections
/// and hung processes are met by asking again, elsewhere, until the timeout.
/// Errors of every call: unavailable, naming the addresses tried and why each failed; unknown_outcome where the request
/// may have been carried out (not of what is harmless to repeat); refused: another cluster; and what the oracle answers.
/// Must not be destroyed within one of its callbacks.
class OracleClient {
 public:
  /// `identity` must outlive it. Its cluster, if zero, is set by the first oracle that says Hello.
  OracleClient(net::Loop& loop, net::Identity& identity, OracleClientOptions options);
  ~OracleClient();
  OracleClient(const OracleClient&) = delete;
  OracleClient& operator=(const OracleClient&) = delete;

  /// A fresh timestamp, given out after this call (O1). One request in flight carries all who wait.
  void timestamp(Done<Timestamp> done);

  /// Any request but a watch. The reply is neither Error nor OracleRedirect. `timeout` zero: as in the options.
  void call(proto::OracleRequest request, Done<proto::OracleReply> done, Duration timeout = {});

  // call() for one kind of request each.
  void range(Bytes key, Bytes end, Done<env::MetaRange> done);
  void txn(std::vector<env::MetaCompare> compares, std::vector<env::MetaOp> ops, Done<env::MetaTxnResult> done);
  void grant(uint64_t ttl_ms, Done<proto::LeaseReply> done);
  void keep_alive(LeaseId lease, Done<proto::LeaseReply> done);
  void revoke(LeaseId lease, Done<proto::DoneReply> done);
  void register_store(proto::RegisterStoreRequest request, Done<proto::RegisterStoreReply> done);
  void heartbeat(proto::StoreHeartbeatRequest request, Done<proto::DoneReply> done);

  /// What the process at `address`, leader or not, says of itself; one attempt.
  void status(const net::Address& address, Done<proto::OracleStatusReply> done);

  struct WatchEvents {
    /// All changes up to reply.revision, in order, none missing, none twice, whatever happens to connections and leaders.
    std::function<void(const proto::WatchReply&)> changed;
    /// The watch is over. too_old: changes from there on are no longer kept: read the range anew and watch from its revision.
    std::function<void(const Error&)> lost;
  };
  using WatchId = uint64_t;
  /// Changes to [key, end) (empty end: the one key) from `from` on; zero: from when the oracle hears of it.
  WatchId watch(Bytes key, Bytes end, Revision from, WatchEvents events);
  void unwatch(WatchId id);

  net::Loop& loop();
  const net::Identity& identity() const;
  const std::vector<net::Address>& addresses() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace ddb::client
