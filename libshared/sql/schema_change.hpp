// DDL to its end: SQLite's word on the shadow, then published step by step, rows and entries brought along.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "env/kv.hpp"
#include "sql/add_primary_key.hpp"
#include "sql/gateway_schema.hpp"
#include "sql/row_ids.hpp"
#include "sql/shadow_catalog.hpp"

namespace ddb::sql {

/// One caller at a time; waiting suspends the caller alone.
class Turn {
 public:
  Turn(std::atomic<bool>& busy, const CatalogOptions& options) : busy_{busy} {
    while (busy_.exchange(true)) options.sleep(std::chrono::milliseconds{1});
  }
  ~Turn() { busy_ = false; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  std::atomic<bool>& busy_;
};

/// Thread-safe: statements take turns.
class SchemaChanger {
 public:
  SchemaChanger(env::Kv& kv, GatewaySchema& gateway, RowIds& row_ids, const CatalogOptions& options)
      : kv_{kv}, gateway_{gateway}, row_ids_{row_ids}, options_{options} {}

  /// As Catalog::execute and Catalog::with_shadow.
  Result<void> execute(std::string_view ddl);
  Result<void> with_shadow(const std::function<Result<void>(sqlite3*)>& use);

 private:
  struct IndexRef {
    uint64_t table = 0;
    uint64_t index = 0;
  };
  /// A statement run on the shadow, and what it changed.
  struct Attempt {
    StoredSchema before;
    Schema after;
    std::vector<IndexRef> new_indexes;      // of tables that were there before
    std::vector<IndexRef> dropped_indexes;  // of tables that stay
    std::vector<uint64_t> dropped_tables;
    std::vector<std::string> grown_tables;  // with a new column
    bool changes() const { return after.version != before.schema.version; }
  };

  Result<Attempt> run(std::string_view ddl);
  Result<std::optional<Attempt>> try_run(std::string_view ddl);
  Result<std::optional<Attempt>> run_on_shadow(std::string_view ddl, StoredSchema before);
  Result<Attempt> try_on_shadow(std::string_view ddl, StoredSchema before);
  Result<ShadowCatalog*> shadow_at(const Schema& base);
  static void compare(Attempt& attempt);
  static std::vector<IndexRef> still_used(const Attempt& attempt);
  static std::vector<env::KeySpan> dropped_by(const Attempt& attempt);

  /// What the new version changes holds from now on: its indexes are filled, by commits that came before.
  Result<void> stamp(Schema& after);
  /// The index as the newest version has it; nullptr: it is gone. Valid as long as `schema`.
  static const Index* find(const Schema& schema, IndexRef ref);
  /// False: nothing is to be changed.
  using Edit = std::function<bool(Table&)>;
  /// Publishes a change of one table that no statement makes. `dropped`: what it leaves behind.
  Result<void> alter(uint64_t table, const Edit& edit, const std::vector<env::KeySpan>& dropped);
  Result<void> set_state(IndexRef ref, IndexState state);
  Result<void> build(IndexRef ref);
  Result<void> fill(IndexRef ref);
  Result<void> retire(IndexRef ref);
  Result<void> drop(IndexRef ref);

  /// ALTER TABLE ... ADD PRIMARY KEY: the rows are written a second time, in their new order; then both change places.
  Result<void> add_primary_key(const AddPrimaryKey& key);
  Result<uint64_t> add_second(const AddPrimaryKey& key);
  Result<void> set_second(uint64_t table, IndexState state);
  Result<uint64_t> fill_second(uint64_t table);
  Result<void> exchange(uint64_t table, uint64_t filled);
  Result<void> drop_second(uint64_t table);

  env::Kv& kv_;
  GatewaySchema& gateway_;
  RowIds& row_ids_;
  const CatalogOptions& options_;
  std::atomic<bool> changing_ = false;     // guards what follows but shadow_
  std::atomic<bool> shadow_busy_ = false;  // guards shadow_
  std::unique_ptr<ShadowCatalog> shadow_;
};

}  // namespace ddb::sql
