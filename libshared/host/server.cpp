#include "host/server.hpp"

namespace ddb::host {

Result<std::unique_ptr<Server>> Server::open(net::Loop& loop, const net::Address& address, bool insecure,
                                             const net::Identity& identity, Events events) {
  std::unique_ptr<Server> server{new Server{loop, identity, std::move(events)}};
  auto listener = net::Listener::open(loop, address, {.insecure = insecure, .connection = {}},
                                      [self = server.get()](net::ConnectionPtr connection) {
                                        self->accept(std::move(connection));
                                      });
  if (!listener) return std::unexpected(listener.error());
  server->listener_ = std::move(*listener);
  return server;
}

Server::~Server() = default;

void Server::accept(net::ConnectionPtr connection) {
  const range::ConnectionId id = last_ = last_.next();
  links_[id] = std::make_unique<net::Link>(
      loop_, std::move(connection), identity_,
      net::Link::Events{.hello = [](const proto::Hello&) {},
                        .packet = [this, id](proto::Packet&& packet) { received(id, std::move(packet)); },
                        .closed = [this, id](const Error&) {
                          events_.closed(id);
                          links_.erase(id);
                        }});
}

void Server::received(range::ConnectionId from, proto::Packet&& packet) {
  if (auto* request = std::get_if<proto::ClientRequest>(&packet)) {
    events_.request({from, request->id}, request->range, std::move(request->body));
  } else if (const auto* batch = std::get_if<proto::PeerBatch>(&packet)) {
    events_.peers(*batch);
  } else if (const auto* founding = std::get_if<proto::FoundingMessage>(&packet); founding && events_.founding) {
    events_.founding(*founding);
  }
}

void Server::reply(range::StoreReply reply) {
  const auto found = links_.find(reply.to.connection);
  if (found != links_.end()) found->second->send(proto::ClientReply{reply.to.request, std::move(reply.body)});
}

}  // namespace ddb::host
