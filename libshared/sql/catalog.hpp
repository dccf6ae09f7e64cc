// The schema all gateways share: persisted in the metadata store, changed online, held under leases (after F1, VLDB 2013).
//
//   metadata key             value
//   schema/version           SchemaHead: version, next object id            compare-and-set on it orders all DDL
//   schema/table/<id>        Table, indexes included
//   schema/view/<id>         View
//   schema/trigger/<id>      Trigger
//   gateway/<name>           the oldest schema version in use there         under the gateway's lease
//   rowid/<table id>         the first rowid no gateway has leased          (row_ids.hpp)
//   setting/<name>           a number, as of PRAGMA user_version
//   collect/dropped/<key>    what a change left for the stores to clear     (env/dropped.hpp)
//
// G1. A new version is written only when every living gateway is at the one before: two neighbours at most are in use.
// G2. A gateway announces a version once nothing there uses an older one.
// G3. A gateway whose lease may have run out, by its own clock from before it asked, neither begins nor commits until it
//     has registered again and reloaded the schema.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "env/clock.hpp"
#include "env/kv.hpp"
#include "env/meta.hpp"
#include "sql/row_ids.hpp"
#include "sql/schema.hpp"

struct sqlite3;

namespace ddb::sql {

struct CatalogOptions {
  std::string gateway;                             // unique among gateways; empty: drawn from the lease
  Duration lease_ttl = std::chrono::seconds{10};
  Duration refresh_interval = std::chrono::milliseconds{100};  // how soon tick() looks for other gateways' changes
  Duration drain_max = std::chrono::seconds{2};    // what old transactions get before they must restart
  Duration change_wait_max = std::chrono::seconds{60};  // for other gateways: then DDL gives up (try_again)
  uint32_t backfill_rows = 500;                    // per transaction
  std::function<Instant()> now;                    // required; counts suspended time
  std::function<void(Duration)> sleep;             // required; suspends the caller, not the process
};

class Catalog;

/// One transaction's hold on a schema version. Released by destruction. Not thread-safe.
class SchemaPin {
 public:
  SchemaPin() = default;
  SchemaPin(SchemaPin&&) noexcept;
  SchemaPin& operator=(SchemaPin&&) noexcept;
  ~SchemaPin();

  explicit operator bool() const { return schema_ != nullptr; }
  const std::shared_ptr<const Schema>& schema() const { return schema_; }
  /// Must succeed right before KvTxn::commit with writes: from then until release the version stays in use.
  /// conflict: the schema has moved on or the lease has run out (G3); restart the transaction with a new pin.
  Result<void> enter_commit();
  void release();

 private:
  friend class Catalog;
  std::shared_ptr<const Schema> schema_;
  Catalog* catalog_ = nullptr;
  uint64_t id_ = 0;
};

/// One gateway's catalog, shared by its sessions. Thread-safe.
class Catalog {
 public:
  static Result<std::unique_ptr<Catalog>> open(env::Meta& meta, env::Kv& kv, CatalogOptions options);
  ~Catalog();  // gives the lease back, and rowids
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;

  /// For a transaction that begins. Renews the lease first when it is about to run out; errors of env::Meta.
  Result<SchemaPin> pin();
  /// The newest version this gateway knows.
  std::shared_ptr<const Schema> schema() const;

  /// Runs one CREATE, DROP or ALTER to its end: backfills, waits for the other gateways.
  /// The caller holds no pin: a session commits its transaction before DDL, as it cannot be rolled back.
  /// failed: SQLite's message. A UNIQUE violation in a backfill names the values, and leaves no index.
  Result<void> execute(std::string_view ddl);

  /// Runs `use` on the shadow connection (PRAGMAs about the schema, CREATE TABLE AS column lists); serialized.
  Result<void> with_shadow(const std::function<Result<void>(sqlite3*)>& use);

  /// Keeps the lease and takes over other gateways' changes. A timer calls it every refresh_interval; it returns
  /// at once when there is nothing to do. Errors are for the log: the next call tries again.
  Result<void> tick();
  /// SchemaStore::version_key has changed, so a watch says: the next tick() looks at once.
  void look_soon();

  RowIds& row_ids();

  /// As SchemaStore's.
  Result<int64_t> number(std::string_view name);
  Result<void> set_number(std::string_view name, int64_t value);

  struct Impl;

 private:
  friend class SchemaPin;
  explicit Catalog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ddb::sql
