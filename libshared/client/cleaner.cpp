#include "client/cleaner.hpp"

#include <utility>

#include "txn/recovery.hpp"

namespace ddb::client {

namespace {

constexpr size_t jobs_max = 64;  // at a time

}  // namespace

/// One attempt.
struct Cleaner::Job : std::enable_shared_from_this<Job> {
  Job(Cleaner& the_owner, const proto::Attempt& the_attempt)
      : owner{&the_owner},
        attempt{the_attempt},
        recovery{calls, the_owner.cluster_.ranges().map()},
        deadline{net::Loop::now() + the_owner.cluster_.options().timeout} {}

  void pump() {
    const auto self = shared_from_this();
    if (owner == nullptr) return;
    for (auto& wanted : calls.take()) send(std::move(wanted));
    if (!calls.idle()) return;
    ++owner->cleared_;
    owner->jobs_.erase(attempt);
  }

  void send(txn::Send wanted) {
    owner->cluster_.router().send(wanted.key, std::move(wanted.body), wanted.repeats, deadline,
                                  [self = shared_from_this(), token = wanted.token](Result<proto::RangeReply> reply) {
                                    self->answered(token, std::move(reply));
                                  });
  }

  void answered(uint64_t token, Result<proto::RangeReply> reply) {
    if (owner == nullptr) return;
    if (net::Loop::now() >= deadline) {
      owner->jobs_.erase(attempt);
      return;
    }
    if (reply) {
      calls.reply(token, std::move(*reply));
    } else if (reply.error().code == Code::wrong_range) {
      calls.reply(token, std::move(reply.error()));
    } else {
      calls.no_answer(token, reply.error());
    }
    pump();
  }

  Cleaner* owner;  // null: gone
  const proto::Attempt attempt;
  txn::Calls calls;
  txn::Recovery recovery;
  const Instant deadline;
};

Cleaner::~Cleaner() {
  for (auto& [attempt, job] : jobs_) job->owner = nullptr;
}

void Cleaner::clear_away(std::vector<proto::Locked> orphans) {
  if (!cluster_.ranges().loaded()) return cluster_.ranges().load([](Result<void>) {});
  for (auto& locked : orphans) {
    if (jobs_.size() < jobs_max && !jobs_.contains(locked.attempt)) start(std::move(locked));
  }
}

void Cleaner::start(proto::Locked locked) {
  const proto::Attempt attempt = locked.attempt;
  const auto job = jobs_[attempt] = std::make_shared<Job>(*this, attempt);
  job->recovery.clear_away(std::move(locked), [] {});
  job->pump();
}

}  // namespace ddb::client
