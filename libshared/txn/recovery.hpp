// Finishing other transactions: who meets a lock finds out at its anchor, and clears it away (V1-V3).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "txn/calls.hpp"
#include "txn/ranges.hpp"

namespace ddb::txn {

/// Makes the attempt's locks on `keys` versions, or removes them (V1); `done` once all of it is applied, or (false) a range
/// refuses: then some may be left.
void resolve(Calls& calls, const Ranges& ranges, const proto::Attempt& attempt, std::optional<Timestamp> commit_ts,
             const std::vector<Bytes>& keys, std::function<void(bool all)> done);

class Recovery {
 public:
  /// Both outlive it, and every call made through it.
  Recovery(Calls& calls, const Ranges& ranges) : calls_{calls}, ranges_{ranges} {}

  /// Calls back when the locks are gone, or cannot be cleared yet: repeat the request that met them.
  void clear_away(proto::Locked locked, std::function<void()> done);

  uint64_t recovered() const { return recovered_; }  // attempts whose verdict was asked for

 private:
  /// One attempt that is being found out about, and who waits for that.
  struct Case {
    proto::Locked locked;
    std::vector<std::function<void()>> waiters;
  };
  using CasePtr = std::shared_ptr<Case>;

  void ask_anchor(const CasePtr& it);
  void anchor_answered(const CasePtr& it, const proto::RangeReply& reply);
  void ask_locks(const CasePtr& it, const std::vector<Bytes>& keys);
  void decide(const CasePtr& it, const std::vector<Bytes>& keys, bool committed);
  void finish_committed(const CasePtr& it, const proto::RecoverReply& verdict);
  void finish(const CasePtr& it, std::optional<Timestamp> commit_ts, std::vector<Bytes> keys);
  void resolve_spans(const CasePtr& it, Timestamp commit_ts, const std::vector<env::KeySpan>& spans,
                     std::function<void(bool all)> done);
  void resolve_span(const CasePtr& it, Timestamp commit_ts, env::KeySpan span, std::function<void(bool all)> done);
  void forget(const CasePtr& it);
  void close(const CasePtr& it);

  Calls& calls_;
  const Ranges& ranges_;
  std::map<proto::Attempt, CasePtr> cases_;
  uint64_t recovered_ = 0;
};

}  // namespace ddb::txn
