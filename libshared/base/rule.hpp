// A switch where a rule of the protocols is kept, so that tests can show what goes wrong without it.
//
//   if (DDB_KEEPS("P3") && newest > read_ts) return conflict;
//
// In a product DDB_KEEPS is true, and neither switch nor name is compiled in. `make mutants` builds with
// -DDDB_MUTATIONS: there a test drops one rule at a time. t/sim/mutants.txt says what finds each of them.
#pragma once

#ifdef DDB_MUTATIONS

#include <string_view>

namespace ddb {

inline std::string_view dropped_rule;           // empty: all are kept
inline unsigned long dropped_rule_reached = 0;  // how often it would have mattered where the code has got to

inline bool keeps(std::string_view rule) {
  if (rule != dropped_rule) return true;
  ++dropped_rule_reached;
  return false;
}

}  // namespace ddb

#define DDB_KEEPS(rule) ::ddb::keeps(rule)

#else

#define DDB_KEEPS(rule) true

#endif
