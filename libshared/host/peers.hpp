// Outgoing links to the other stores of a cluster, by store id.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "net/link.hpp"

namespace ddb::host {

/// Loop's thread only. What cannot be sent is dropped: Raft repeats.
class Peers {
 public:
  /// `down` is told when a link to a store breaks. `identity` must outlive it.
  Peers(net::Loop& loop, const net::Identity& identity, std::function<void(StoreId)> down)
      : loop_{loop}, identity_{identity}, down_{std::move(down)} {}

  /// Where a store is to be found from now on.
  void set_address(StoreId store, const net::Address& address);
  void send(proto::PeerBatch batch);

 private:
  net::Loop& loop_;
  const net::Identity& identity_;
  const std::function<void(StoreId)> down_;
  std::map<StoreId, std::unique_ptr<net::PeerLink>> links_;
};

}  // namespace ddb::host
