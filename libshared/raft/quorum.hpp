// What majorities decide: pure arithmetic over voters, and over the two halves of a joint configuration.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <span>

#include "base/assert.hpp"
#include "proto/raft.hpp"

namespace ddb::raft {

constexpr size_t voters_max = 32;  // of one half; config.cpp refuses more

/// The highest value that a majority of `voters` has reached. Nobody to ask agrees to everything: the maximum.
template <class ValueOf>
uint64_t majority_value(std::span<const ReplicaId> voters, ValueOf&& value_of) {
  if (voters.empty()) return std::numeric_limits<uint64_t>::max();
  DDB_ASSERT(voters.size() <= voters_max);
  std::array<uint64_t, voters_max> values;
  const auto end = std::transform(voters.begin(), voters.end(), values.begin(), value_of);
  // Ascending, the value that a majority reaches has n/2 + 1 values at or above it.
  const auto reached = values.begin() + (voters.size() - 1) / 2;
  std::nth_element(values.begin(), reached, end);
  return *reached;
}

/// The same over both halves: a joint configuration decides by both majorities (thesis 4.3).
template <class ValueOf>
uint64_t quorum_value(const proto::Config& config, ValueOf&& value_of) {
  return std::min(majority_value(config.voters, value_of), majority_value(config.outgoing, value_of));
}

enum class Ballot : uint8_t { pending, granted, refused };
enum class Verdict : uint8_t { pending, won, lost };

/// Lost once the voters that have not refused are no majority any more.
template <class BallotOf>
Verdict majority_vote(std::span<const ReplicaId> voters, BallotOf&& ballot_of) {
  const size_t needed = voters.empty() ? 0 : voters.size() / 2 + 1;
  size_t granted = 0;
  size_t refused = 0;
  for (const ReplicaId voter : voters) {
    const Ballot ballot = ballot_of(voter);
    granted += ballot == Ballot::granted;
    refused += ballot == Ballot::refused;
  }
  if (granted >= needed) return Verdict::won;
  return voters.size() - refused < needed ? Verdict::lost : Verdict::pending;
}

template <class BallotOf>
Verdict quorum_vote(const proto::Config& config, BallotOf&& ballot_of) {
  const Verdict incoming = majority_vote(config.voters, ballot_of);
  const Verdict outgoing = majority_vote(config.outgoing, ballot_of);
  if (incoming == Verdict::lost || outgoing == Verdict::lost) return Verdict::lost;
  return incoming == outgoing ? incoming : Verdict::pending;
}

}  // namespace ddb::raft
