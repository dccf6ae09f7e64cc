// What the answers of a range's replicas to a check come to (H1).
#pragma once

#include <map>
#include <vector>

#include "proto/wire.hpp"

namespace ddb::range {

struct Judgement {
  std::vector<ReplicaId> damaged;  // new ones
  std::vector<ReplicaId> silent;   // no answer is known
  bool stopped = false;            // no majority: the range must stop
};

/// `members`: of the range. `damaged`: those known to be so; they have no voice. Others are damaged if they hold rows whose
/// checksum does not fit, or by their own rows differ from those that a majority of all members agrees on. Where the sound
/// ones that answered differ and no majority is among them, nobody can tell which of them is right.
Judgement judge(const std::vector<ReplicaId>& members, const std::vector<ReplicaId>& damaged,
                const std::map<ReplicaId, proto::CheckAnswer>& answers);

}  // namespace ddb::range
