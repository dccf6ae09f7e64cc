#include "sql/gateway_lease.hpp"

#include <algorithm>
#include <utility>

#include "codec/archive.hpp"
#include "sql/schema_store.hpp"

namespace ddb::sql {

namespace {

constexpr std::string_view gateway_prefix = "gateway/";

uint64_t milliseconds(Duration duration) {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

env::MetaOp announcement(const std::string& name, uint64_t version, LeaseId lease) {
  return {.key = Bytes{gateway_prefix} + name, .value = codec::encode(version), .end = {}, .lease = lease};
}

}  // namespace

Result<bool> GatewayLease::enter(uint64_t version, Revision revision) {
  const Instant asked = now_();
  const auto lease = meta_.grant(milliseconds(ttl_));
  if (!lease) return std::unexpected(lease.error());
  const std::string name = name_.empty() ? std::to_string(lease->value) : name_;
  const auto put = meta_.txn({{SchemaStore::version_key, revision}}, {announcement(name, version, *lease)});
  if (!put || !put->succeeded) {
    (void)meta_.revoke(*lease);  // else it holds up schema changes until it runs out
    if (!put) return std::unexpected(put.error());
    return false;
  }
  const std::lock_guard lock{mutex_};
  name_ = name;
  lease_ = *lease;
  until_ = asked + ttl_;
  announced_ = version;
  ++epoch_;
  return true;
}

Result<bool> GatewayLease::keep() {
  const Instant asked = now_();
  LeaseId lease;
  {
    const std::lock_guard lock{mutex_};
    lease = lease_;
  }
  const auto kept = meta_.keep_alive(lease);
  if (!kept && kept.error().code == Code::not_found) return false;
  if (!kept) return std::unexpected(kept.error());
  const std::lock_guard lock{mutex_};
  if (lease_ == lease) until_ = std::max(until_, asked + ttl_);
  return true;
}

Result<bool> GatewayLease::announce(uint64_t version) {
  LeaseId lease;
  std::string name;
  {
    const std::lock_guard lock{mutex_};
    if (announced_ == version) return true;
    lease = lease_;
    name = name_;
  }
  const auto put = meta_.txn({}, {announcement(name, version, lease)});
  if (!put && put.error().code == Code::not_found) return false;
  if (!put) return std::unexpected(put.error());
  const std::lock_guard lock{mutex_};
  if (lease_ == lease) announced_ = std::max(announced_, version);
  return true;
}

Result<void> GatewayLease::leave() {
  LeaseId lease;
  {
    const std::lock_guard lock{mutex_};
    lease = std::exchange(lease_, {});
    until_ = {};
  }
  return lease ? meta_.revoke(lease) : Result<void>{};
}

Duration GatewayLease::left() const {
  const Instant now = now_();
  const std::lock_guard lock{mutex_};
  return lease_ ? until_ - now : Duration{};
}

std::string GatewayLease::name() const {
  const std::lock_guard lock{mutex_};
  return name_;
}

uint64_t GatewayLease::epoch() const {
  const std::lock_guard lock{mutex_};
  return epoch_;
}

Result<uint64_t> GatewayLease::lowest_of_others(uint64_t otherwise) {
  const Bytes own = Bytes{gateway_prefix} + name();
  const auto gateways = meta_.range(gateway_prefix, prefix_end(gateway_prefix));
  if (!gateways) return std::unexpected(gateways.error());
  uint64_t lowest = otherwise;
  for (const auto& entry : gateways->entries) {
    if (entry.key == own) continue;
    const auto version = codec::decode<uint64_t>(entry.value);
    if (!version) return fail(Code::bad_data, "metadata key " + entry.key + " does not hold what it should");
    lowest = std::min(lowest, *version);
  }
  return lowest;
}

}  // namespace ddb::sql
