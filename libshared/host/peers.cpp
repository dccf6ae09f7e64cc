#include "host/peers.hpp"

namespace ddb::host {

void Peers::set_address(StoreId store, const net::Address& address) {
  auto& link = links_[store];
  if (link && link->address() == address) return;
  link = std::make_unique<net::PeerLink>(loop_, identity_, address,
                                         net::PeerLink::Events{.up = [](const proto::Hello&) {},
                                                               .down = [this, store](const Error&) { down_(store); },
                                                               .packet = [](proto::Packet&&) {}});
}

void Peers::send(proto::PeerBatch batch) {
  const auto found = links_.find(batch.to);
  if (found != links_.end()) found->second->send(std::move(batch));
}

}  // namespace ddb::host
