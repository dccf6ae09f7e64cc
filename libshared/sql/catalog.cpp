#include "sql/catalog.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "sql/backfill.hpp"
#include "sql/gateway_lease.hpp"
#include "sql/index_entries.hpp"
#include "sql/schema_store.hpp"
#include "sql/shadow_catalog.hpp"

namespace ddb::sql {

namespace {

constexpr int attempts_max = 20;  // of one change, against other gateways' changes
constexpr Duration nap = std::chrono::milliseconds{1};

env::KeySpan span_of(Bytes prefix) {
  Bytes end = prefix_end(prefix);
  return {std::move(prefix), std::move(end)};
}

/// Everything a table has: its rows and all of its indexes.
env::KeySpan table_span(const Table& table) {
  Bytes start;
  codec::append_key_prefix(start, table.id, 0);
  Bytes end;
  codec::append_key_prefix(end, table.id + 1, 0);
  return {std::move(start), std::move(end)};
}

/// Held by one caller at a time; waiting suspends the caller only.
class Turn {
 public:
  Turn(std::atomic<bool>& busy, const CatalogOptions& options) : busy_{busy} {
    while (busy_.exchange(true)) options.sleep(nap);
  }
  ~Turn() { busy_ = false; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  std::atomic<bool>& busy_;
};

/// What a statement on the shadow changed.
struct Difference {
  std::vector<std::pair<uint64_t, uint64_t>> new_indexes;      // table and index; of tables that were there before
  std::vector<std::pair<uint64_t, uint64_t>> dropped_indexes;  // of tables that stay
  std::vector<uint64_t> dropped_tables;
  std::vector<std::string> grown_tables;                       // with a new column
};

Difference compare(const Schema& before, const Schema& after) {
  Difference difference;
  for (const auto& [id, old] : before.tables) {
    const auto at = after.tables.find(id);
    if (at == after.tables.end()) {
      difference.dropped_tables.push_back(id);
      continue;
    }
    const Table& table = at->second;
    if (table.next_column_id != old.next_column_id) difference.grown_tables.push_back(old.name);
    for (const auto& index : table.indexes)
      if (old.index(index.id) == nullptr) difference.new_indexes.emplace_back(id, index.id);
    for (const auto& index : old.indexes)
      if (table.index(index.id) == nullptr) difference.dropped_indexes.emplace_back(id, index.id);
  }
  return difference;
}

Index* find_index(Schema& schema, uint64_t table, uint64_t index) {
  const auto at = schema.tables.find(table);
  if (at == schema.tables.end()) return nullptr;
  const auto found = std::ranges::find(at->second.indexes, index, &Index::id);
  return found == at->second.indexes.end() ? nullptr : &*found;
}

std::unexpected<Error> moved_on() {
  return fail(Code::conflict, "the schema has changed since the transaction began", "restart the transaction");
}

}  // namespace

struct Catalog::Impl {
  Impl(env::Meta& with_meta, env::Kv& with_kv, CatalogOptions with) : meta{with_meta}, kv{with_kv}, options{std::move(with)} {}

  env::Meta& meta;
  env::Kv& kv;
  CatalogOptions options;
  SchemaStore store{meta};
  GatewayLease lease{meta, options.gateway, options.lease_ttl, options.now};
  RowIds row_ids{meta, static_cast<uint64_t>(options.now().time_since_epoch().count())};

  std::atomic<bool> changing = false;     // one DDL at a time
  std::atomic<bool> shadow_busy = false;  // guards `shadow`
  std::unique_ptr<ShadowCatalog> shadow;
  std::atomic<bool> refreshing = false;   // guards `refreshed`
  Instant refreshed{};

  struct Pin {
    uint64_t version;
    uint64_t epoch;  // of the lease
    Instant since;   // the version was superseded; zero: it is current
    bool committing = false;
  };
  mutable std::mutex mutex;  // of what follows; never held across a request
  std::shared_ptr<const Schema> schema = std::make_shared<const Schema>();
  Revision revision;
  std::map<uint64_t, Pin> pins;
  uint64_t next_pin = 1;

  // Lease and version.

  StoredSchema current() const {
    const std::lock_guard lock{mutex};
    return {*schema, revision};
  }

  void take_over(StoredSchema stored) {
    const Instant now = options.now();
    const std::lock_guard lock{mutex};
    if (stored.schema.version < schema->version) return;
    for (auto& [id, pin] : pins)
      if (pin.since == Instant{} && pin.version < stored.schema.version) pin.since = now;
    revision = stored.revision;
    schema = std::make_shared<const Schema>(std::move(stored.schema));
  }

  /// G3: a lease, and the schema as it was when the lease began.
  Result<void> enter() {
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
      auto stored = store.load();
      if (!stored) return std::unexpected(stored.error());
      const auto entered = lease.enter(stored->schema.version, stored->revision);
      if (!entered) return std::unexpected(entered.error());
      if (!*entered) continue;
      take_over(std::move(*stored));
      return {};
    }
    return fail(Code::try_again, "the schema keeps changing", "try again");
  }

  Result<void> ensure_lease() {
    if (lease.valid()) return {};
    const auto kept = lease.keep();
    if (kept && *kept && lease.valid()) return {};
    if (!kept && kept.error().code != Code::unknown_outcome) return std::unexpected(kept.error());
    return enter();
  }

  /// Looks for other gateways' changes.
  Result<void> refresh() {
    const auto stored = store.revision();
    if (!stored) return std::unexpected(stored.error());
    {
      const std::lock_guard lock{mutex};
      if (*stored == revision) return {};
    }
    auto loaded = store.load();
    if (!loaded) return std::unexpected(loaded.error());
    take_over(std::move(*loaded));
    return {};
  }

  /// The oldest version in use here, once transactions on older ones have had their time (G2).
  uint64_t version_in_use() {
    const Instant now = options.now();
    const std::lock_guard lock{mutex};
    uint64_t oldest = schema->version;
    for (auto at = pins.begin(); at != pins.end();) {
      Pin& pin = at->second;
      const bool over = pin.since != Instant{} && now - pin.since >= options.drain_max && !pin.committing;
      if (!over) oldest = std::min(oldest, pin.version);
      at = over ? pins.erase(at) : std::next(at);
    }
    return oldest;
  }

  Result<void> announce() {
    const auto announced = lease.announce(version_in_use());
    if (!announced) return std::unexpected(announced.error());
    return *announced ? Result<void>{} : enter();
  }

  /// G1: until every living gateway is at this version.
  Result<void> wait_for(uint64_t version) {
    const Instant start = options.now();
    for (;;) {
      if (auto done = ensure_lease(); !done) return done;
      if (auto done = announce(); !done) return done;
      const auto lowest = lease.lowest_version(version);
      if (!lowest) return std::unexpected(lowest.error());
      if (*lowest >= version) return {};
      if (options.now() - start > options.change_wait_max)
        return fail(Code::try_again, "a gateway stays at schema version " + std::to_string(*lowest),
                    "end its transactions, or stop it and wait for its lease to run out");
      options.sleep(std::max<Duration>(options.refresh_interval / 10, nap));
    }
  }

  // Changing the schema.

  /// The shadow, at the schema that the change is based on.
  Result<ShadowCatalog*> shadow_at(const Schema& base) {
    if (shadow != nullptr && shadow->schema().version == base.version) return shadow.get();
    auto opened = ShadowCatalog::open(base);
    if (!opened) return std::unexpected(opened.error());
    shadow = std::move(*opened);
    return shadow.get();
  }

  /// Every living gateway is at the newest version there is (G1), which is given.
  Result<StoredSchema> settled() {
    if (auto done = refresh(); !done) return std::unexpected(done.error());
    StoredSchema now = current();
    if (auto done = wait_for(now.schema.version); !done) return std::unexpected(done.error());
    return now;
  }

  /// False: another gateway's change came first.
  Result<bool> save(const StoredSchema& before, const Schema& after, const std::vector<env::KeySpan>& garbage) {
    DDB_ASSERT(after.version == before.schema.version + 1);
    const auto saved = store.save(before, after, garbage);
    if (!saved) return std::unexpected(saved.error());
    if (!*saved) return false;
    take_over({after, *saved});
    return true;
  }

  /// Runs `change` on the newest schema until it is published; false from it: there is nothing to do.
  Result<void> change(const std::function<bool(Schema&)>& change) {
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
      const auto before = settled();
      if (!before) return std::unexpected(before.error());
      Schema after = before->schema;
      if (!change(after)) return {};
      ++after.version;
      const auto saved = save(*before, after, {});
      if (!saved) return std::unexpected(saved.error());
      if (!*saved) continue;
      if (auto done = wait_for(after.version); !done) return done;
      const Turn turn{shadow_busy, options};
      if (shadow != nullptr && shadow->schema().version == before->schema.version) shadow->adopt(std::move(after));
      return {};
    }
    return fail(Code::try_again, "the schema keeps changing", "try again");
  }

  Result<void> set_index_state(uint64_t table, uint64_t index, IndexState state) {
    return change([&](Schema& schema_now) {
      Index* found = find_index(schema_now, table, index);
      if (found == nullptr || found->state == state) return false;
      found->state = state;
      schema_now.tables.at(table).version = schema_now.version + 1;
      return true;
    });
  }

  /// Down the ladder, so that writers a version behind leave no entry that nobody removes.
  Result<void> retire_index(uint64_t table, uint64_t index) {
    for (const auto state : {IndexState::write_only, IndexState::delete_only}) {
      const StoredSchema now = current();
      const auto at = now.schema.tables.find(table);
      const Index* found = at == now.schema.tables.end() ? nullptr : at->second.index(index);
      if (found == nullptr || found->state <= state) continue;
      if (auto done = set_index_state(table, index, state); !done) return done;
    }
    return {};
  }

  struct Attempt {
    StoredSchema before;
    Schema after;
    Difference difference;
  };

  /// Runs a statement on the shadow, with SQLite's eyes opened to what tables hold. The caller has the shadow's turn.
  Result<Attempt> try_on_shadow(std::string_view ddl, StoredSchema before) {
    Attempt attempt{.before = std::move(before), .after = {}, .difference = {}};
    auto base = shadow_at(attempt.before.schema);
    if (!base) return std::unexpected(base.error());
    auto after = (*base)->execute(ddl);
    if (!after) return std::unexpected(after.error());
    attempt.difference = compare(attempt.before.schema, *after);
    std::map<std::string, Row> samples;
    for (const auto& name : attempt.difference.grown_tables) {
      auto row = sample_row(kv, *attempt.before.schema.find_table(name));
      if (!row) return std::unexpected(row.error());
      if (*row) samples.emplace(name, std::move(**row));
    }
    if (!samples.empty()) {
      if (auto done = (*base)->undo(); !done) return std::unexpected(done.error());
      after = (*base)->execute(ddl, samples);
      if (!after) return std::unexpected(after.error());
    }
    attempt.after = std::move(*after);
    for (const auto& [table, index] : attempt.difference.new_indexes)
      find_index(attempt.after, table, index)->state = IndexState::delete_only;
    return attempt;
  }

  static std::vector<env::KeySpan> garbage_of(const Attempt& attempt) {
    std::vector<env::KeySpan> garbage;
    for (const uint64_t id : attempt.difference.dropped_tables)
      garbage.push_back(table_span(attempt.before.schema.tables.at(id)));
    for (const auto& [table, index] : attempt.difference.dropped_indexes) {
      const Table& old = attempt.before.schema.tables.at(table);
      garbage.push_back(span_of(index_prefix(old, *old.index(index))));
    }
    return garbage;
  }

  using Ids = std::vector<std::pair<uint64_t, uint64_t>>;
  /// Dropped indexes that somebody may still read or fill.
  static Ids still_used(const Attempt& attempt) {
    Ids used = attempt.difference.dropped_indexes;
    std::erase_if(used, [&](const auto& ids) {
      return attempt.before.schema.tables.at(ids.first).index(ids.second)->state == IndexState::delete_only;
    });
    return used;
  }

  /// One attempt at a statement. nullopt: it has to be made again.
  Result<std::optional<Attempt>> run(std::string_view ddl) {
    auto before = settled();
    if (!before) return std::unexpected(before.error());
    auto attempt = run_on_shadow(ddl, std::move(*before));
    if (!attempt) return attempt;
    if (!*attempt) return std::optional<Attempt>{};
    if (const auto used = still_used(**attempt); !used.empty()) {
      for (const auto& [table, index] : used)
        if (auto done = retire_index(table, index); !done) return std::unexpected(done.error());
      return std::optional<Attempt>{};
    }
    if (auto done = wait_for((*attempt)->after.version); !done) return std::unexpected(done.error());
    return attempt;
  }

  /// Saves what the statement does, unless indexes must be retired first. nullopt: another change came in between.
  Result<std::optional<Attempt>> run_on_shadow(std::string_view ddl, StoredSchema before) {
    const Turn turn{shadow_busy, options};
    auto attempt = try_on_shadow(ddl, std::move(before));
    if (!attempt) return std::unexpected(attempt.error());
    if (attempt->after.version == attempt->before.schema.version) return std::optional{std::move(*attempt)};
    if (!still_used(*attempt).empty()) {
      if (auto done = shadow->undo(); !done) return std::unexpected(done.error());
      return std::optional{std::move(*attempt)};
    }
    const auto saved = save(attempt->before, attempt->after, garbage_of(*attempt));
    if (saved && *saved) {
      shadow->adopt(attempt->after);
      return std::optional{std::move(*attempt)};
    }
    shadow.reset();  // the next attempt starts from what the store says
    if (!saved) return std::unexpected(saved.error());
    return std::optional<Attempt>{};
  }

  Result<void> execute(std::string_view ddl) {
    const Turn turn{changing, options};
    if (auto done = ensure_lease(); !done) return done;
    for (int attempts = 0; attempts < attempts_max; ++attempts) {
      auto attempt = run(ddl);
      if (!attempt) return std::unexpected(attempt.error());
      if (!*attempt) continue;
      return finish(**attempt);
    }
    return fail(Code::try_again, "the schema keeps changing", "try again");
  }

  Result<void> finish(const Attempt& attempt) {
    for (const uint64_t table : attempt.difference.dropped_tables) {
      row_ids.forget(table);
      if (auto done = store.forget_row_ids(table); !done) return done;
    }
    for (const auto& [table, index] : attempt.difference.new_indexes)
      if (auto done = build_index(table, index); !done) return done;
    return collect_garbage();
  }

  Result<void> build_index(uint64_t table, uint64_t index) {
    if (auto done = set_index_state(table, index, IndexState::write_only); !done) return done;
    const auto filled = fill_index(table, index);
    if (filled) return set_index_state(table, index, IndexState::public_);
    if (auto done = drop_index(table, index); !done) return done;
    return filled;
  }

  Result<void> fill_index(uint64_t table, uint64_t index) {
    const auto now = current_schema();
    const auto at = now->tables.find(table);
    const Index* found = at == now->tables.end() ? nullptr : at->second.index(index);
    if (found == nullptr) return fail(Code::failed, "the index was dropped while it was being built");
    if (!found->has_entries()) return {};
    return backfill_index(kv, *now, at->second, *found, options.backfill_rows, [&]() -> Result<void> {
      if (auto held = ensure_lease(); !held) return held;
      const auto latest = current_schema();
      const auto same = latest->tables.find(table);
      const Index* still = same == latest->tables.end() ? nullptr : same->second.index(index);
      if (still == nullptr || still->state != IndexState::write_only)
        return fail(Code::failed, "the index was dropped while it was being built");
      return {};
    });
  }

  /// After a failed build: by its name, as a user would.
  Result<void> drop_index(uint64_t table, uint64_t index) {
    if (auto done = retire_index(table, index); !done) return done;
    const auto now = current_schema();
    const auto at = now->tables.find(table);
    const Index* found = at == now->tables.end() ? nullptr : at->second.index(index);
    if (found == nullptr) return {};
    const std::string ddl = "DROP INDEX main." + quote_name(found->name);
    for (int attempts = 0; attempts < attempts_max; ++attempts) {
      auto attempt = run(ddl);
      if (!attempt) return std::unexpected(attempt.error());
      if (*attempt) return collect_garbage();
    }
    return fail(Code::try_again, "the schema keeps changing", "drop index " + found->name);
  }

  /// Also what a gateway that died has left.
  Result<void> collect_garbage() {
    const auto spans = store.garbage();
    if (!spans) return std::unexpected(spans.error());
    for (const auto& span : *spans) {
      if (auto done = clear_span(kv, span, options.backfill_rows); !done) return done;
      if (auto done = store.cleared(span); !done) return done;
    }
    return {};
  }

  // Pins.

  std::shared_ptr<const Schema> current_schema() const {
    const std::lock_guard lock{mutex};
    return schema;
  }

  Result<void> enter_commit(uint64_t id) {
    if (auto held = ensure_lease(); !held) return held;
    const std::lock_guard lock{mutex};
    const auto at = pins.find(id);
    if (at == pins.end() || at->second.epoch != lease.epoch()) return moved_on();
    at->second.committing = true;
    return {};
  }

  void release(uint64_t id) {
    const std::lock_guard lock{mutex};
    pins.erase(id);
  }

  Result<void> tick() {
    if (lease.due()) {
      const auto kept = lease.keep();
      if (!kept) return std::unexpected(kept.error());
      if (!*kept)
        if (auto done = enter(); !done) return done;
    }
    if (options.now() - refreshed >= options.refresh_interval) {
      refreshed = options.now();
      if (auto done = refresh(); !done) return done;
    }
    return announce();
  }
};

SchemaPin::SchemaPin(SchemaPin&& other) noexcept
    : schema_{std::move(other.schema_)}, catalog_{std::exchange(other.catalog_, nullptr)}, id_{other.id_} {}
SchemaPin& SchemaPin::operator=(SchemaPin&& other) noexcept {
  std::swap(schema_, other.schema_);
  std::swap(catalog_, other.catalog_);
  std::swap(id_, other.id_);
  return *this;
}
SchemaPin::~SchemaPin() { release(); }

Result<void> SchemaPin::enter_commit() {
  DDB_ASSERT(catalog_ != nullptr);
  return catalog_->impl_->enter_commit(id_);
}

void SchemaPin::release() {
  if (catalog_ != nullptr) catalog_->impl_->release(id_);
  catalog_ = nullptr;
  schema_.reset();
}

Catalog::Catalog(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
Catalog::~Catalog() { (void)impl_->lease.leave(); }

Result<std::unique_ptr<Catalog>> Catalog::open(env::Meta& meta, env::Kv& kv, CatalogOptions options) {
  DDB_ASSERT(options.now && options.sleep);
  auto impl = std::make_unique<Impl>(meta, kv, std::move(options));
  if (auto done = impl->enter(); !done) return std::unexpected(done.error());
  return std::unique_ptr<Catalog>{new Catalog{std::move(impl)}};
}

Result<SchemaPin> Catalog::pin() {
  if (auto held = impl_->ensure_lease(); !held) return std::unexpected(held.error());
  const std::lock_guard lock{impl_->mutex};
  SchemaPin pin;
  pin.schema_ = impl_->schema;
  pin.catalog_ = this;
  pin.id_ = impl_->next_pin++;
  impl_->pins.emplace(pin.id_, Impl::Pin{impl_->schema->version, impl_->lease.epoch(), {}, false});
  return pin;
}

std::shared_ptr<const Schema> Catalog::schema() const { return impl_->current_schema(); }
Result<void> Catalog::execute(std::string_view ddl) { return impl_->execute(ddl); }
RowIds& Catalog::row_ids() { return impl_->row_ids; }

Result<void> Catalog::with_shadow(const std::function<Result<void>(sqlite3*)>& use) {
  const Turn turn{impl_->shadow_busy, impl_->options};
  const auto now = impl_->current_schema();
  auto shadow = impl_->shadow_at(*now);
  if (!shadow) return std::unexpected(shadow.error());
  return use((*shadow)->connection());
}

Result<void> Catalog::tick() {
  if (impl_->refreshing.exchange(true)) return {};
  auto done = impl_->tick();
  impl_->refreshing = false;
  return done;
}

}  // namespace ddb::sql
