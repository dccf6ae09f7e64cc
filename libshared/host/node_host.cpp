#include "host/node_host.hpp"

#include "codec/archive.hpp"

namespace ddb::host {

Result<std::unique_ptr<NodeHost>> NodeHost::open(net::Loop& loop, const std::string& directory,
                                                 const net::Address& address, bool insecure,
                                                 const lmdb::StoreOptions& store_options, NodeEvents events) {
  std::unique_ptr<NodeHost> node{new NodeHost{loop, directory, std::move(events)}};
  auto store = lmdb::Store::open(directory, store_options);
  if (!store) return std::unexpected(store.error());
  node->store_ = std::move(*store);
  node->net_identity_ = {node->identity().cluster, node->identity().store};

  auto* self = node.get();
  auto server = Server::open(
      loop, address, insecure, node->net_identity_,
      {.request = [self](range::RequestToken from, RangeId range, Bytes body) { self->request(from, range, std::move(body)); },
       .peers =
           [self](const proto::PeerBatch& batch) {
             if (!self->host_) return;
             self->host_->core().peer(batch, net::Loop::now());
             self->host_->turn_soon();
           },
       .closed =
           [self](range::ConnectionId connection) {
             if (!self->host_) return;
             self->host_->core().closed(connection, net::Loop::now());
             self->host_->turn_soon();
           },
       .founding = {}});
  if (!server) return std::unexpected(server.error());
  node->server_ = std::move(*server);
  node->peers_ = std::make_unique<Peers>(loop, node->net_identity_, [self](StoreId peer) {
    if (!self->host_) return;
    self->host_->core().unreachable(peer, net::Loop::now());
    self->host_->turn_soon();
  });
  return node;
}

const lmdb::Identity& NodeHost::identity() const { return host_ ? host_->identity() : store_->identity(); }

Result<void> NodeHost::start(const NodeOptions& options, uint64_t cluster, NodeId node) {
  if (auto adopted = store_->adopt(cluster, node); !adopted) return adopted;
  net_identity_.cluster = cluster;
  const auto data = options.data;
  auto host = StoreHost::start(
      loop_, std::move(store_), directory_, options.store,
      [data](range::MachineHost& machine_host) { return std::make_unique<range::DataMachine>(machine_host, data); },
      {.send = [this](proto::PeerBatch batch) { peers_->send(std::move(batch)); },
       .reply = [this](range::StoreReply reply) { server_->reply(std::move(reply)); },
       .oracle = events_.oracle,
       .orphans = events_.orphans,
       .warning = events_.warning,
       .failed = events_.failed});
  if (!host) return std::unexpected(host.error());
  host_ = std::move(*host);
  return {};
}

void NodeHost::request(range::RequestToken from, RangeId range, Bytes body) {
  if (!range) return server_->reply({from, administer(body)});
  if (!host_) {
    const Error starting{Code::try_again, "this node is starting", "try again in a moment", {}};
    return server_->reply({from, codec::encode(proto::RangeReply{starting})});
  }
  host_->core().request(from, range, body, net::Loop::now());
  host_->turn_soon();
}

Bytes NodeHost::administer(BytesView body) {
  const auto request = codec::decode<proto::AdminRequest>(body);
  if (!request) return codec::encode(proto::AdminReply{request.error()});
  if (!host_) return codec::encode(proto::AdminReply{Error{Code::try_again, "this node is starting", "try again in a moment", {}}});
  if (const auto* check = std::get_if<proto::CheckRequest>(&*request)) {
    const size_t begun = host_->core().check(check->ranges, net::Loop::now());
    host_->turn_soon();
    return codec::encode(proto::AdminReply{proto::CheckReply{begun}});
  }
  return codec::encode(proto::AdminReply{host_->core().status()});
}

void NodeHost::answer(uint64_t token, Result<proto::OracleReply> reply) {
  if (!host_) return;
  host_->core().oracle_answer(token, std::move(reply), net::Loop::now());
  host_->turn_soon();
}

void NodeHost::set_peer(StoreId store, const net::Address& address) {
  if (store != identity().store) peers_->set_address(store, address);
}

void NodeHost::stop(Duration patience, std::function<void()> done) {
  if (!host_) return loop_.post(std::move(done));
  host_->stop(patience, std::move(done));
}

}  // namespace ddb::host
