// The schema as one gateway holds it: the version in force, who uses which, and the lease that lets it (G1-G3, catalog.hpp).
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "base/result.hpp"
#include "env/meta.hpp"
#include "sql/catalog.hpp"
#include "sql/gateway_lease.hpp"
#include "sql/schema_store.hpp"

namespace ddb::sql {

/// Thread-safe. No lock is held across a metadata request.
class GatewaySchema {
 public:
  GatewaySchema(env::Meta& meta, const CatalogOptions& options);

  std::shared_ptr<const Schema> schema() const;

  /// Holds a lease, or takes a new one with the schema as it is then (G3).
  Result<void> ensure_lease();
  void leave() { (void)lease_.leave(); }
  /// Renews what is due, and takes over other gateways' changes.
  Result<void> tick();
  void look_soon() { told_of_change_ = true; }

  struct Pinned {
    uint64_t id = 0;
    std::shared_ptr<const Schema> schema;
  };
  Result<Pinned> pin();
  Result<void> enter_commit(uint64_t pin);
  void release(uint64_t pin);

  /// The newest version there is, once every living gateway is at it (G1).
  Result<StoredSchema> settled();
  /// Publishes the version after `before`. False: another gateway's change came first.
  Result<bool> save(const StoredSchema& before, const Schema& after, const std::vector<env::KeySpan>& dropped);
  /// Until every living gateway is at this version; try_again when one stays behind for too long.
  Result<void> wait_for(uint64_t version);

  SchemaStore& store() { return store_; }

 private:
  struct Pin {
    uint64_t version = 0;
    uint64_t epoch = 0;  // of the lease
    Instant since{};     // when its version was superseded; zero: it is current
    bool committing = false;
  };

  Result<void> enter();
  Result<void> refresh();
  Result<void> announce();
  StoredSchema current() const;
  void take_over(StoredSchema stored);
  uint64_t version_in_use();

  const CatalogOptions& options_;
  SchemaStore store_;
  GatewayLease lease_;
  Instant refreshed_{};  // tick() alone
  std::atomic<bool> told_of_change_ = false;
  mutable std::mutex mutex_;  // of what follows
  std::shared_ptr<const Schema> schema_ = std::make_shared<const Schema>();
  Revision revision_;
  std::map<uint64_t, Pin> pins_;
  uint64_t next_pin_ = 1;
};

}  // namespace ddb::sql
