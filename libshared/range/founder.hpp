// How the first range comes to be, once, on stores that the oracle names (C5).
#pragma once

#include <functional>

#include "env/clock.hpp"
#include "proto/range.hpp"
#include "range/oracle_calls.hpp"

namespace ddb::range {

/// Any store may draw up the first range: one compare-and-set ("none ever") makes one of the drafts the truth.
/// Asks again every `poll` until the first range is known.
class Founder {
 public:
  static constexpr Duration poll = std::chrono::milliseconds{100};
  using Found = std::function<void(const proto::RangeDescriptor&)>;

  Founder(OracleCalls& calls, Found found) : calls_{calls}, found_{std::move(found)} {}

  bool done() const { return done_; }
  void tick(Instant now);

 private:
  void answered(Result<proto::OracleReply> reply);
  void look_for_nodes();
  void draft(const env::MetaRange& nodes, uint32_t replicas);

  OracleCalls& calls_;
  Found found_;
  bool done_ = false;
  bool asking_ = false;
  Instant next_{};
};

}  // namespace ddb::range
