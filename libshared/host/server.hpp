// Takes connections, cuts them into requests and peers' batches, and carries replies back.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "net/link.hpp"
#include "range/store.hpp"

namespace ddb::host {

/// One listening address. Loop's thread only. Destruction closes every connection.
class Server {
 public:
  struct Events {
    std::function<void(range::RequestToken, RangeId, Bytes body)> request;
    std::function<void(const proto::PeerBatch&)> peers;
    std::function<void(range::ConnectionId)> closed;
    std::function<void(const proto::FoundingMessage&)> founding;  // may be empty: none is expected
  };

  /// `identity` must outlive it. Errors: as net::Listener::open.
  static Result<std::unique_ptr<Server>> open(net::Loop& loop, const net::Address& address, bool insecure,
                                              const net::Identity& identity, Events events);
  ~Server();

  const net::Address& address() const { return listener_->address(); }
  void reply(range::StoreReply reply);  // dropped when the connection is gone

 private:
  Server(net::Loop& loop, const net::Identity& identity, Events events)
      : loop_{loop}, identity_{identity}, events_{std::move(events)} {}
  void accept(net::ConnectionPtr connection);
  void received(range::ConnectionId from, proto::Packet&& packet);

  net::Loop& loop_;
  const net::Identity& identity_;
  const Events events_;
  std::map<range::ConnectionId, std::unique_ptr<net::Link>> links_;
  range::ConnectionId last_;
  std::unique_ptr<net::Listener> listener_;
};

}  // namespace ddb::host
