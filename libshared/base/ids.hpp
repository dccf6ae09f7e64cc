// Strong integer types, so that two ids never swap.
#pragma once

#include <compare>
#include <cstdint>

namespace ddb {

/// An id or a counter. Zero means none. Only counters take part in arithmetic (see next(), plus()).
template <class Tag>
struct Id {
  uint64_t value = 0;

  constexpr auto operator<=>(const Id&) const = default;
  constexpr explicit operator bool() const { return value != 0; }
  constexpr Id next() const { return Id{value + 1}; }
  constexpr Id prev() const { return Id{value - 1}; }
  constexpr Id plus(uint64_t n) const { return Id{value + n}; }
};

using RangeId = Id<struct RangeTag>;         // never returns
using ReplicaId = Id<struct ReplicaTag>;     // within one range; from a counter in the descriptor; never returns
using StoreId = Id<struct StoreTag>;         // one data directory; drawn at random by the store itself (Z3)
using NodeId = Id<struct NodeTag>;           // assigned by the oracle
using Incarnation = Id<struct IncarnationTag>;  // rises with every start of a store (A6)
using Term = Id<struct TermTag>;
using LogIndex = Id<struct LogIndexTag>;
using BatchNumber = Id<struct BatchTag>;     // one group commit of a store's log
using Revision = Id<struct RevisionTag>;     // of the metadata store
using LeaseId = Id<struct LeaseTag>;         // of the metadata store

/// 48 bits of Unix milliseconds, 16 bits of counter, from the oracle.
struct Timestamp {
  uint64_t value = 0;

  constexpr auto operator<=>(const Timestamp&) const = default;
  constexpr explicit operator bool() const { return value != 0; }
  constexpr uint64_t millis() const { return value >> 16; }
  constexpr uint16_t counter() const { return static_cast<uint16_t>(value); }
  constexpr Timestamp next() const { return Timestamp{value + 1}; }
  constexpr Timestamp prev() const { return Timestamp{value - 1}; }
  static constexpr Timestamp of(uint64_t millis, uint16_t counter) {
    return Timestamp{millis << 16 | counter};
  }
};

}  // namespace ddb
