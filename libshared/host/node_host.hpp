// A node: a store of ranges behind one listening address.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "host/peers.hpp"
#include "host/server.hpp"
#include "host/store_host.hpp"
#include "range/data_machine.hpp"

namespace ddb::host {

struct NodeOptions {
  StoreHostOptions store;
  range::DataOptions data;
};

/// What a node needs done by who made it; called on the loop's thread.
struct NodeEvents {
  std::function<void(range::OracleCall)> oracle;  // to be answered by answer()
  std::function<void(std::vector<proto::Locked>)> orphans = {};  // V4: see range::StoreOutputs
  std::function<void(const std::string&)> warning = {};  // one line, for people
  std::function<void(const Error&)> failed;       // the store has stopped for good: the process must end
};

/// Loop's thread only. Made listening but silent: requests are refused until start(), which wants the store registered.
class NodeHost {
 public:
  /// Opens the store in `directory`, then listens. Errors: as lmdb::Store::open and net::Listener::open.
  static Result<std::unique_ptr<NodeHost>> open(net::Loop& loop, const std::string& directory,
                                                const net::Address& address, bool insecure,
                                                const lmdb::StoreOptions& store_options, NodeEvents events);

  const lmdb::Identity& identity() const;
  const net::Address& address() const { return server_->address(); }
  net::Identity& net_identity() { return net_identity_; }

  /// The oracle has taken the registration (A6): from here on the store takes part. refused: its directory
  /// belongs to another cluster or node. bad_data: as range::Store::recover.
  Result<void> start(const NodeOptions& options, uint64_t cluster, NodeId node);
  void answer(uint64_t token, Result<proto::OracleReply> reply);
  void set_peer(StoreId store, const net::Address& address);
  /// Hands over leaderships, flushes, then `done`.
  void stop(Duration patience, std::function<void()> done);

 private:
  NodeHost(net::Loop& loop, std::string directory, NodeEvents events)
      : loop_{loop}, directory_{std::move(directory)}, events_{std::move(events)} {}
  void request(range::RequestToken from, RangeId range, Bytes body);
  Bytes administer(BytesView body);

  net::Loop& loop_;
  const std::string directory_;
  const NodeEvents events_;
  net::Identity net_identity_;
  std::unique_ptr<lmdb::Store> store_;  // until start()
  std::unique_ptr<Server> server_;
  std::unique_ptr<Peers> peers_;
  std::unique_ptr<StoreHost> host_;  // from start() on
};

}  // namespace ddb::host
