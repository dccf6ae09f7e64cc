// How the members of a new oracle agree on what it is (Z2), before there is a log to agree in.
//
//   waiting --the first peer has heard of all stores: draws up the record--> accepted --all accepted--> complete
//   waiting --hears of a record that names this store-----------------------^            (or hears it from one
//                                                                                         that knows)
// 1. A record is accepted once, durably, and never another one: a store is part of one oracle, ever.
// 2. The record names every member's store, drawn with its empty directory: a directory that was emptied later
//    is no member, and cannot help to found a second oracle beside the first.
// 3. Nobody votes before `complete`: so whoever votes has all members' word, and the record is the only one.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "proto/founding.hpp"

namespace ddb::oracle {

/// What a member keeps, durably, in its directory.
struct FoundingState {
  std::optional<proto::FoundingRecord> record;
  bool complete = false;

  bool operator==(const FoundingState&) const = default;
  static constexpr auto fields() { return std::tuple{&FoundingState::record, &FoundingState::complete}; }
};

/// Deterministic, free of I/O.
class Founding {
 public:
  /// `peers` as all members list them; `self` is a place in it. `cluster` is drawn at random, not zero: the id
  /// of the cluster if this is the first peer and there is no record yet.
  Founding(std::vector<std::string> peers, uint32_t self, StoreId store, uint64_t cluster, FoundingState recovered);

  struct Effects {
    bool save = false;  // make state() durable before the messages leave
    std::vector<proto::FoundingMessage> messages;
  };
  /// Says again what others may have missed; every 100 ms or so.
  Effects tick();
  Effects receive(const proto::FoundingMessage& message);

  const FoundingState& state() const { return state_; }
  bool complete() const { return state_.complete; }
  /// What stands in the way, for people; empty: nothing but time, so far.
  const std::string& trouble() const { return trouble_; }
  /// Peers that have not been heard from.
  std::vector<std::string> missing() const;

 private:
  struct Peer {
    StoreId store;  // zero: not heard from
    bool accepted = false;
  };

  std::string refusal_of(const proto::FoundingMessage& message) const;
  bool learn(const proto::FoundingMessage& message);
  bool draw_up();
  bool conclude();
  proto::FoundingMessage message_to(uint32_t peer) const;
  void tell_all(Effects& effects) const;

  const std::vector<std::string> names_;
  const uint32_t self_;
  const uint64_t cluster_;
  FoundingState state_;
  std::vector<Peer> peers_;  // itself included
  std::string trouble_;
};

}  // namespace ddb::oracle
