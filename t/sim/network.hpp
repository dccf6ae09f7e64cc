// The simulated network: packets between endpoints, late, lost, twice, or cut off one way.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "proto/wire.hpp"
#include "world.hpp"

namespace sim {

using Endpoint = uint32_t;  // of a process or a client; never reused
using Packet = std::shared_ptr<const ddb::proto::Packet>;

class Network {
 public:
  using Receive = std::function<void(Endpoint from, const Packet&)>;

  explicit Network(World& world) : world_{world} {}

  void attach(Endpoint endpoint, Receive receive) { receivers_[endpoint] = std::move(receive); }
  void detach(Endpoint endpoint) { receivers_.erase(endpoint); }

  /// Packets to this endpoint keep their order, and one that is lost takes all behind it along, as on a broken
  /// connection, until the endpoint itself speaks again. What it says is never doubled.
  void keep_order(Endpoint endpoint) { ordered_.insert(endpoint); }

  void send(Endpoint from, Endpoint to, ddb::proto::Packet body) {
    const auto packet = std::make_shared<const ddb::proto::Packet>(std::move(body));
    if (ordered_.contains(from)) broken_.erase({to, from});
    if (ordered_.contains(to)) return send_ordered(from, to, packet);
    if (lost(from, to)) return;
    deliver(from, to, packet);
    if (world_.chance(duplication) && !ordered_.contains(from)) deliver(from, to, packet);
  }

  void cut(Endpoint from, Endpoint to) { cut_.insert({from, to}); }
  void heal() { cut_.clear(); }

  double loss = 0;
  double duplication = 0;
  double slow = 0.01;  // of packets: these take up to a second

 private:
  bool lost(Endpoint from, Endpoint to) { return cut_.contains({from, to}) || world_.chance(loss); }

  void send_ordered(Endpoint from, Endpoint to, const Packet& packet) {
    if (lost(from, to)) broken_.insert({from, to});
    if (broken_.contains({from, to})) return;
    Instant& last = last_delivery_[{from, to}];
    last = std::max(last + 1us, world_.now() + world_.between(30us, 3ms));
    world_.after(last - world_.now(), [this, from, to, packet] { arrive(from, to, packet); });
  }

  void arrive(Endpoint from, Endpoint to, const Packet& packet) {
    const auto found = receivers_.find(to);
    if (found != receivers_.end()) found->second(from, packet);
  }

  void deliver(Endpoint from, Endpoint to, const Packet& packet) {
    const Duration delay = world_.chance(slow) ? world_.between(5ms, 1s) : world_.between(30us, 3ms);
    world_.after(delay, [this, from, to, packet] { arrive(from, to, packet); });
  }

  World& world_;
  std::map<Endpoint, Receive> receivers_;
  std::set<std::pair<Endpoint, Endpoint>> cut_;
  std::set<Endpoint> ordered_;
  std::set<std::pair<Endpoint, Endpoint>> broken_;
  std::map<std::pair<Endpoint, Endpoint>, Instant> last_delivery_;
};

}  // namespace sim
