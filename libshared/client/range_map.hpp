// What a client knows of ranges, replicas and nodes: hints, corrected by whoever knows better.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "proto/meta_keys.hpp"
#include "txn/ranges.hpp"

namespace ddb::client {

/// No two of its routes overlap; gaps are what is not known. Which of two descriptors is newer: D1, D4.
/// What is known of a range may be out of date for some keys only: then it is in several routes, and each has the epoch
/// that it is from, so that whoever is asked by an old one says who has those keys now.
class RangeMap : public txn::Ranges {
 public:
  struct Route {
    proto::RangeDescriptor descriptor;  // its span: of these keys
    ReplicaId leader;       // zero: unknown
    Term term;              // that `leader` was reported for; zero: told by a redirect
    size_t next_guess = 0;  // which replica to ask while the leader is unknown
  };

  /// The range that holds `key`; null: not known. Valid until the map changes.
  const Route* find(BytesView key) const;
  /// The range that holds the keys just below `end` (empty: the highest).
  const Route* find_below(BytesView end) const;
  env::KeySpan range_of(BytesView key) const override;

  /// As the metadata has it. Ignored where something newer is known.
  void learn(const proto::RangeInfo& info);
  void learn(const proto::NodeInfo& node);
  /// As a replica has it: its word on who leads is newer than any report.
  void learn(const proto::Redirect& redirect, RangeId asked);
  /// A range or node that is no longer in the metadata.
  void forget(RangeId range);
  void forget(NodeId node);
  void clear();

  /// `replica` did not answer, or knew no leader: ask the next one, until someone names a leader.
  void suspect(RangeId range, ReplicaId replica);

  /// Whom to ask: the leader, then guesses; each replica once. Empty: there is none.
  static std::vector<proto::ReplicaInfo> targets(const Route& route);
  /// host:port; null: not known. Valid until the map changes.
  const std::string* address(NodeId node) const;

  std::vector<Route> routes() const;  // by key

 private:
  const Route* newest(RangeId range) const;
  template <class Change>
  void for_each_of(RangeId range, Change change);
  void carve(const env::KeySpan& span);
  void admit(const proto::RangeDescriptor& descriptor);

  std::map<Bytes, Route> routes_;  // by start key
  std::map<NodeId, std::string> addresses_;
};

}  // namespace ddb::client
