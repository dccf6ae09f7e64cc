// Sees to what a simulated node's ranges find of lost coordinators (V4).
#pragma once

#include <map>
#include <memory>

#include "router.hpp"
#include "txn/recovery.hpp"

namespace sim {

/// As client::Cleaner: what does not succeed in time, and what is too much at a time, is found again.
class Cleaner {
 public:
  Cleaner(World& world, Router& router) : world_{world}, router_{router} {}
  ~Cleaner() { *alive_ = false; }
  Cleaner(const Cleaner&) = delete;

  void clear_away(std::vector<ddb::proto::Locked> orphans) {
    for (auto& locked : orphans) {
      if (jobs_.size() < jobs_max && !jobs_.contains(locked.attempt)) start(std::move(locked));
    }
  }

 private:
  static constexpr size_t jobs_max = 64;
  static constexpr Duration job_timeout = 3s;

  struct Job {
    Job(const ddb::proto::Attempt& the_attempt, const ddb::txn::Ranges& ranges) : attempt{the_attempt}, recovery{calls, ranges} {}
    const ddb::proto::Attempt attempt;
    ddb::txn::Calls calls;
    ddb::txn::Recovery recovery;
  };

  void start(ddb::proto::Locked locked) {
    const auto job = jobs_[locked.attempt] = std::make_shared<Job>(locked.attempt, router_.map());
    world_.after(job_timeout, [this, alive = alive_, weak = std::weak_ptr{job}] {
      const auto late = weak.lock();
      if (late && *alive) jobs_.erase(late->attempt);
    });
    job->recovery.clear_away(std::move(locked), [] {});
    pump(job);
  }
  void pump(const std::shared_ptr<Job>& job) {
    for (auto& wanted : job->calls.take()) {
      router_.send(wanted, [this, weak = std::weak_ptr{job}, token = wanted.token](ddb::Result<ddb::proto::RangeReply> reply) {
        const auto mine = weak.lock();
        if (!mine) return;
        deliver(mine->calls, token, std::move(reply));
        pump(mine);
      });
    }
    if (job->calls.idle()) jobs_.erase(job->attempt);
  }

  World& world_;
  Router& router_;
  std::map<ddb::proto::Attempt, std::shared_ptr<Job>> jobs_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sim
