#include "raft/quorum.hpp"

#include <doctest/doctest.h>

#include "unit/raft/member.hpp"

using namespace ddb;
using namespace ddb::raft;
using namespace ddb::raft::test;

TEST_CASE("a majority of n has n/2 + 1 members") {
  Config config;
  for (uint64_t n = 1; n <= voters_max; ++n) {
    config.voters.push_back(ReplicaId{n});
    // Member i has reached i: the majority are the highest, and the lowest of those counts.
    CHECK(quorum_value(config, [](ReplicaId id) { return id.value; }) == n - n / 2);
  }
}

TEST_CASE("a joint configuration needs both majorities (thesis 4.3)") {
  Config config = voters({1, 2, 3});
  config.outgoing = voters({4, 5, 6}).voters;
  const auto first_half = [](ReplicaId id) -> uint64_t { return id.value <= 3 ? 7 : 0; };
  CHECK(quorum_value(config, first_half) == 0);
  const auto for_it = [](ReplicaId id) { return id.value <= 3 ? Ballot::granted : Ballot::refused; };
  CHECK(quorum_vote(config, for_it) == Verdict::lost);
}
