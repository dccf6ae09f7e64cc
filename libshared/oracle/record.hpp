// What the oracle keeps in its state, and under which keys. On disk: append fields only, never reuse a letter.
//
//   table  key                    value
//   range  "mr"                   Record
//   range  "mm"                   Members
//   range  "ms" + store id        StoreRow
//   range  "ml" + lease id        LeaseRow
//   range  "mk" + lease id + key  nothing: the key is under that lease
//   range  "mt" + request id      Remembered: what a transaction was answered
//   range  "mq" + number          Forgettable: the same in order of age
//   data   key                    env::MetaEntry, its key left empty
//   txn    revision               Events
// Ids are 8 bytes, big-endian. Every value ends in the CRC32C of key and value, for LMDB has none.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>
#include <vector>

#include "base/assert.hpp"
#include "codec/archive.hpp"
#include "env/meta.hpp"
#include "env/state.hpp"
#include "proto/meta_keys.hpp"

namespace ddb::oracle {

struct Record {
  uint64_t cluster = 0;
  Timestamp mark;       // all timestamps given are below it (O1)
  Revision revision;    // of the last change
  Revision compacted;   // history up to here is gone
  LeaseId last_lease;
  NodeId last_node;
  uint64_t first_remembered = 0;  // numbers of the Forgettable rows: [first, next)
  uint64_t next_remembered = 0;
  uint64_t hash = 0;    // of everything ever written, in order: equal on all members at equal applied index
  Timestamp keep_until;  // time has leapt: until the mark is here, its distance says nothing about age

  bool operator==(const Record&) const = default;
  static constexpr auto fields() {
    return std::tuple{&Record::cluster,         &Record::mark,      &Record::revision,
                      &Record::compacted,       &Record::last_lease, &Record::last_node,
                      &Record::first_remembered, &Record::next_remembered, &Record::hash,
                      &Record::keep_until};
  }
};

/// A member of the oracle, as the log knows it (Z1).
struct Member {
  ReplicaId id;
  StoreId store;
  Incarnation incarnation;  // zero: it has not registered yet
  std::string address;
  uint64_t boot = 0;

  bool operator==(const Member&) const = default;
  static constexpr auto fields() {
    return std::tuple{&Member::id, &Member::store, &Member::incarnation, &Member::address, &Member::boot};
  }
};

struct Members {
  std::vector<Member> list;  // by id
  static constexpr auto fields() { return std::tuple{&Members::list}; }
};

struct StoreRow {
  proto::NodeInfo info;
  uint64_t boot = 0;
  static constexpr auto fields() { return std::tuple{&StoreRow::info, &StoreRow::boot}; }
};

struct LeaseRow {
  uint64_t ttl_ms = 0;
  static constexpr auto fields() { return std::tuple{&LeaseRow::ttl_ms}; }
};

struct Remembered {
  Bytes reply;  // an OracleReply
  static constexpr auto fields() { return std::tuple{&Remembered::reply}; }
};

struct Forgettable {
  uint64_t request_id = 0;
  Timestamp since;  // the mark at that time
  static constexpr auto fields() { return std::tuple{&Forgettable::request_id, &Forgettable::since}; }
};

struct Events {
  std::vector<env::MetaEvent> list;
  static constexpr auto fields() { return std::tuple{&Events::list}; }
};

inline constexpr BytesView machine_rows = "m";
inline constexpr BytesView record_key = "mr";
inline constexpr BytesView members_key = "mm";
inline constexpr BytesView store_rows = "ms";
inline constexpr BytesView lease_rows = "ml";
inline constexpr BytesView lease_key_rows = "mk";
inline constexpr BytesView remembered_rows = "mt";
inline constexpr BytesView forgettable_rows = "mq";

/// `prefix` + `id`, as 8 bytes that sort as the number does.
Bytes row_key(BytesView prefix, uint64_t id);
inline Bytes history_key(Revision revision) { return row_key({}, revision.value); }
/// The id at the end of a row_key().
uint64_t row_id(BytesView key);

Bytes seal(BytesView key, Bytes value);
/// nullopt: damaged.
std::optional<BytesView> unseal(BytesView key, BytesView sealed);

template <class T>
void put_row(env::WriteBatch& out, env::Table table, Bytes key, const T& row) {
  Bytes sealed = seal(key, codec::encode(row));
  out.put(table, std::move(key), std::move(sealed));
}

/// A damaged row stops the process, as a storage failure below State does: it is never served.
template <class T>
T open_row(BytesView key, BytesView sealed) {
  const auto bytes = unseal(key, sealed);
  DDB_ASSERT(bytes);
  auto row = codec::decode<T>(*bytes);
  DDB_ASSERT(row);
  return std::move(*row);
}

template <class T>
std::optional<T> get_row(env::State& state, env::Table table, BytesView key) {
  const auto sealed = state.get(table, key);
  if (!sealed) return std::nullopt;
  return open_row<T>(key, *sealed);
}

/// Calls `visit(id, row)` for each row under `prefix`, by id.
template <class T, class Visit>
void each_row(env::State& state, BytesView prefix, Visit visit) {
  const auto cursor = state.cursor(env::Table::range);
  for (bool on = cursor->seek(prefix); on && cursor->key().starts_with(prefix); on = cursor->next()) {
    visit(row_id(cursor->key()), open_row<T>(cursor->key(), cursor->value()));
  }
}

/// Chains `batch` to `hash`.
uint64_t chain_hash(uint64_t hash, const env::WriteBatch& batch);

}  // namespace ddb::oracle
