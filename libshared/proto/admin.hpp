// What tools ask of a process itself rather than of a range. Append only: order is a wire number.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "proto/range.hpp"

namespace ddb::proto {

struct NodeStatusRequest {
  bool operator==(const NodeStatusRequest&) const = default;
  static constexpr auto fields() { return std::tuple{}; }
};

/// The comparison of a range's replicas (H1), as its log tells.
struct Health {
  LogIndex check;                 // the last one's entry; zero: there was none
  bool concluded = false;         // it has a verdict
  Timestamp checked_at;           // when it began, in oracle time
  std::vector<ReplicaId> silent;  // did not answer it
  std::vector<ReplicaId> damaged;
  bool stopped = false;           // replicas differ and no majority agrees: nobody is served

  bool operator==(const Health&) const = default;
  static constexpr auto fields() {
    return std::tuple{&Health::check,  &Health::concluded, &Health::checked_at,
                      &Health::silent, &Health::damaged,   &Health::stopped};
  }
};

/// Begins a check of those of the ranges that the node leads; none named: of all. CheckReply.
struct CheckRequest {
  std::vector<RangeId> ranges;

  bool operator==(const CheckRequest&) const = default;
  static constexpr auto fields() { return std::tuple{&CheckRequest::ranges}; }
};

struct CheckReply {
  uint64_t begun = 0;  // or under way already

  bool operator==(const CheckReply&) const = default;
  static constexpr auto fields() { return std::tuple{&CheckReply::begun}; }
};

struct ReplicaStatus {
  RangeDescriptor descriptor;
  ReplicaId replica;
  ReplicaId leader;  // zero: unknown
  uint8_t role = 0;  // raft::Role
  Term term;
  LogIndex commit;
  LogIndex applied;
  LogIndex last;
  LogIndex base;
  uint64_t hash = 0;  // commutative hash of row changes (H1); equal on all replicas at equal applied
  uint64_t rows = 0;   // live; an estimate once the range has split
  uint64_t bytes = 0;  // of keys and values as stored, all versions; the same
  uint64_t requests_per_1000s = 0;  // that clients sent to this replica lately
  uint64_t versions = 0;  // of rows, stored; an estimate as rows are
  Timestamp threshold;    // reads below it are refused (F3)
  Health health;

  bool operator==(const ReplicaStatus&) const = default;
  static constexpr auto fields() {
    return std::tuple{&ReplicaStatus::descriptor, &ReplicaStatus::replica, &ReplicaStatus::leader,
                      &ReplicaStatus::role,       &ReplicaStatus::term,    &ReplicaStatus::commit,
                      &ReplicaStatus::applied,    &ReplicaStatus::last,    &ReplicaStatus::base,
                      &ReplicaStatus::hash,       &ReplicaStatus::rows,    &ReplicaStatus::bytes,
                      &ReplicaStatus::requests_per_1000s, &ReplicaStatus::versions, &ReplicaStatus::threshold,
                      &ReplicaStatus::health};
  }
};

struct NodeStatusReply {
  uint64_t cluster = 0;
  NodeId node;
  StoreId store;
  Incarnation incarnation;
  std::vector<ReplicaStatus> replicas;

  bool operator==(const NodeStatusReply&) const = default;
  static constexpr auto fields() {
    return std::tuple{&NodeStatusReply::cluster, &NodeStatusReply::node, &NodeStatusReply::store,
                      &NodeStatusReply::incarnation, &NodeStatusReply::replicas};
  }
};

using AdminRequest = std::variant<NodeStatusRequest, CheckRequest>;
using AdminReply = std::variant<Error, NodeStatusReply, CheckReply>;

}  // namespace ddb::proto
