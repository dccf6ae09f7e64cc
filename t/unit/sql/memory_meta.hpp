// An env::Meta in memory, with leases that run out on a clock the test moves.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "env/clock.hpp"
#include "env/meta.hpp"

namespace ddb::test {

class MemoryMeta final : public env::Meta {
 public:
  /// Called before every request, without the lock; an error becomes the request's.
  std::function<Result<void>(const char* request)> on_request;

  Instant now() const {
    const std::lock_guard lock{mutex_};
    return now_;
  }
  void advance(Duration by) {
    const std::lock_guard lock{mutex_};
    now_ += by;
    expire();
  }
  uint64_t requests() const {
    const std::lock_guard lock{mutex_};
    return requests_;
  }

  Result<env::MetaRange> range(BytesView key, BytesView end) override {
    if (auto gate = enter("range"); !gate) return std::unexpected(gate.error());
    const std::lock_guard lock{mutex_};
    env::MetaRange result{.revision = revision_, .entries = {}};
    for (auto at = data_.lower_bound(key); at != data_.end() && within(at->first, key, end); ++at)
      result.entries.push_back(at->second);
    return result;
  }

  Result<env::MetaTxnResult> txn(std::vector<env::MetaCompare> compares, std::vector<env::MetaOp> ops) override {
    if (auto gate = enter("txn"); !gate) return std::unexpected(gate.error());
    const std::lock_guard lock{mutex_};
    for (const auto& compare : compares) {
      const auto at = data_.find(compare.key);
      if ((at == data_.end() ? Revision{} : at->second.mod_revision) != compare.mod_revision)
        return env::MetaTxnResult{.succeeded = false, .revision = revision_};
    }
    for (const auto& op : ops)
      if (op.lease && !leases_.contains(op.lease)) return fail(Code::not_found, "the lease has run out");
    if (!ops.empty()) revision_ = revision_.next();
    for (auto& op : ops) apply(op);
    return env::MetaTxnResult{.succeeded = true, .revision = revision_};
  }

  Result<LeaseId> grant(uint64_t ttl_ms) override {
    if (auto gate = enter("grant"); !gate) return std::unexpected(gate.error());
    const std::lock_guard lock{mutex_};
    next_lease_ = next_lease_.next();
    const Duration ttl = std::chrono::milliseconds{ttl_ms};
    leases_[next_lease_] = {ttl, now_ + ttl};
    return next_lease_;
  }
  Result<void> keep_alive(LeaseId lease) override {
    if (auto gate = enter("keep_alive"); !gate) return std::unexpected(gate.error());
    const std::lock_guard lock{mutex_};
    const auto at = leases_.find(lease);
    if (at == leases_.end()) return fail(Code::not_found, "the lease has run out");
    at->second.until = now_ + at->second.ttl;
    return {};
  }
  Result<void> revoke(LeaseId lease) override {
    if (auto gate = enter("revoke"); !gate) return std::unexpected(gate.error());
    const std::lock_guard lock{mutex_};
    end_lease(lease);
    return {};
  }

 private:
  struct Lease {
    Duration ttl;
    Instant until;
  };

  Result<void> enter(const char* request) {
    {
      const std::lock_guard lock{mutex_};
      ++requests_;
    }
    return on_request ? on_request(request) : Result<void>{};
  }
  static bool within(BytesView key, BytesView start, BytesView end) { return end.empty() ? key == start : key < end; }

  void apply(const env::MetaOp& op) {
    if (!op.value) {
      for (auto at = data_.lower_bound(op.key); at != data_.end() && within(at->first, op.key, op.end);)
        at = data_.erase(at);
      return;
    }
    auto& entry = data_[op.key];
    if (entry.version == 0) entry.create_revision = revision_;
    entry.key = op.key;
    entry.value = *op.value;
    entry.mod_revision = revision_;
    ++entry.version;
    entry.lease = op.lease;
  }
  void expire() {
    for (auto at = leases_.begin(); at != leases_.end();) {
      const auto [lease, state] = *at++;
      if (state.until <= now_) end_lease(lease);
    }
  }
  void end_lease(LeaseId lease) {
    leases_.erase(lease);
    const size_t before = data_.size();
    std::erase_if(data_, [&](const auto& item) { return item.second.lease == lease; });
    if (data_.size() != before) revision_ = revision_.next();
  }

  mutable std::mutex mutex_;
  std::map<Bytes, env::MetaEntry, std::less<>> data_;
  std::map<LeaseId, Lease> leases_;
  Revision revision_{1};
  LeaseId next_lease_;
  Instant now_{};
  uint64_t requests_ = 0;
};

}  // namespace ddb::test
