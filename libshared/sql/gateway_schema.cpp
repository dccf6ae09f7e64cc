#include "sql/gateway_schema.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace ddb::sql {

namespace {

constexpr int attempts_max = 20;  // to enter, against other gateways' changes
constexpr Duration nap_min = std::chrono::milliseconds{1};  // between looks at the others; doubled
constexpr Duration nap_max = std::chrono::milliseconds{16};

}  // namespace

GatewaySchema::GatewaySchema(env::Meta& meta, const CatalogOptions& options)
    : options_{options}, store_{meta}, lease_{meta, options.gateway, options.lease_ttl, options.now} {}

std::shared_ptr<const Schema> GatewaySchema::schema() const {
  const std::lock_guard lock{mutex_};
  return schema_;
}

StoredSchema GatewaySchema::current() const {
  const std::lock_guard lock{mutex_};
  return {*schema_, revision_};
}

void GatewaySchema::take_over(StoredSchema stored) {
  const Instant now = options_.now();
  const std::lock_guard lock{mutex_};
  if (stored.schema.version < schema_->version) return;
  for (auto& [id, pin] : pins_)
    if (pin.since == Instant{} && pin.version < stored.schema.version) pin.since = now;
  revision_ = stored.revision;
  schema_ = std::make_shared<const Schema>(std::move(stored.schema));
}

Result<void> GatewaySchema::enter() {
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    auto stored = store_.load();
    if (!stored) return std::unexpected(stored.error());
    const auto entered = lease_.enter(stored->schema.version, stored->revision);
    if (!entered) return std::unexpected(entered.error());
    if (!*entered) continue;
    take_over(std::move(*stored));
    return {};
  }
  return fail(Code::try_again, "the schema keeps changing", "try again");
}

Result<void> GatewaySchema::ensure_lease() {
  if (lease_.valid()) return {};
  const auto kept = lease_.keep();
  if (kept && *kept && lease_.valid()) return {};
  if (!kept && kept.error().code != Code::unknown_outcome) return std::unexpected(kept.error());
  return enter();
}

Result<void> GatewaySchema::refresh() {
  const auto stored = store_.revision();
  if (!stored) return std::unexpected(stored.error());
  {
    const std::lock_guard lock{mutex_};
    if (*stored == revision_) return {};
  }
  auto loaded = store_.load();
  if (!loaded) return std::unexpected(loaded.error());
  take_over(std::move(*loaded));
  return {};
}

/// The oldest version in use here. Transactions on a superseded one have had their time after drain_max, save those
/// that are committing (G2).
uint64_t GatewaySchema::version_in_use() {
  const Instant now = options_.now();
  const std::lock_guard lock{mutex_};
  uint64_t oldest = schema_->version;
  for (auto at = pins_.begin(); at != pins_.end();) {
    const Pin& pin = at->second;
    const bool over = pin.since != Instant{} && now - pin.since >= options_.drain_max && !pin.committing;
    if (!over) oldest = std::min(oldest, pin.version);
    at = over ? pins_.erase(at) : std::next(at);
  }
  return oldest;
}

Result<void> GatewaySchema::announce() {
  const auto announced = lease_.announce(version_in_use());
  if (!announced) return std::unexpected(announced.error());
  return *announced ? Result<void>{} : enter();
}

Result<void> GatewaySchema::tick() {
  if (lease_.due()) {
    const auto kept = lease_.keep();
    if (!kept) return std::unexpected(kept.error());
    if (!*kept)
      if (auto done = enter(); !done) return done;
  }
  const bool told = told_of_change_.exchange(false);
  if (told || options_.now() - refreshed_ >= options_.refresh_interval) {
    refreshed_ = options_.now();
    if (auto done = refresh(); !done) return done;
  }
  return announce();
}

Result<GatewaySchema::Pinned> GatewaySchema::pin() {
  if (auto held = ensure_lease(); !held) return std::unexpected(held.error());
  const std::lock_guard lock{mutex_};
  const uint64_t id = next_pin_++;
  pins_.emplace(id, Pin{.version = schema_->version, .epoch = lease_.epoch()});
  return Pinned{id, schema_};
}

Result<void> GatewaySchema::enter_commit(uint64_t pin) {
  if (auto held = ensure_lease(); !held) return held;
  const std::lock_guard lock{mutex_};
  const auto at = pins_.find(pin);
  if (at == pins_.end() || at->second.epoch != lease_.epoch())
    return fail(Code::conflict, "the schema has changed since the transaction began", "restart the transaction");
  at->second.committing = true;
  return {};
}

void GatewaySchema::release(uint64_t pin) {
  const std::lock_guard lock{mutex_};
  pins_.erase(pin);
}

Result<StoredSchema> GatewaySchema::settled() {
  if (auto done = refresh(); !done) return std::unexpected(done.error());
  StoredSchema now = current();
  if (auto done = wait_for(now.schema.version); !done) return std::unexpected(done.error());
  return now;
}

Result<bool> GatewaySchema::save(const StoredSchema& before, const Schema& after, const std::vector<env::KeySpan>& dropped) {
  DDB_ASSERT(after.version == before.schema.version + 1);
  const auto saved = store_.save(before, after, dropped);
  if (!saved) return std::unexpected(saved.error());
  if (!*saved) return false;
  take_over({after, *saved});
  return true;
}

Result<void> GatewaySchema::wait_for(uint64_t version) {
  const Instant start = options_.now();
  for (Duration nap = nap_min;; nap = std::min(2 * nap, nap_max)) {
    if (auto done = ensure_lease(); !done) return done;
    // What this gateway uses, it knows better than its announcement, which tick() writes, for the others' sake.
    const auto others = lease_.lowest_of_others(version);
    if (!others) return std::unexpected(others.error());
    const uint64_t lowest = std::min(*others, version_in_use());
    if (lowest >= version) return {};
    if (options_.now() - start > options_.change_wait_max)
      return fail(Code::try_again, "a gateway stays at schema version " + std::to_string(lowest),
                  "end its transactions, or stop it and wait for its lease to run out");
    options_.sleep(nap);
  }
}

}  // namespace ddb::sql
