// Tells the metadata store what a leader knows of its range (D4). The map is a hint, so this may lag, never lie.
#pragma once

#include <map>

#include "env/clock.hpp"
#include "proto/meta_keys.hpp"
#include "range/oracle_calls.hpp"

namespace ddb::range {

/// Reports are repeated until accepted: against the entry there is, the split version is higher, or equal
/// with neither version lower; leaders by term.
class Reporter {
 public:
  explicit Reporter(OracleCalls& calls) : calls_{calls} {}

  void report(proto::RangeInfo info);  // replaces what was still to be reported of that range
  void tick(Instant now);
  bool idle() const { return pending_.empty(); }

 private:
  struct Pending {
    proto::RangeInfo info;
    bool asking = false;
    Instant next{};
  };
  void compare(const proto::RangeInfo& info, Result<proto::OracleReply> reply);
  void settled(const proto::RangeInfo& info, bool accepted);

  OracleCalls& calls_;
  std::map<RangeId, Pending> pending_;
};

}  // namespace ddb::range
