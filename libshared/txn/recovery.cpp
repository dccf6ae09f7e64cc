#include "txn/recovery.hpp"

#include <algorithm>
#include <utility>

#include "base/rule.hpp"

namespace ddb::txn {

namespace {

using proto::RecoverReply;

bool is_wrong_range(const proto::RangeReply& reply) {
  const auto* error = std::get_if<Error>(&reply);
  return error != nullptr && error->code == Code::wrong_range;
}

/// Calls back once it was counted down as often as counted up, and says whether all went well.
struct Latch {
  size_t left = 0;
  std::function<void(bool)> done;
  bool all = true;

  void count_down(bool well = true) {
    all = all && well;
    if (--left == 0) done(all);
  }
};

void resolve_group(Calls& calls, const Ranges& ranges, const proto::ResolveRequest& request, const std::shared_ptr<Latch>& latch) {
  calls.call(request.keys.front(), request, [&calls, &ranges, request, latch](Answer answer) {
    // The range has been split: its parts, then. Any other refusal would be the same again: whoever meets the locks tries.
    if (!is_wrong_range(answer.reply)) return latch->count_down(std::holds_alternative<proto::Done>(answer.reply));
    resolve(calls, ranges, request.attempt, request.commit_ts, request.keys, [latch](bool all) { latch->count_down(all); });
  });
}

}  // namespace

void resolve(Calls& calls, const Ranges& ranges, const proto::Attempt& attempt, std::optional<Timestamp> commit_ts,
             const std::vector<Bytes>& keys, std::function<void(bool)> done) {
  auto groups = cut(ranges, keys);
  if (groups.empty()) return done(true);
  const auto latch = std::make_shared<Latch>(groups.size(), std::move(done));
  for (auto& group : groups) resolve_group(calls, ranges, {attempt, commit_ts, std::move(group)}, latch);
}

void Recovery::clear_away(proto::Locked locked, std::function<void()> done) {
  auto& found = cases_[locked.attempt];
  const bool first = found == nullptr;
  if (first) found = std::make_shared<Case>();
  const CasePtr it = found;
  it->waiters.push_back(std::move(done));
  if (!first) return;  // it meets what is left of the locks again, if it has to
  it->locked = std::move(locked);
  ++recovered_;
  ask_anchor(it);
}

void Recovery::ask_anchor(const CasePtr& it) {
  calls_.call(it->locked.anchor, proto::RecoverRequest{it->locked.attempt, it->locked.anchor},
              [this, it](Answer answer) { anchor_answered(it, answer.reply); });
}

void Recovery::anchor_answered(const CasePtr& it, const proto::RangeReply& reply) {
  const auto* found = std::get_if<RecoverReply>(&reply);
  if (found == nullptr) return close(it);
  switch (found->state) {
    case RecoverReply::State::aborted: return finish(it, std::nullopt, it->locked.keys);
    case RecoverReply::State::committed: return finish_committed(it, *found);
    case RecoverReply::State::staging: return ask_locks(it, found->keys);
    case RecoverReply::State::pending: return close(it);
  }
}

/// V3: committed if every listed key has its lock at C0.
void Recovery::ask_locks(const CasePtr& it, const std::vector<Bytes>& keys) {
  auto groups = cut(ranges_, keys);
  struct Tally {
    bool all = true;
    bool outdated = false;  // a range was split meanwhile
  };
  const auto tally = std::make_shared<Tally>();
  const auto latch = std::make_shared<Latch>(groups.size(), [this, it, keys, tally](bool) {
    if (tally->outdated) return ask_locks(it, keys);
    decide(it, keys, tally->all || !DDB_KEEPS("V3.all"));
  });
  for (auto& group : groups) {
    const Bytes first = group.front();
    calls_.call(first, proto::QueryLocksRequest{it->locked.attempt, std::move(group)}, [tally, latch](Answer answer) {
      const auto* found = std::get_if<proto::QueryLocksReply>(&answer.reply);
      tally->outdated = tally->outdated || is_wrong_range(answer.reply);
      tally->all = tally->all && found != nullptr && found->all;
      latch->count_down();
    });
  }
}

/// Compare-and-set from STAGING: the answer is what the record says, whoever wrote it.
void Recovery::decide(const CasePtr& it, const std::vector<Bytes>& keys, bool committed) {
  const proto::Attempt& attempt = it->locked.attempt;
  proto::RangeRequestBody request = proto::SettleRequest{attempt, it->locked.anchor};
  if (committed) request = proto::DecideRequest{attempt, it->locked.anchor, attempt.c0, {}};
  calls_.call(it->locked.anchor, std::move(request), [this, it, keys](Answer answer) {
    const auto* verdict = std::get_if<proto::SettleReply>(&answer.reply);
    if (verdict == nullptr) return close(it);
    finish(it, verdict->commit_ts, keys);
  });
}

/// Its coordinator is slow or gone: all of it at once, lest whoever goes on meets, and waits for, one lock after the other.
void Recovery::finish_committed(const CasePtr& it, const RecoverReply& verdict) {
  const auto& met = it->locked.keys;
  auto others = verdict.keys;
  std::erase_if(others, [&](const Bytes& key) { return std::ranges::find(met, key) != met.end(); });
  // P9: neither keys nor spans: where locks may be left is not known.
  const bool known = !verdict.keys.empty() || !verdict.spans.empty();
  const auto latch = std::make_shared<Latch>(3, [this, it, known](bool all) {
    if (known && all) forget(it);
  });
  const auto count_down = [latch](bool all) { latch->count_down(all); };
  resolve(calls_, ranges_, it->locked.attempt, verdict.commit_ts, others, count_down);
  resolve_spans(it, verdict.commit_ts, verdict.spans, count_down);
  resolve(calls_, ranges_, it->locked.attempt, verdict.commit_ts, met, [this, it, count_down](bool all) {
    close(it);
    count_down(all);
  });
}

/// Of a transaction of too many keys to list (P2).
void Recovery::resolve_spans(const CasePtr& it, Timestamp commit_ts, const std::vector<env::KeySpan>& spans,
                             std::function<void(bool)> done) {
  const auto parts = cut(ranges_, {}, spans);
  if (parts.empty()) return done(true);
  const auto latch = std::make_shared<Latch>(0, std::move(done));
  for (const Part& part : parts) latch->left += part.read_spans.size();
  for (const Part& part : parts) {
    for (const env::KeySpan& span : part.read_spans) {
      resolve_span(it, commit_ts, span, [latch](bool all) { latch->count_down(all); });
    }
  }
}

/// A piece of one range after the other: what is held there, then what follows.
void Recovery::resolve_span(const CasePtr& it, Timestamp commit_ts, env::KeySpan span, std::function<void(bool)> done) {
  calls_.call(span.start, proto::FindLocksRequest{it->locked.attempt, span},
              [this, it, commit_ts, span, done = std::move(done)](Answer answer) mutable {
                if (is_wrong_range(answer.reply)) return resolve_spans(it, commit_ts, {span}, std::move(done));
                auto* found = std::get_if<proto::FindLocksReply>(&answer.reply);
                if (found == nullptr) return done(false);
                const auto go_on = [this, it, commit_ts, end = span.end, next = found->next, done = std::move(done)](bool all) {
                  if (!all || !next) return done(all);
                  resolve_span(it, commit_ts, {*next, end}, done);
                };
                resolve(calls_, ranges_, it->locked.attempt, commit_ts, found->keys, go_on);
              });
}

void Recovery::finish(const CasePtr& it, std::optional<Timestamp> commit_ts, std::vector<Bytes> keys) {
  resolve(calls_, ranges_, it->locked.attempt, commit_ts, keys, [this, it](bool) { close(it); });
}

/// P9: every lock is resolved; for the coordinator that will not say so.
void Recovery::forget(const CasePtr& it) {
  calls_.call(it->locked.anchor, proto::ForgetRequest{it->locked.attempt, it->locked.anchor}, [](Answer) {});
}

void Recovery::close(const CasePtr& it) {
  cases_.erase(it->locked.attempt);
  for (auto& waiter : std::exchange(it->waiters, {})) waiter();
}

}  // namespace ddb::txn
