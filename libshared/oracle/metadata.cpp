#include "oracle/metadata.hpp"

#include <map>

namespace ddb::oracle {

namespace {

using env::MetaEntry;
using env::MetaEvent;
using env::MetaOp;
using env::Table;

/// What a transaction has made of the keys it touched; nullopt: gone.
using Staged = std::map<Bytes, std::optional<MetaEntry>>;

MetaEntry open_entry(BytesView key, BytesView sealed) {
  auto entry = open_row<MetaEntry>(key, sealed);
  entry.key = key;
  return entry;
}

Result<void> check_key(BytesView key) {
  if (key.empty()) return fail(Code::usage, "a metadata key is empty");
  if (key.front() == '\xff') return fail(Code::usage, "a metadata key begins with byte 0xff");
  if (key.size() > meta_key_bytes_max) {
    return fail(Code::too_long, "a metadata key has " + std::to_string(key.size()) + " bytes",
                "the limit is " + std::to_string(meta_key_bytes_max), Bytes{key});
  }
  return {};
}

bool is_span(const MetaOp& op) { return !op.value && !op.end.empty(); }

Bytes lease_key(LeaseId lease, BytesView key) { return row_key(lease_key_rows, lease.value).append(key); }

void stage_put(env::State& state, const MetaOp& op, Revision revision, Staged& staged) {
  const auto found = staged.find(op.key);
  const auto before = found != staged.end() ? found->second : read_entry(state, op.key);
  staged[op.key] = MetaEntry{.key = op.key,
                             .value = *op.value,
                             .create_revision = before ? before->create_revision : revision,
                             .mod_revision = revision,
                             .version = before ? before->version + 1 : 1,
                             .lease = op.lease};
}

void stage_delete(env::State& state, const MetaOp& op, Staged& staged) {
  if (!is_span(op)) {
    staged[op.key] = std::nullopt;
    return;
  }
  for (auto& [key, entry] : staged) {
    if (covers(op.key, op.end, key)) entry = std::nullopt;
  }
  const auto cursor = state.cursor(Table::data);
  for (bool on = cursor->seek(op.key); on && cursor->key() < op.end; on = cursor->next()) {
    staged[Bytes{cursor->key()}] = std::nullopt;
  }
}

/// Keeps the rows of one key and of its lease in step.
void write_entry(const std::optional<MetaEntry>& before, const std::optional<MetaEntry>& after, const Bytes& key,
                 env::WriteBatch& out) {
  if (before && before->lease) out.erase(Table::range, lease_key(before->lease, key));
  if (!after) {
    out.erase(Table::data, key);
    return;
  }
  if (after->lease) {
    Bytes row = lease_key(after->lease, key);
    Bytes sealed = seal(row, {});
    out.put(Table::range, std::move(row), std::move(sealed));
  }
  MetaEntry row = *after;
  row.key.clear();
  put_row(out, Table::data, key, row);
}

MetaEvent event_of(const std::optional<MetaEntry>& after, const Bytes& key, Revision revision) {
  if (after) return {.deleted = false, .entry = *after};
  return {.deleted = true, .entry = {.key = key, .value = {}, .create_revision = {}, .mod_revision = revision, .version = 0, .lease = {}}};
}

}  // namespace

bool covers(BytesView start, BytesView end, BytesView key) {
  return end.empty() ? key == start : start <= key && key < end;
}

Result<void> check_txn(const proto::MetaTxnRequest& request) {
  if (request.ops.size() > meta_txn_ops_max || request.compares.size() > meta_txn_ops_max) {
    return fail(Code::too_long, "a metadata transaction has more than " + std::to_string(meta_txn_ops_max) +
                                    " operations or compares");
  }
  size_t bytes = 0;
  for (const auto& op : request.ops) {
    if (!is_span(op)) {
      if (auto ok = check_key(op.key); !ok) return ok;
    }
    bytes += op.key.size() + op.end.size() + (op.value ? op.value->size() : 0);
  }
  for (const auto& compare : request.compares) bytes += compare.key.size();
  if (bytes > meta_txn_bytes_max) {
    return fail(Code::too_long, "a metadata transaction has " + std::to_string(bytes) + " bytes",
                "the limit is " + std::to_string(meta_txn_bytes_max));
  }
  return {};
}

std::optional<MetaEntry> read_entry(env::State& state, BytesView key) {
  const auto sealed = state.get(Table::data, key);
  if (!sealed) return std::nullopt;
  return open_entry(key, *sealed);
}

Result<std::vector<MetaEntry>> read_entries(env::State& state, BytesView key, BytesView end) {
  std::vector<MetaEntry> entries;
  if (end.empty()) {
    if (auto entry = read_entry(state, key)) entries.push_back(std::move(*entry));
    return entries;
  }
  size_t bytes = 0;
  const auto cursor = state.cursor(Table::data);
  for (bool on = cursor->seek(key); on && cursor->key() < end; on = cursor->next()) {
    entries.push_back(open_entry(cursor->key(), cursor->value()));
    bytes += cursor->key().size() + cursor->value().size();
    if (bytes > meta_range_bytes_max) {
      return fail(Code::too_long, "the metadata in the range has more than " +
                                      std::to_string(meta_range_bytes_max) + " bytes", "read it in parts");
    }
  }
  return entries;
}

bool hold(env::State& state, const std::vector<env::MetaCompare>& compares) {
  for (const auto& compare : compares) {
    const auto entry = read_entry(state, compare.key);
    if ((entry ? entry->mod_revision : Revision{}) != compare.mod_revision) return false;
  }
  return true;
}

std::vector<MetaEvent> write(env::State& state, const std::vector<MetaOp>& ops, Revision revision,
                             env::WriteBatch& out) {
  Staged staged;
  for (const auto& op : ops) {
    if (op.value) {
      stage_put(state, op, revision, staged);
    } else {
      stage_delete(state, op, staged);
    }
  }
  Events events;
  for (const auto& [key, after] : staged) {
    const auto before = read_entry(state, key);
    if (!before && !after) continue;
    write_entry(before, after, key, out);
    events.list.push_back(event_of(after, key, revision));
  }
  if (!events.list.empty()) put_row(out, Table::txn, history_key(revision), events);
  return std::move(events.list);
}

std::vector<MetaOp> end_of_lease(env::State& state, LeaseId lease) {
  std::vector<MetaOp> ops;
  const Bytes prefix = row_key(lease_key_rows, lease.value);
  const auto cursor = state.cursor(Table::range);
  for (bool on = cursor->seek(prefix); on && cursor->key().starts_with(prefix); on = cursor->next()) {
    ops.push_back({.key = Bytes{cursor->key().substr(prefix.size())}, .value = std::nullopt, .end = {}, .lease = {}});
  }
  return ops;
}

}  // namespace ddb::oracle
