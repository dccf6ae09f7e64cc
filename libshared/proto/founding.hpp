// How the members of a new oracle agree on what it is, before there is a log to agree in (Z2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/ids.hpp"

namespace ddb::proto {

/// One of the oracle's first members. Its replica id is its place in the list, from 1.
struct FoundingMember {
  std::string address;  // host:port, as --peers lists it
  StoreId store;        // the nonce that its empty directory drew

  bool operator==(const FoundingMember&) const = default;
  static constexpr auto fields() { return std::tuple{&FoundingMember::address, &FoundingMember::store}; }
};

/// Drawn up by the first peer, accepted by each member once and for ever.
struct FoundingRecord {
  uint64_t cluster = 0;
  std::vector<FoundingMember> members;

  bool operator==(const FoundingRecord&) const = default;
  static constexpr auto fields() { return std::tuple{&FoundingRecord::cluster, &FoundingRecord::members}; }
};

/// What a member has made durable of its founding, and says to the others, over and over, until all have it.
struct FoundingMessage {
  uint32_t from = 0;               // places in `peers`
  uint32_t to = 0;
  std::vector<std::string> peers;  // the sender's --peers
  StoreId store;                   // of the sender
  std::optional<FoundingRecord> record;  // accepted by the sender, durably
  bool complete = false;           // the sender knows that all have accepted
  std::string refusal;             // not empty: why the sender takes no part in this with the receiver

  bool operator==(const FoundingMessage&) const = default;
  static constexpr auto fields() {
    return std::tuple{&FoundingMessage::from,   &FoundingMessage::to,       &FoundingMessage::peers,
                      &FoundingMessage::store,  &FoundingMessage::record,   &FoundingMessage::complete,
                      &FoundingMessage::refusal};
  }
};

}  // namespace ddb::proto
