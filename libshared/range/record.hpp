// What a store keeps about each of its replicas, in table `range` under "r" + range id.
#pragma once

#include <tuple>

#include "base/bytes.hpp"
#include "proto/raft.hpp"
#include "proto/range.hpp"

namespace ddb::range {

/// Written at every flush, in the same transaction as the rows it speaks of (A2).
/// Fields are on disk: append only.
struct ReplicaRecord {
  proto::RangeDescriptor descriptor;  // as of `applied`; id zero: the replica is uninitialised
  ReplicaId replica;                  // zero: none lives here (see tombstone)
  proto::HardState hard;              // proven (W6)
  proto::Base base;
  proto::Config base_config;  // in force at `base`
  proto::Base applied;        // index and term of the last applied entry
  ReplicaId tombstone;        // replicas with this id or a lower one are dead (C1)

  bool operator==(const ReplicaRecord&) const = default;
  static constexpr auto fields() {
    return std::tuple{&ReplicaRecord::descriptor, &ReplicaRecord::replica,     &ReplicaRecord::hard,
                      &ReplicaRecord::base,       &ReplicaRecord::base_config, &ReplicaRecord::applied,
                      &ReplicaRecord::tombstone};
  }
};

Bytes record_key(RangeId range);
/// Every record key starts with it; a machine's own records start with "m".
inline constexpr BytesView record_prefix = "r";

}  // namespace ddb::range
