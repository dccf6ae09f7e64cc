// A member of the oracle: its founding (Z2), then its replica of the oracle's group, behind one listening address.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "host/peers.hpp"
#include "host/server.hpp"
#include "host/store_host.hpp"
#include "oracle/founding.hpp"
#include "oracle/machine.hpp"

namespace ddb::host {

struct OracleHostOptions {
  StoreHostOptions store;
  lmdb::StoreOptions disk;
  oracle::Options machine;         // `self` is filled in
  std::vector<std::string> peers;  // host:port of all members, the same list on each; empty: this one is alone.
                                   // Of no use once the member has accepted a founding record
  std::string advertise;           // how `peers` lists this member; empty: as it listens
  uint32_t replicas = 3;           // of a new range: what config/replicas starts with
  bool insecure = false;
};

/// Called on the loop's thread.
struct OracleHostEvents {
  std::function<void()> serving;             // founded, now or earlier: the replica lives
  std::function<void(const Error&)> failed;  // the member has stopped for good: the process must end
};

/// Loop's thread only. Listens from open() on; until it is founded, clients hear what it waits for.
class OracleHost {
 public:
  /// Errors: as lmdb::Store::open and net::Listener::open; usage: `peers` does not list this member; refused,
  /// bad_data: the directory is another's, or damaged.
  static Result<std::unique_ptr<OracleHost>> open(net::Loop& loop, const std::string& directory,
                                                  const net::Address& address, OracleHostOptions options,
                                                  OracleHostEvents events);
  ~OracleHost();

  const net::Address& address() const { return server_->address(); }
  const std::string& advertised() const { return options_.advertise; }
  const lmdb::Identity& identity() const;
  net::Identity& net_identity() { return net_identity_; }

  /// Takes part in the founding, or goes on from where it is.
  void begin();
  bool founded() const { return founding_->complete(); }
  /// What this member waits for before it serves, for people: "has not heard from ...".
  std::string waiting_for() const;
  /// As the log has them; before the founding: none.
  std::vector<oracle::Member> members() const;
  ReplicaId self() const { return ReplicaId{self_ + 1}; }

  /// Hands over leadership, flushes, then `done`.
  void stop(Duration patience, std::function<void()> done);

 private:
  OracleHost(net::Loop& loop, std::string directory, OracleHostOptions options, OracleHostEvents events);
  Result<void> listen(const net::Address& address);
  Result<void> prepare_founding();
  void tick_founding();
  void obey(const oracle::Founding::Effects& effects);
  void send(const proto::FoundingMessage& message);
  void start();
  Result<void> start_store();
  void follow_members();
  void request(range::RequestToken from, RangeId range, Bytes body);
  template <class Input>
  void feed(Input input);

  net::Loop& loop_;
  const std::string directory_;
  OracleHostOptions options_;
  const OracleHostEvents events_;
  net::Identity net_identity_;
  std::unique_ptr<lmdb::Store> store_;  // until start_store()
  std::unique_ptr<Server> server_;
  uint32_t self_ = 0;  // place among the members
  std::unique_ptr<oracle::Founding> founding_;
  std::vector<std::string> names_;  // of the members, while founding
  std::map<uint32_t, std::unique_ptr<net::PeerLink>> founding_links_;
  net::Timer founding_timer_;
  std::unique_ptr<Peers> peers_;
  net::Timer members_timer_;
  const oracle::Machine* machine_ = nullptr;  // of the replica, while it lives
  std::unique_ptr<StoreHost> host_;           // from start_store() on
};

}  // namespace ddb::host
