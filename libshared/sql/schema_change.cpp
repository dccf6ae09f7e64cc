#include "sql/schema_change.hpp"

#include <algorithm>
#include <map>

#include "sql/backfill.hpp"
#include "sql/index_entries.hpp"

namespace ddb::sql {

namespace {

constexpr int attempts_max = 20;  // of one change, against other gateways' changes

std::unexpected<Error> keeps_changing() { return fail(Code::try_again, "the schema keeps changing", "try again"); }
std::unexpected<Error> dropped_meanwhile() { return fail(Code::failed, "the index was dropped while it was being built"); }

/// Everything a table has: its rows and all of its indexes.
env::KeySpan table_span(const Table& table) {
  Bytes start;
  codec::append_key_prefix(start, table.id, 0);
  Bytes end;
  codec::append_key_prefix(end, table.id + 1, 0);
  return {std::move(start), std::move(end)};
}

env::KeySpan span_of(Bytes prefix) {
  Bytes end = prefix_end(prefix);
  return {std::move(prefix), std::move(end)};
}

env::KeySpan index_span(const Table& table, const Index& index) { return span_of(index_prefix(table, index)); }

/// While a table's rows are on their way to another order it may be dropped, and not changed.
Result<void> none_is_moving(const Schema& before, const Schema& after) {
  for (const auto& [id, table] : before.tables) {
    const auto at = after.tables.find(id);
    if (table.second.empty() || at == after.tables.end() || at->second == table) continue;
    return fail(Code::try_again, "table " + table.name + " is being clustered by its new primary key",
                "try again when that is done; if nobody is at it, repeat the ALTER TABLE");
  }
  return {};
}

}  // namespace

const Index* SchemaChanger::find(const Schema& schema, IndexRef ref) {
  const auto at = schema.tables.find(ref.table);
  return at == schema.tables.end() ? nullptr : at->second.index(ref.index);
}

Result<void> SchemaChanger::with_shadow(const std::function<Result<void>(sqlite3*)>& use) {
  const Turn turn{shadow_busy_, options_};
  auto shadow = shadow_at(*gateway_.schema());
  if (!shadow) return std::unexpected(shadow.error());
  return use((*shadow)->connection());
}

Result<void> SchemaChanger::execute(std::string_view ddl) {
  const Turn turn{changing_, options_};
  if (const auto key = parse_add_primary_key(ddl)) return add_primary_key(*key);
  const auto done = run(ddl);
  if (!done) return std::unexpected(done.error());
  for (const uint64_t table : done->dropped_tables) {
    row_ids_.forget(table);
    if (auto forgot = gateway_.store().forget_row_ids(table); !forgot) return forgot;
  }
  for (const auto& index : done->new_indexes)
    if (auto built = build(index); !built) return built;
  return {};
}

// A statement on the shadow.

Result<SchemaChanger::Attempt> SchemaChanger::run(std::string_view ddl) {
  if (auto held = gateway_.ensure_lease(); !held) return std::unexpected(held.error());
  for (int attempts = 0; attempts < attempts_max; ++attempts) {
    auto attempt = try_run(ddl);
    if (!attempt) return std::unexpected(attempt.error());
    if (*attempt) return std::move(**attempt);
  }
  return keeps_changing();
}

/// nullopt: it has to be tried again.
Result<std::optional<SchemaChanger::Attempt>> SchemaChanger::try_run(std::string_view ddl) {
  auto before = gateway_.settled();
  if (!before) return std::unexpected(before.error());
  auto attempt = run_on_shadow(ddl, std::move(*before));
  if (!attempt || !*attempt) return attempt;
  if (const auto used = still_used(**attempt); !used.empty()) {
    for (const auto& index : used)
      if (auto done = retire(index); !done) return std::unexpected(done.error());
    return std::optional<Attempt>{};
  }
  if (auto done = gateway_.wait_for((*attempt)->after.version); !done) return std::unexpected(done.error());
  return attempt;
}

/// Publishes what the statement does, unless indexes must be retired first. nullopt: another change came in between.
Result<std::optional<SchemaChanger::Attempt>> SchemaChanger::run_on_shadow(std::string_view ddl, StoredSchema before) {
  const Turn turn{shadow_busy_, options_};
  auto attempt = try_on_shadow(ddl, std::move(before));
  if (!attempt) return std::unexpected(attempt.error());
  if (!attempt->changes()) return std::optional{std::move(*attempt)};
  if (const auto free = none_is_moving(attempt->before.schema, attempt->after); !free) {
    if (auto done = shadow_->undo(); !done) return std::unexpected(done.error());
    return std::unexpected(free.error());
  }
  if (!still_used(*attempt).empty()) {
    if (auto done = shadow_->undo(); !done) return std::unexpected(done.error());
    return std::optional{std::move(*attempt)};
  }
  if (auto stamped = stamp(attempt->after); !stamped) {
    shadow_.reset();
    return std::unexpected(stamped.error());
  }
  const auto saved = gateway_.save(attempt->before, attempt->after, dropped_by(*attempt));
  if (saved && *saved) {
    shadow_->adopt(attempt->after);
    return std::optional{std::move(*attempt)};
  }
  shadow_.reset();  // the next attempt starts from what the store says
  if (!saved) return std::unexpected(saved.error());
  return std::optional<Attempt>{};
}

/// With SQLite's eyes opened to what tables hold.
Result<SchemaChanger::Attempt> SchemaChanger::try_on_shadow(std::string_view ddl, StoredSchema before) {
  auto shadow = shadow_at(before.schema);
  if (!shadow) return std::unexpected(shadow.error());
  auto after = (*shadow)->execute(ddl);
  if (!after) return std::unexpected(after.error());
  Attempt attempt{.before = std::move(before), .after = std::move(*after), .new_indexes = {}, .dropped_indexes = {},
                  .dropped_tables = {}, .grown_tables = {}};
  compare(attempt);
  std::map<std::string, Row> samples;
  for (const auto& name : attempt.grown_tables) {
    auto row = sample_row(kv_, *attempt.before.schema.find_table(name));
    if (!row) return std::unexpected(row.error());
    if (*row) samples.emplace(name, std::move(**row));
  }
  if (!samples.empty()) {
    if (auto done = (*shadow)->undo(); !done) return std::unexpected(done.error());
    after = (*shadow)->execute(ddl, samples);
    if (!after) return std::unexpected(after.error());
    attempt.after = std::move(*after);
  }
  for (const auto& ref : attempt.new_indexes)
    for (auto& index : attempt.after.tables.at(ref.table).indexes)
      if (index.id == ref.index) index.state = IndexState::delete_only;
  return attempt;
}

/// The shadow, at the schema that a change is based on.
Result<ShadowCatalog*> SchemaChanger::shadow_at(const Schema& base) {
  if (shadow_ != nullptr && shadow_->schema().version == base.version) return shadow_.get();
  auto opened = ShadowCatalog::open(base);
  if (!opened) return std::unexpected(opened.error());
  shadow_ = std::move(*opened);
  return shadow_.get();
}

void SchemaChanger::compare(Attempt& attempt) {
  for (const auto& [id, old] : attempt.before.schema.tables) {
    const auto at = attempt.after.tables.find(id);
    if (at == attempt.after.tables.end()) {
      attempt.dropped_tables.push_back(id);
      continue;
    }
    const Table& table = at->second;
    if (table.next_column_id != old.next_column_id) attempt.grown_tables.push_back(old.name);
    for (const auto& index : table.indexes)
      if (old.index(index.id) == nullptr) attempt.new_indexes.push_back({id, index.id});
    for (const auto& index : old.indexes)
      if (table.index(index.id) == nullptr) attempt.dropped_indexes.push_back({id, index.id});
  }
}

/// Dropped indexes that somebody may still read or fill.
std::vector<SchemaChanger::IndexRef> SchemaChanger::still_used(const Attempt& attempt) {
  std::vector<IndexRef> used = attempt.dropped_indexes;
  std::erase_if(used, [&](IndexRef ref) { return find(attempt.before.schema, ref)->state == IndexState::delete_only; });
  return used;
}

std::vector<env::KeySpan> SchemaChanger::dropped_by(const Attempt& attempt) {
  std::vector<env::KeySpan> dropped;
  const auto& tables = attempt.before.schema.tables;
  for (const uint64_t id : attempt.dropped_tables) dropped.push_back(table_span(tables.at(id)));
  for (const auto& ref : attempt.dropped_indexes)
    dropped.push_back(index_span(tables.at(ref.table), *find(attempt.before.schema, ref)));
  return dropped;
}

Result<void> SchemaChanger::stamp(Schema& after) {
  const auto now = kv_.now();
  if (!now) return std::unexpected(now.error());
  for (auto& [id, table] : after.tables) {
    if (table.version == after.version) table.since = *now;
  }
  return {};
}

Result<void> SchemaChanger::alter(uint64_t id, const Edit& edit, const std::vector<env::KeySpan>& dropped) {
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    const auto before = gateway_.settled();
    if (!before) return std::unexpected(before.error());
    Schema after = before->schema;
    ++after.version;
    const auto table = after.tables.find(id);
    if (table == after.tables.end() || !edit(table->second)) return {};
    table->second.version = after.version;
    if (auto stamped = stamp(after); !stamped) return stamped;
    const auto saved = gateway_.save(*before, after, dropped);
    if (!saved) return std::unexpected(saved.error());
    if (!*saved) continue;
    const bool same_text = table->second.sql == before->schema.tables.at(id).sql;
    {
      const Turn turn{shadow_busy_, options_};
      if (!same_text) shadow_.reset();
      if (shadow_ != nullptr && shadow_->schema().version == before->schema.version) shadow_->adopt(after);
    }
    return gateway_.wait_for(after.version);
  }
  return keeps_changing();
}

// An index on its way.

Result<void> SchemaChanger::set_state(IndexRef ref, IndexState state) {
  const auto edit = [&](Table& table) {
    const auto index = std::ranges::find(table.indexes, ref.index, &Index::id);
    return index != table.indexes.end() && std::exchange(index->state, state) != state;
  };
  return alter(ref.table, edit, {});
}

/// A failed build leaves no index behind.
Result<void> SchemaChanger::build(IndexRef ref) {
  if (auto done = set_state(ref, IndexState::write_only); !done) return done;
  auto filled = fill(ref);
  if (filled) return set_state(ref, IndexState::public_);
  if (auto done = drop(ref); !done) return done;
  return filled;
}

Result<void> SchemaChanger::fill(IndexRef ref) {
  const auto schema = gateway_.schema();
  const Index* index = find(*schema, ref);
  if (index == nullptr) return dropped_meanwhile();
  if (!index->has_entries()) return {};
  const auto guard = [&]() -> Result<void> {
    if (auto held = gateway_.ensure_lease(); !held) return held;
    const auto latest = gateway_.schema();
    const Index* still = find(*latest, ref);
    return still != nullptr && still->state == IndexState::write_only ? Result<void>{} : dropped_meanwhile();
  };
  return backfill_index(kv_, *schema, schema->tables.at(ref.table), *index, options_.backfill_rows, guard);
}

/// Down the ladder, so that writers a version behind leave no entry that nobody removes.
Result<void> SchemaChanger::retire(IndexRef ref) {
  for (const auto state : {IndexState::write_only, IndexState::delete_only}) {
    const auto schema = gateway_.schema();
    const Index* index = find(*schema, ref);
    if (index == nullptr || index->state <= state) continue;
    if (auto done = set_state(ref, state); !done) return done;
  }
  return {};
}

/// By its name, as a user would.
Result<void> SchemaChanger::drop(IndexRef ref) {
  const auto schema = gateway_.schema();
  const Index* index = find(*schema, ref);
  if (index == nullptr) return {};
  if (auto done = run("DROP INDEX main." + quote_name(index->name)); !done) return std::unexpected(done.error());
  return {};
}

// Rows on their way to another order: delete_only, write_only and back as for an index, with an exchange at the top. Who is a
// version behind it reads the old rows, who is there the new ones, and both write both.

namespace {

std::unexpected<Error> given_up() { return fail(Code::failed, "the table was dropped, or another gateway gave its new key up"); }

bool has_exchanged(const Table& table) { return !table.primary_key.empty(); }

std::vector<env::KeySpan> spans_of_second(const Table& table) {
  std::vector<env::KeySpan> spans;
  for (const Table& second : table.second) {
    spans.push_back(span_of(row_prefix(second)));
    for (const auto& index : second.indexes) spans.push_back(index_span(second, index));
  }
  return spans;
}

}  // namespace

/// Goes on where a gateway that is gone may have left off.
Result<void> SchemaChanger::add_primary_key(const AddPrimaryKey& key) {
  if (auto held = gateway_.ensure_lease(); !held) return held;
  const auto table = add_second(key);
  if (!table) return std::unexpected(table.error());
  const auto filled = fill_second(*table);
  const auto exchanged = filled ? exchange(*table, *filled) : std::unexpected(filled.error());
  if (auto done = drop_second(*table); !done) return done;
  return exchanged;
}

Result<uint64_t> SchemaChanger::add_second(const AddPrimaryKey& key) {
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    const auto before = gateway_.settled();
    if (!before) return std::unexpected(before.error());
    const Table* table = before->schema.find_table(key.table);
    if (table != nullptr && !table->second.empty()) return table->id;
    Schema after = before->schema;
    ++after.version;
    auto second = clustered_by(key, before->schema, after.next_id);
    if (!second) return std::unexpected(second.error());
    Table& changed = after.tables.at(table->id);
    changed.version = second->version = after.version;
    changed.second = {std::move(*second)};
    changed.second_state = IndexState::delete_only;
    if (auto stamped = stamp(after); !stamped) return std::unexpected(stamped.error());
    const auto saved = gateway_.save(*before, after, {});
    if (!saved) return std::unexpected(saved.error());
    if (!*saved) continue;
    {
      const Turn turn{shadow_busy_, options_};
      shadow_.reset();  // ids were drawn that it does not know of
    }
    if (auto done = gateway_.wait_for(after.version); !done) return std::unexpected(done.error());
    return changed.id;
  }
  return keeps_changing();
}

Result<void> SchemaChanger::set_second(uint64_t table, IndexState state) {
  return alter(table, [&](Table& t) { return !t.second.empty() && std::exchange(t.second_state, state) != state; }, {});
}

/// The table's version all the while: nobody has let go of what is filled.
Result<uint64_t> SchemaChanger::fill_second(uint64_t id) {
  const auto now = [&] {
    const auto schema = gateway_.schema();
    return schema->tables.contains(id) ? schema->tables.at(id) : Table{};
  };
  if (has_exchanged(now())) return now().version;
  if (auto done = set_second(id, IndexState::write_only); !done) return std::unexpected(done.error());
  const auto schema = gateway_.schema();
  const Table table = now();
  if (table.second.empty() || has_exchanged(table)) return given_up();
  const auto guard = [&]() -> Result<void> {
    if (auto held = gateway_.ensure_lease(); !held) return held;
    return now().version == table.version ? Result<void>{} : given_up();
  };
  if (auto filled = backfill_second(kv_, *schema, table, options_.backfill_rows, guard); !filled) return std::unexpected(filled.error());
  return table.version;
}

Result<void> SchemaChanger::exchange(uint64_t id, uint64_t filled) {
  bool exchanged = false;
  const auto edit = [&](Table& t) {
    exchanged = has_exchanged(t);
    if (exchanged || t.version != filled || t.second.empty()) return false;
    Table old = std::exchange(t, Table{t.second.front()});
    old.second.clear();
    t.second = {std::move(old)};
    t.second_state = IndexState::write_only;
    return exchanged = true;
  };
  if (auto done = alter(id, edit, {}); !done) return done;
  return exchanged ? Result<void>{} : given_up();
}

/// Down the ladder, as an index.
Result<void> SchemaChanger::drop_second(uint64_t id) {
  if (auto done = set_second(id, IndexState::delete_only); !done) return done;
  const auto schema = gateway_.schema();
  const auto table = schema->tables.find(id);
  if (table == schema->tables.end()) return {};
  const auto edit = [](Table& t) {
    const bool had = !t.second.empty();
    t.second.clear();
    return had;
  };
  return alter(id, edit, spans_of_second(table->second));
}

}  // namespace ddb::sql
