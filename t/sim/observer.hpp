// What must hold of every group at every moment, whatever the faults.
#pragma once

#include <map>

#include "range/store.hpp"
#include "world.hpp"

namespace sim {

/// Watches all replicas of one cluster (or of the oracle): one leader per term, logs agree where they are
/// applied, states agree at equal applied index, replicas of a store share no key.
class Observer {
 public:
  Observer(World& world, const char* name) : world_{world}, name_{name} {}

  /// After each turn of a store.
  void look(ddb::StoreId store, const ddb::range::Store& core);

 private:
  using Place = std::pair<ddb::RangeId, ddb::LogIndex>;
  struct Seen {
    ddb::LogIndex applied;
    ddb::Incarnation incarnation;
  };

  void look_at(ddb::StoreId store, ddb::Incarnation incarnation, const ddb::range::Replica& replica);
  void check_leader(ddb::StoreId store, const ddb::range::Replica& replica);
  void check_spans(const std::vector<ddb::proto::ReplicaStatus>& replicas);
  void check_entry(const ddb::range::Replica& replica, ddb::LogIndex index);

  World& world_;
  const std::string name_;
  std::map<std::pair<ddb::RangeId, ddb::Term>, ddb::StoreId> leaders_;
  std::map<Place, std::pair<ddb::Term, uint32_t>> entries_;  // term and checksum of what was applied there
  std::map<Place, uint64_t> hashes_;
  std::map<std::pair<ddb::StoreId, ddb::RangeId>, Seen> seen_;
};

}  // namespace sim
