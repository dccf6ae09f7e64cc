#include "client/range_map.hpp"

#include <algorithm>
#include <iterator>

#include "env/span.hpp"

namespace ddb::client {

namespace {

/// An empty end lies above every key.
bool end_below(const Bytes& a, const Bytes& b) { return !a.empty() && (b.empty() || a < b); }

/// S3: the right half of a split is led, most likely, from where the left is.
ReplicaId heir(const RangeMap::Route& parent, const proto::RangeDescriptor& child) {
  const auto& replicas = parent.descriptor.replicas;
  const auto leader = std::ranges::find(replicas, parent.leader, &proto::ReplicaInfo::id);
  if (leader == replicas.end()) return {};
  const auto same = std::ranges::find(child.replicas, leader->store, &proto::ReplicaInfo::store);
  return same == child.replicas.end() ? ReplicaId{} : same->id;
}

bool older(const proto::Epoch& a, const proto::Epoch& b) { return a.conf < b.conf || a.split < b.split; }

}  // namespace

const RangeMap::Route* RangeMap::find(BytesView key) const {
  auto next = routes_.upper_bound(Bytes{key});
  if (next == routes_.begin()) return nullptr;
  const Route& route = std::prev(next)->second;
  return contains(route.descriptor.span, key) ? &route : nullptr;
}

env::KeySpan RangeMap::range_of(BytesView key) const {
  const Route* route = find(key);
  return route != nullptr ? route->descriptor.span : env::KeySpan{};
}

const RangeMap::Route* RangeMap::find_below(BytesView end) const {
  auto next = end.empty() ? routes_.end() : routes_.lower_bound(Bytes{end});
  if (next == routes_.begin()) return nullptr;
  const Route& route = std::prev(next)->second;
  const Bytes& range_end = route.descriptor.span.end;
  return end_below(range_end, Bytes{end}) ? nullptr : &route;
}

/// What is known last of a range; null: nothing.
const RangeMap::Route* RangeMap::newest(RangeId range) const {
  const Route* found = nullptr;
  for (const auto& [start, route] : routes_) {
    if (route.descriptor.id == range && (found == nullptr || older(found->descriptor.epoch, route.descriptor.epoch)))
      found = &route;
  }
  return found;
}

template <class Change>
void RangeMap::for_each_of(RangeId range, Change change) {
  for (auto& [start, route] : routes_)
    if (route.descriptor.id == range) change(route);
}

/// Takes the keys of `span` from whoever has them.
void RangeMap::carve(const env::KeySpan& span) {
  std::vector<Route> left;
  for (const auto& [start, route] : routes_) {
    if (!overlap(route.descriptor.span, span)) continue;
    for (auto& rest : subtract(route.descriptor.span, span)) {
      left.push_back(route);
      left.back().descriptor.span = std::move(rest);
    }
  }
  std::erase_if(routes_, [&](const auto& entry) { return overlap(entry.second.descriptor.span, span); });
  for (auto& route : left) routes_[route.descriptor.span.start] = std::move(route);
}

/// Wherever nothing newer is known. What it does not cover of older ones stays: their leaders know who came after them.
void RangeMap::admit(const proto::RangeDescriptor& descriptor) {
  Route route;
  if (const Route* known = newest(descriptor.id)) {
    if (older(descriptor.epoch, known->descriptor.epoch)) return;
    route = *known;
  } else if (const Route* parent = find(descriptor.span.start)) {
    route.leader = heir(*parent, descriptor);
  }
  std::vector<env::KeySpan> pieces{descriptor.span};
  for (const auto& [start, other] : routes_) {
    if (other.descriptor.id == descriptor.id || other.descriptor.epoch.split < descriptor.epoch.split) continue;
    std::vector<env::KeySpan> rest;
    for (const auto& piece : pieces) std::ranges::move(subtract(piece, other.descriptor.span), std::back_inserter(rest));
    pieces = std::move(rest);
  }
  for (auto& piece : pieces) {
    carve(piece);
    route.descriptor = descriptor;
    route.descriptor.span = piece;
    routes_[piece.start] = route;
  }
}

void RangeMap::learn(const proto::RangeInfo& info) {
  admit(info.descriptor);
  for_each_of(info.descriptor.id, [&](Route& route) {
    if (info.term <= route.term) return;
    route.leader = info.leader;
    route.term = info.term;
  });
}

void RangeMap::learn(const proto::NodeInfo& node) { addresses_[node.node] = node.address; }

void RangeMap::learn(const proto::Redirect& redirect, RangeId asked) {
  const RangeId range = redirect.descriptors.empty() ? asked : redirect.descriptors.front().id;
  const auto note_leader = [&] {
    if (redirect.leader) for_each_of(range, [&](Route& route) { route.leader = redirect.leader; });
  };
  note_leader();  // halves of it are looked for there
  for (const auto& descriptor : redirect.descriptors) admit(descriptor);
  note_leader();
}

void RangeMap::forget(RangeId range) {
  std::erase_if(routes_, [&](const auto& entry) { return entry.second.descriptor.id == range; });
}

void RangeMap::forget(NodeId node) { addresses_.erase(node); }

void RangeMap::clear() {
  routes_.clear();
  addresses_.clear();
}

void RangeMap::suspect(RangeId range, ReplicaId replica) {
  for_each_of(range, [&](Route& route) {
    const auto& replicas = route.descriptor.replicas;
    const auto at = std::ranges::find(replicas, replica, &proto::ReplicaInfo::id);
    if (at != replicas.end()) route.next_guess = static_cast<size_t>(at - replicas.begin()) + 1;
    if (route.leader == replica) route.leader = {};
  });
}

std::vector<proto::ReplicaInfo> RangeMap::targets(const Route& route) {
  auto order = route.descriptor.replicas;
  if (order.empty()) return order;
  std::ranges::rotate(order, order.begin() + static_cast<ptrdiff_t>(route.next_guess % order.size()));
  std::ranges::stable_partition(order, [&](const auto& replica) { return replica.id == route.leader; });
  return order;
}

const std::string* RangeMap::address(NodeId node) const {
  const auto found = addresses_.find(node);
  return found == addresses_.end() ? nullptr : &found->second;
}

std::vector<RangeMap::Route> RangeMap::routes() const {
  std::vector<Route> all;
  for (const auto& [start, route] : routes_) all.push_back(route);
  return all;
}

}  // namespace ddb::client
