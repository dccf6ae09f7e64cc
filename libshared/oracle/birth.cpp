// The state that a new oracle starts from, and the check that an old one is whole.
#include "oracle/machine.hpp"

namespace ddb::oracle {

namespace {

/// Below every timestamp: zero is none.
constexpr Timestamp first_mark{1};
constexpr Revision first_revision{1};

bool empty(env::State& state, env::Table table, BytesView prefix) {
  const auto cursor = state.cursor(table);
  return !cursor->seek(prefix) || !cursor->key().starts_with(prefix);
}

/// The first row that its checksum denies.
std::optional<Bytes> damaged_row(env::State& state, env::Table table, BytesView prefix) {
  const auto cursor = state.cursor(table);
  for (bool on = cursor->seek(prefix); on && cursor->key().starts_with(prefix); on = cursor->next())
    if (!unseal(cursor->key(), cursor->value())) return Bytes{cursor->key()};
  return std::nullopt;
}

}  // namespace

void found(const proto::FoundingRecord& record, uint32_t replicas, env::WriteBatch& out) {
  Record start;
  start.cluster = record.cluster;
  start.mark = first_mark;
  start.revision = first_revision;
  put_row(out, env::Table::range, Bytes{record_key}, start);

  Members members;
  for (const auto& member : record.members) {
    members.list.push_back({ReplicaId{members.list.size() + 1}, member.store, {}, member.address, 0});
  }
  put_row(out, env::Table::range, Bytes{members_key}, members);

  env::MetaEntry config{{}, std::to_string(replicas), first_revision, first_revision, 1, {}};
  put_row(out, env::Table::data, Bytes{proto::config_replicas}, config);
  config.key = proto::config_replicas;
  put_row(out, env::Table::txn, history_key(first_revision), Events{{{false, config}}});
}

proto::RangeDescriptor founding_descriptor(const proto::FoundingRecord& record) {
  proto::RangeDescriptor descriptor;
  descriptor.id = proto::oracle_range;
  descriptor.epoch = {1, 1};
  for (const auto& member : record.members) {
    descriptor.replicas.push_back({ReplicaId{descriptor.replicas.size() + 1}, member.store, {}, proto::ReplicaRole::voter});
  }
  descriptor.next_replica = ReplicaId{record.members.size() + 1};
  return descriptor;
}

std::vector<env::TableSpan> Machine::spans(const proto::RangeDescriptor&) const {
  return {{env::Table::range, Bytes{machine_rows}, prefix_end(machine_rows)}, {env::Table::data, {}, {}}, {env::Table::txn, {}, {}}};
}

Result<void> check(env::State& state) {
  for (const BytesView key : {record_key, members_key}) {
    const auto sealed = state.get(env::Table::range, key);
    if (sealed && unseal(key, *sealed)) continue;
    // A member that waits for its first snapshot has neither, and nothing else either.
    if (!sealed && empty(state, env::Table::range, machine_rows) && empty(state, env::Table::data, {})) return {};
    return fail(Code::bad_data, "the oracle's record, with the mark below which timestamps are given out, is gone or damaged",
                "start this member from an empty directory, as a new one");
  }
  for (const auto& [table, prefix] : {std::pair{env::Table::range, machine_rows}, {env::Table::data, BytesView{}}, {env::Table::txn, BytesView{}}}) {
    const auto damaged = damaged_row(state, table, prefix);
    if (damaged)
      return fail(Code::bad_data, "the oracle's metadata is damaged at key " + to_hex(*damaged) + " of table " +
                                      std::to_string(static_cast<int>(table)),
                  "start this member from an empty directory, as a new one");
  }
  return {};
}

}  // namespace ddb::oracle
