#include "client/range_map.hpp"

#include <algorithm>

namespace ddb::client {

namespace {

/// An empty end lies above every key.
bool end_below(const Bytes& a, const Bytes& b) { return !a.empty() && (b.empty() || a < b); }

bool overlap(const env::KeySpan& a, const env::KeySpan& b) {
  return (b.end.empty() || a.start < b.end) && (a.end.empty() || b.start < a.end);
}

bool older(const proto::Epoch& a, const proto::Epoch& b) { return a.conf < b.conf || a.split < b.split; }

}  // namespace

bool contains(const env::KeySpan& span, BytesView key) {
  return key >= span.start && (span.end.empty() || key < span.end);
}

bool contains(const env::KeySpan& outer, const env::KeySpan& inner) {
  return inner.start >= outer.start && !end_below(outer.end, inner.end);
}

env::KeySpan intersect(const env::KeySpan& a, const env::KeySpan& b) {
  return {std::max(a.start, b.start), end_below(a.end, b.end) ? a.end : b.end};
}

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

RangeMap::Route* RangeMap::by_id(RangeId range) {
  for (auto& [start, route] : routes_)
    if (route.descriptor.id == range) return &route;
  return nullptr;
}

/// Null: something newer is known of these keys.
RangeMap::Route* RangeMap::admit(const proto::RangeDescriptor& descriptor) {
  if (Route* known = by_id(descriptor.id)) {
    if (older(descriptor.epoch, known->descriptor.epoch)) return nullptr;
    if (known->descriptor.span == descriptor.span) {
      known->descriptor = descriptor;
      return known;
    }
  }
  Route route;
  for (const auto& [start, other] : routes_) {
    if (other.descriptor.id == descriptor.id) route = other;  // keeps its leader
    else if (overlap(other.descriptor.span, descriptor.span) && other.descriptor.epoch.split >= descriptor.epoch.split)
      return nullptr;
  }
  std::erase_if(routes_, [&](const auto& entry) {
    return entry.second.descriptor.id == descriptor.id || overlap(entry.second.descriptor.span, descriptor.span);
  });
  route.descriptor = descriptor;
  return &(routes_[descriptor.span.start] = std::move(route));
}

void RangeMap::learn(const proto::RangeInfo& info) {
  Route* route = admit(info.descriptor);
  if (route == nullptr || info.term <= route->term) return;
  route->leader = info.leader;
  route->term = info.term;
}

void RangeMap::learn(const proto::NodeInfo& node) { addresses_[node.node] = node.address; }

void RangeMap::learn(const proto::Redirect& redirect, RangeId asked) {
  for (const auto& descriptor : redirect.descriptors) admit(descriptor);
  const RangeId range = redirect.descriptors.empty() ? asked : redirect.descriptors.front().id;
  Route* route = by_id(range);
  if (route != nullptr && redirect.leader) route->leader = redirect.leader;
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
  Route* route = by_id(range);
  if (route == nullptr) return;
  const auto& replicas = route->descriptor.replicas;
  const auto at = std::ranges::find(replicas, replica, &proto::ReplicaInfo::id);
  if (at != replicas.end()) route->next_guess = static_cast<size_t>(at - replicas.begin()) + 1;
  if (route->leader == replica) route->leader = {};
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
