// Guards over LMDB: environment, transactions, cursors. Errors are translated here, once.
#pragma once

#include <lmdb.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "env/state.hpp"

namespace ddb::lmdb {

/// store_full: no page, no space, no quota: the transaction can be tried again once it is aborted (W4).
/// bad_data: the file is damaged. io: everything else.
std::unexpected<Error> lmdb_error(const std::string& what, int rc);

inline MDB_val to_val(BytesView bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }
inline BytesView to_view(const MDB_val& value) { return {static_cast<const char*>(value.mv_data), value.mv_size}; }

/// An open environment with the tables of env/state.hpp, and one for the store's own record.
/// Full sync always: neither MDB_NOSYNC nor MDB_WRITEMAP (DESIGN.md section 3).
class Environment {
 public:
  /// Makes what is missing; `directory` exists. One per process and directory.
  static Result<std::unique_ptr<Environment>> open(const std::string& directory, uint64_t map_bytes);
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment();

  MDB_env* handle() const { return env_; }
  MDB_dbi table(env::Table table) const { return tables_[static_cast<size_t>(table)]; }
  MDB_dbi store_table() const { return tables_[env::table_count]; }

  /// Bytes in pages that are free within the file, or that the map still has room for.
  struct Room {
    uint64_t free_pages = 0;
    uint64_t unmapped = 0;
  };
  Result<Room> room() const;

 private:
  Environment() = default;
  Result<void> open_tables();
  Result<void> check_length(const std::string& directory) const;

  MDB_env* env_ = nullptr;
  std::array<MDB_dbi, env::table_count + 1> tables_{};
};

/// One write transaction; aborted unless commit() is reached.
/// LMDB has one writer per environment, bound to its thread.
class WriteTxn {
 public:
  static Result<WriteTxn> begin(const Environment& env);
  WriteTxn(WriteTxn&& other) noexcept : txn_{std::exchange(other.txn_, nullptr)} {}
  WriteTxn& operator=(WriteTxn&&) = delete;
  ~WriteTxn() { if (txn_ != nullptr) mdb_txn_abort(txn_); }

  Result<void> put(MDB_dbi table, BytesView key, BytesView value);
  Result<void> erase(MDB_dbi table, BytesView key);  // a missing key writes nothing
  Result<std::optional<BytesView>> get(MDB_dbi table, BytesView key);

  /// All becomes durable, or nothing. Either way the transaction is over.
  Result<void> commit();

 private:
  explicit WriteTxn(MDB_txn* txn) : txn_{txn} {}
  MDB_txn* txn_;
};

/// One LMDB snapshot. May move between threads (MDB_NOTLS), one at a time. Pins pages while it lives.
class ReadTxn {
 public:
  static Result<ReadTxn> begin(const Environment& env);
  ReadTxn(ReadTxn&& other) noexcept : txn_{std::exchange(other.txn_, nullptr)} {}
  ReadTxn& operator=(ReadTxn&&) = delete;
  ~ReadTxn() { if (txn_ != nullptr) mdb_txn_abort(txn_); }

  MDB_txn* handle() const { return txn_; }
  Result<void> renew();  // to the newest snapshot
  /// The value lives as long as the snapshot.
  Result<std::optional<BytesView>> get(MDB_dbi table, BytesView key) const;

 private:
  explicit ReadTxn(MDB_txn* txn) : txn_{txn} {}
  MDB_txn* txn_;
};

}  // namespace ddb::lmdb
