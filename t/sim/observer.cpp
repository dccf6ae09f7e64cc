#include "observer.hpp"

#include "codec/archive.hpp"
#include "codec/crc.hpp"

namespace sim {

void Observer::look(ddb::StoreId store, const ddb::range::Store& core) {
  const auto status = core.status();
  for (const auto& replica : status.replicas) {
    if (!replica.descriptor.id) continue;  // uninitialised: it has applied nothing
    // Disks of the simulator lose rows by nobody's fault but ours.
    require(replica.health.damaged.empty() && !replica.health.stopped, name_ + ": replicas differ in what they hold (H1)");
    look_at(store, status.incarnation, *core.replica(replica.descriptor.id));
    // H1: equal at equal applied index.
    const auto [known, fresh] = hashes_.emplace(Place{replica.descriptor.id, replica.applied}, replica.hash);
    require(fresh || known->second == replica.hash,
            name_ + ": states differ at applied index " + std::to_string(replica.applied.value));
  }
  check_spans(status.replicas);
}

void Observer::check_spans(const std::vector<ddb::proto::ReplicaStatus>& replicas) {
  std::map<ddb::BytesView, ddb::BytesView> ends;  // by starts
  for (const auto& replica : replicas) {
    if (!replica.descriptor.id) continue;
    const auto& span = replica.descriptor.span;
    require(ends.emplace(span.start, span.end).second, name_ + ": two replicas of a store start at the same key (C2)");
  }
  for (auto it = ends.begin(); it != ends.end(); ++it) {
    const bool ends_before_next = std::next(it) == ends.end() || (!it->second.empty() && it->second <= std::next(it)->first);
    require(ends_before_next, name_ + ": replicas of a store overlap (C2)");
  }
}

void Observer::look_at(ddb::StoreId store, ddb::Incarnation incarnation, const ddb::range::Replica& replica) {
  check_leader(store, replica);
  if (replica.installing()) return;
  auto& seen = seen_[{store, replica.range()}];
  const ddb::LogIndex applied = replica.raft().applied_index();
  require(seen.incarnation != incarnation || applied >= seen.applied, name_ + ": applied index went back");
  if (seen.incarnation != incarnation) seen = {ddb::LogIndex{}, incarnation};
  const ddb::LogIndex from = std::max(seen.applied, replica.raft().base().index);
  for (auto i = from.next(); i <= applied; i = i.next()) check_entry(replica, i);
  if (applied != seen.applied) world_.note(applied.value ^ store.value);
  seen.applied = applied;
}

void Observer::check_leader(ddb::StoreId store, const ddb::range::Replica& replica) {
  if (replica.raft().role() != ddb::raft::Role::leader) return;
  const auto [known, fresh] = leaders_.emplace(std::pair{replica.range(), replica.term()}, store);
  if (fresh) world_.note(replica.term().value);
  require(fresh || known->second == store, name_ + ": two leaders in term " + std::to_string(replica.term().value));
}

void Observer::check_entry(const ddb::range::Replica& replica, ddb::LogIndex index) {
  const auto& entry = replica.raft().entry(index);
  const std::pair fact{entry.term, ddb::codec::crc32c(ddb::codec::encode(entry))};
  const auto [known, fresh] = entries_.emplace(Place{replica.range(), index}, fact);
  require(fresh || known->second == fact, name_ + ": replicas applied different entries at index " + std::to_string(index.value));
}

}  // namespace sim
