#include "sql/schema_store.hpp"

#include <string>
#include <utility>

#include "codec/archive.hpp"
#include "env/dropped.hpp"

namespace ddb::sql {

namespace {

struct SchemaHead {
  uint64_t version = 0;
  uint64_t next_id = 1;
  static constexpr auto fields() { return std::tuple{&SchemaHead::version, &SchemaHead::next_id}; }
};

constexpr std::string_view schema_prefix = "schema/";
constexpr std::string_view table_prefix = "schema/table/";
constexpr std::string_view view_prefix = "schema/view/";
constexpr std::string_view trigger_prefix = "schema/trigger/";

Bytes object_key(std::string_view prefix, uint64_t id) { return Bytes{prefix} + std::to_string(id); }
Bytes number_key(std::string_view name) { return "setting/" + Bytes{name}; }
Bytes dropped_key(const env::KeySpan& span) { return Bytes{env::dropped_prefix} + to_hex(span.start); }

env::MetaOp put(Bytes key, Bytes value) { return {.key = std::move(key), .value = std::move(value), .end = {}, .lease = {}}; }
env::MetaOp erase(Bytes key) { return {.key = std::move(key), .value = std::nullopt, .end = {}, .lease = {}}; }

std::unexpected<Error> damaged(const Bytes& key) {
  return fail(Code::bad_data, "metadata key " + key + " does not hold what it should");
}

template <class Object>
Result<void> read_object(const env::MetaEntry& entry, std::map<uint64_t, Object>& objects) {
  auto object = codec::decode<Object>(entry.value);
  if (!object) return damaged(entry.key);
  objects.insert_or_assign(object->id, std::move(*object));
  return {};
}

Result<void> read_entry(const env::MetaEntry& entry, StoredSchema& stored) {
  if (entry.key == SchemaStore::version_key) {
    const auto head = codec::decode<SchemaHead>(entry.value);
    if (!head) return damaged(entry.key);
    stored.schema.version = head->version;
    stored.schema.next_id = head->next_id;
    stored.revision = entry.mod_revision;
    return {};
  }
  if (entry.key.starts_with(table_prefix)) return read_object(entry, stored.schema.tables);
  if (entry.key.starts_with(view_prefix)) return read_object(entry, stored.schema.views);
  if (entry.key.starts_with(trigger_prefix)) return read_object(entry, stored.schema.triggers);
  return {};  // a newer program's
}

template <class Object>
void write_difference(std::string_view prefix, const std::map<uint64_t, Object>& before,
                      const std::map<uint64_t, Object>& after, std::vector<env::MetaOp>& ops) {
  for (const auto& [id, object] : after) {
    const auto old = before.find(id);
    if (old == before.end() || old->second != object) ops.push_back(put(object_key(prefix, id), codec::encode(object)));
  }
  for (const auto& [id, object] : before)
    if (!after.contains(id)) ops.push_back(erase(object_key(prefix, id)));
}

bool same_schema(const Schema& a, const Schema& b) {
  return a.version == b.version && a.next_id == b.next_id && a.tables == b.tables && a.views == b.views &&
         a.triggers == b.triggers;
}

}  // namespace

Result<StoredSchema> SchemaStore::load() {
  const auto range = meta_.range(schema_prefix, prefix_end(schema_prefix));
  if (!range) return std::unexpected(range.error());
  StoredSchema stored;
  for (const auto& entry : range->entries)
    if (auto done = read_entry(entry, stored); !done) return std::unexpected(done.error());
  return stored;
}

Result<Revision> SchemaStore::revision() {
  const auto range = meta_.range(version_key, {});
  if (!range) return std::unexpected(range.error());
  return range->entries.empty() ? Revision{} : range->entries.front().mod_revision;
}

Result<Revision> SchemaStore::save(const StoredSchema& before, const Schema& after, const std::vector<env::KeySpan>& dropped) {
  std::vector<env::MetaOp> ops;
  ops.push_back(put(version_key, codec::encode(SchemaHead{after.version, after.next_id})));
  write_difference(table_prefix, before.schema.tables, after.tables, ops);
  write_difference(view_prefix, before.schema.views, after.views, ops);
  write_difference(trigger_prefix, before.schema.triggers, after.triggers, ops);
  for (const auto& span : dropped) {
    ops.push_back(put(dropped_key(span), codec::encode(env::Dropped{.spans = {span}, .schema_version = after.version})));
  }
  const auto done = meta_.txn({{version_key, before.revision}}, std::move(ops));
  if (done) return done->succeeded ? done->revision : Revision{};
  if (done.error().code != Code::unknown_outcome) return std::unexpected(done.error());
  return settle(after);
}

/// After an unknown outcome: the change is there, or it lost.
Result<Revision> SchemaStore::settle(const Schema& after) {
  const auto now = load();
  if (!now) return std::unexpected(now.error());
  return same_schema(now->schema, after) ? now->revision : Revision{};
}

Result<void> SchemaStore::forget_row_ids(uint64_t table) {
  const auto done = meta_.txn({}, {erase("rowid/" + std::to_string(table))});
  if (!done) return std::unexpected(done.error());
  return {};
}

Result<int64_t> SchemaStore::number(std::string_view name) {
  const Bytes key = number_key(name);
  const auto range = meta_.range(key, {});
  if (!range) return std::unexpected(range.error());
  if (range->entries.empty()) return 0;
  const auto value = codec::decode<int64_t>(range->entries.front().value);
  if (!value) return damaged(key);
  return *value;
}

Result<void> SchemaStore::set_number(std::string_view name, int64_t value) {
  const auto done = meta_.txn({}, {put(number_key(name), codec::encode(value))});
  if (!done) return std::unexpected(done.error());
  return {};
}

}  // namespace ddb::sql
