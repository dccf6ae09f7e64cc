// What an oracle's leader takes up, looks after, and lets go.
#include <algorithm>

#include "base/assert.hpp"
#include "oracle/machine.hpp"

namespace ddb::oracle {

namespace {

using range::RequestToken;
using std::chrono::milliseconds;

/// A leader that was not called for so long stood still (SIGSTOP, a suspended machine).
constexpr Duration pause_min = std::chrono::seconds{1};
constexpr Duration mark_interval = std::chrono::seconds{10};  // while no timestamps are asked for
constexpr uint64_t compaction_revisions_max = 1000;  // of one command

}  // namespace

void Machine::became_leader() {
  const Instant now = host_.now();
  last_tick_ = now;
  clock_.start(record_.mark, now, host_.wall_millis());
  // The last leader may have renewed any lease a moment ago.
  each_row<LeaseRow>(host_.state(), lease_rows,
                     [&](uint64_t id, const LeaseRow& row) { leases_.set(LeaseId{id}, milliseconds{row.ttl_ms}, now); });
  each_row<StoreRow>(host_.state(), store_rows,
                     [&](uint64_t id, const StoreRow&) { stores_.set(StoreId{id}, store_lease, now); });
  extend_mark();
}

void Machine::lost_leadership() {
  DDB_ASSERT(pending_.empty());  // dropped() came first
  clock_.stop();
  leases_.clear();
  stores_.clear();
  history_.clear();
  watches_.clear([&](RequestToken to) { reply(to, redirect()); });
  // Nothing was done for these: they may ask elsewhere.
  for (auto* waiters : {&gathered_, &confirming_, &beyond_mark_}) {
    for (const auto& waiting : std::exchange(*waiters, {})) reply(waiting.from, redirect());
  }
  confirmation_ = extension_ = compaction_ = 0;
}

void Machine::dropped(uint64_t cookie) {
  if (const auto found = pending_.extract(cookie)) {
    reply(found.mapped(),
          Error{Code::unknown_outcome, "the oracle's leader changed while the request was under way", {}, {}});
  }
  if (cookie == confirmation_) {
    confirmation_ = 0;
    for (const auto& waiting : std::exchange(confirming_, {})) reply(waiting.from, redirect());
  }
}

void Machine::tick() {
  if (!host_.leads()) return;
  const Instant now = host_.now();
  const Duration pause = now - std::exchange(last_tick_, now);
  if (pause >= pause_min) leases_.forgive(pause);
  // While nobody asks for timestamps the mark only has to tell the log how time goes by, until nothing is left to be
  // forgotten. An idle oracle writes nothing, and the next to ask waits for one commit.
  const bool remembers = record_.first_remembered < record_.next_remembered;
  const bool wanted = drawn_ || (remembers && now >= mark_due_);
  if ((wanted && clock_.low(now, host_.wall_millis())) || !beyond_mark_.empty()) extend_mark();
  end_leases();
  compact();
}

void Machine::extend_mark() {
  if (extension_ != 0) return;
  const Timestamp mark = clock_.next_mark(host_.now(), host_.wall_millis());
  if (mark <= record_.mark) return;
  if (!host_.propose(codec::encode(Command{RaiseMark{mark}}), ++last_cookie_)) return;
  extension_ = last_cookie_;
  drawn_ = false;
  mark_due_ = host_.now() + mark_interval;
}

void Machine::end_leases() {
  for (const LeaseId lease : leases_.end(host_.now())) {
    if (!host_.propose(codec::encode(Command{EndLease{lease}}), ++last_cookie_)) leases_.reprieve(lease);
  }
}

void Machine::compact() {
  const uint64_t revision = record_.revision.value;
  history_.note(record_.revision, host_.now());
  if (compaction_ != 0 || revision <= options_.history_revisions) return;
  uint64_t target = std::min(history_.old(host_.now()).value, revision - options_.history_revisions);
  if (revision > options_.history_revisions_max) target = std::max(target, revision - options_.history_revisions_max);
  if (target <= record_.compacted.value) return;
  target = std::min(target, record_.compacted.value + compaction_revisions_max);
  if (host_.propose(codec::encode(Command{Compact{Revision{target}}}), ++last_cookie_)) compaction_ = last_cookie_;
}

}  // namespace ddb::oracle
