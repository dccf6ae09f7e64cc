// What a store keeps about each of its replicas, in table `range` under "r" + range id.
#pragma once

#include <optional>
#include <tuple>

#include "base/bytes.hpp"
#include "proto/raft.hpp"
#include "proto/range.hpp"

namespace ddb::range {

/// A snapshot that is being put in place of the rows (I3): rows up to `offset` of the file are in. At offset
/// zero the old rows may not all be gone.
struct Install {
  uint64_t file = 0;
  uint64_t size = 0;
  uint64_t offset = 0;

  bool operator==(const Install&) const = default;
  static constexpr auto fields() { return std::tuple{&Install::file, &Install::size, &Install::offset}; }
};

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
  std::optional<Install> install;

  bool operator==(const ReplicaRecord&) const = default;
  static constexpr auto fields() {
    return std::tuple{&ReplicaRecord::descriptor, &ReplicaRecord::replica,     &ReplicaRecord::hard,
                      &ReplicaRecord::base,       &ReplicaRecord::base_config, &ReplicaRecord::applied,
                      &ReplicaRecord::tombstone,  &ReplicaRecord::install};
  }
};

/// C5: where the first replicas of every range begin.
inline constexpr proto::Base initial_base{LogIndex{10}, Term{5}};

/// Of a range that is not joint.
proto::Config config_of(const proto::RangeDescriptor& descriptor);

/// C5: of one of a range's first replicas.
ReplicaRecord initial_record(const proto::RangeDescriptor& descriptor, ReplicaId replica);

Bytes record_key(RangeId range);
/// Every record key starts with it; a machine's own records start with "m".
inline constexpr BytesView record_prefix = "r";

}  // namespace ddb::range
