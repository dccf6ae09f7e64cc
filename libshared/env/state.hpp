// The state of a store as the cores see it: four ordered tables, written by applying entries.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <optional>
#include <tuple>
#include <vector>

#include "base/bytes.hpp"

namespace ddb::env {

/// The tables of a store (REPLICAS.md, State). Numbers are on disk: never reuse.
enum class Table : uint8_t { range = 0, data = 1, lock = 2, txn = 3 };
constexpr int table_count = 4;

/// Longest key of any table: LMDB's 511 bytes.
constexpr size_t table_key_bytes_max = 511;

/// What a key of table `data` ends in: the inverted timestamp. But for it, no key there is a prefix of another.
constexpr size_t version_bytes = 8;

struct StateOp {
  Table table;
  Bytes key;
  std::optional<Bytes> value;  // nullopt: erase

  bool operator==(const StateOp&) const = default;
  static constexpr auto fields() { return std::tuple{&StateOp::table, &StateOp::key, &StateOp::value}; }
};

/// Keys of one table in [start, end); an empty end means no bound.
struct TableSpan {
  Table table;
  Bytes start;
  Bytes end;

  bool operator==(const TableSpan&) const = default;
  static constexpr auto fields() { return std::tuple{&TableSpan::table, &TableSpan::start, &TableSpan::end}; }
};

/// Writes that become visible together, in order.
struct WriteBatch {
  std::vector<StateOp> ops;

  void put(Table table, Bytes key, Bytes value) {
    ops.push_back({table, std::move(key), std::move(value)});
  }
  void erase(Table table, Bytes key) { ops.push_back({table, std::move(key), std::nullopt}); }
};

/// Walks one table in key order, over overlay generations and snapshot as one (A3): newest wins,
/// deletions hide. Valid until the next State::apply or the next flush switch.
class Cursor {
 public:
  virtual ~Cursor() = default;
  virtual bool seek(BytesView key) = 0;         // first key >= `key`
  virtual bool seek_before(BytesView key) = 0;  // last key < `key`
  /// Of table `data`: true when the first key >= `key` is a version of the same user key. Else the cursor is of no
  /// use until it seeks again. Cheaper than seek(): what was written lately is not searched for what it never held.
  virtual bool seek_version(BytesView key) {
    return seek(key) && this->key().size() == key.size() &&
           this->key().starts_with(key.substr(0, key.size() - version_bytes));
  }
  virtual bool next() = 0;
  virtual bool prev() = 0;
  virtual bool valid() const = 0;
  virtual BytesView key() const = 0;    // until the cursor moves
  virtual BytesView value() const = 0;  // until the cursor moves
};

/// All that has been applied so far. One thread: the core's.
/// A storage failure below (damage, I/O) stops the store; callers never see it.
class State {
 public:
  virtual ~State() = default;
  /// Valid until the next apply or flush switch.
  virtual std::optional<BytesView> get(Table table, BytesView key) = 0;
  virtual std::unique_ptr<Cursor> cursor(Table table) = 0;
  virtual void apply(const WriteBatch& batch) = 0;
};

}  // namespace ddb::env
