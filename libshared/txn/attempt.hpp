// One attempt to commit over several ranges, from C0 on: P2 to P7.
//
//   validating     ranges that were only read, at C0; locks elsewhere meanwhile
//   preparing      the anchor too, with the record
//   refreshing     some lock is above C0: a fresh C, and all that was read validated at C (P7)
//   deciding       COMMITTED at the anchor, where the client has to wait for it
//
// STAGING with all locks at C0 is a commit: the client hears of it before the record says so.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "txn/recovery.hpp"

namespace ddb::txn {

struct AttemptPlan {
  proto::Attempt attempt;
  Timestamp read_ts;
  std::vector<env::Write> writes;  // the first one's key is the anchor
  std::vector<env::KeySpan> read_spans;
  bool staging = true;  // false: too many keys to list (P2): PENDING, and an explicit COMMITTED
};

class Attempt : public std::enable_shared_from_this<Attempt> {
 public:
  struct Events {
    std::function<void(Timestamp)> committed;
    /// No verdict yet (P11): to be settled. Nothing more is sent.
    std::function<void(Error)> failed;
    std::function<void()> want_timestamp;  // fresh, for timestamp()
  };

  Attempt(Calls& calls, Recovery& recovery, const Ranges& ranges, AttemptPlan plan, Events events)
      : calls_{calls}, recovery_{recovery}, ranges_{ranges}, plan_{std::move(plan)}, events_{std::move(events)} {}

  void start();
  void timestamp(Timestamp fresh);
  /// V4: the coordinator is at work. To be called now and then.
  void renew();
  /// Nobody hears of it any more.
  void abandon() { over_ = true; }
  /// A request that may leave locks, or the record, was sent.
  bool has_prepared() const { return prepared_; }
  /// Settled at the anchor: the locks, as far as they were asked for, may go. `done` once they have, or cannot (false).
  void resolve_locks(std::optional<Timestamp> commit_ts, std::function<void(bool)> done);

 private:
  void place(std::vector<Part> parts, bool first);
  void prepare(std::shared_ptr<const Part> part);
  void prepare_answered(const std::shared_ptr<const Part>& part, proto::RangeReply reply);
  void validate(std::vector<env::KeySpan> spans, Timestamp at, std::function<void()> passed);
  void all_prepared();
  void refresh(Timestamp at);
  void decide(Timestamp commit_ts);
  void decided(const proto::RangeReply& reply);
  void tidy_up(Timestamp commit_ts);
  void commit(Timestamp commit_ts);
  void fail(Error error);
  bool reroute();
  void meet(const proto::Locked& locked, std::function<void()> again);
  const Bytes& anchor() const { return plan_.writes.front().key; }

  Calls& calls_;
  Recovery& recovery_;
  const Ranges& ranges_;
  const AttemptPlan plan_;
  const Events events_;

  size_t unprepared_ = 0;  // parts that write, without their locks
  Timestamp min_commit_ts_;
  bool prepared_ = false;
  bool recorded_ = false;  // the record is there
  bool renewing_ = false;
  bool over_ = false;  // the verdict is out, or somebody else's matter
  bool told_ = false;  // that it is committed
  int reroutes_ = 0;
};

}  // namespace ddb::txn
