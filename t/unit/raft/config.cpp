#include "raft/config.hpp"

#include <doctest/doctest.h>

#include "raft/quorum.hpp"
#include "unit/raft/script.hpp"

using namespace ddb;
using namespace ddb::raft;
using namespace ddb::raft::test;

TEST_CASE("what is no configuration is refused") {
  for (const char* text : {"", "0", "2,1", "1,1", "1,2+2", "1,2&3+3", "1,2~2", "1&2~3", "1,2&1,2~2", "1!"}) {
    INFO(text);
    CHECK(!check_config(parse_config(text)));
  }
  for (const char* text : {"1", "1,2+3", "1,2&3,4", "1,2&1,3~3!", "7&7"}) {
    INFO(text);
    CHECK(check_config(parse_config(text)));
    CHECK(render(parse_config(text)) == text);
  }
  Config many;
  for (uint64_t id = 1; id <= voters_max + 1; ++id) many.voters.push_back(ReplicaId{id});
  CHECK(!check_config(many));
}

TEST_CASE("which configuration may follow which") {
  const auto may = [](const char* from, const char* to) {
    return check_step(parse_config(from), parse_config(to)).has_value();
  };
  CHECK(may("1,2,3", "1,2,3"));
  CHECK(may("1,2,3", "1,2+3,4"));
  CHECK(may("1,2,3", "4,5&1,2,3"));
  CHECK(may("4,5&1,2,3+6~1", "4,5+1,6"));
  CHECK(!may("1,2,3", "1,4,5"));          // two voters at once
  CHECK(!may("1,2,3", "4,5&1,2"));        // joint with other voters than those in force
  CHECK(!may("4,5&1,2,3", "4,5,6"));      // not what leaving gives
  CHECK(!may("4,5&1,2,3", "5&1,2,3"));    // a change inside the joint phase
  CHECK(!may("1,2", "+1"));
}
