// Tells the metadata store what a leader knows of its range (D4). The map is a hint, so this may lag, never lie.
#pragma once

#include <map>
#include <vector>

#include "env/clock.hpp"
#include "proto/meta_keys.hpp"
#include "range/oracle_calls.hpp"

namespace ddb::range {

/// Reports are repeated until accepted: against each entry that shares keys with it, the split version is higher, or the
/// range the same and neither version lower; leaders by term.
class Reporter {
 public:
  explicit Reporter(OracleCalls& calls) : calls_{calls} {}

  /// Replaces what was still to be reported of that range. `others`: the other halves, as far as they are known here; they
  /// go in with it, or ahead of it, so that nobody finds one without the other.
  void report(proto::RangeInfo info, std::vector<proto::RangeInfo> others = {});
  void tick(Instant now);
  bool idle() const { return pending_.empty(); }

 private:
  struct Pending {
    proto::RangeInfo info;
    std::vector<proto::RangeInfo> others;
    bool asking = false;
    Instant next{};
  };
  void ask(const proto::RangeInfo& info, const Bytes& key, const Bytes& end);
  void compare(const proto::RangeInfo& info, const env::MetaRange& entries);
  void compare_all(const proto::RangeInfo& info, const env::MetaRange& entries);
  void write(const proto::RangeInfo& info, proto::MetaTxnRequest request);
  void settled(const proto::RangeInfo& info, bool accepted);

  OracleCalls& calls_;
  std::map<RangeId, Pending> pending_;
};

}  // namespace ddb::range
