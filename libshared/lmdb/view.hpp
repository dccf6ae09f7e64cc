// What the core reads: generations over an LMDB snapshot, as one (A3).
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "env/state.hpp"
#include "lmdb/environment.hpp"
#include "lmdb/generation.hpp"

namespace ddb::lmdb {

/// The core's snapshot and its pool of LMDB cursors: a cursor costs more to open than to move.
class SnapshotReader {
 public:
  /// `fatal` is called when LMDB cannot be read, and must not return.
  SnapshotReader(const Environment& env, ReadTxn txn, std::function<void(const Error&)> fatal);
  ~SnapshotReader();

  std::optional<BytesView> get(env::Table table, BytesView key) const;
  void renew();  // to the newest; every cursor in use is invalid from now on

  MDB_cursor* take_cursor(env::Table table);
  void give_cursor(env::Table table, MDB_cursor* cursor);
  [[noreturn]] void stop(const Error& error) const;

 private:
  const Environment& env_;
  ReadTxn txn_;
  std::function<void(const Error&)> fatal_;
  std::array<std::vector<MDB_cursor*>, env::table_count> idle_;
};

/// Generations newest first, then the snapshot.
class View {
 public:
  View(SnapshotReader& snapshot, const Generation* current, const Generation* flushing)
      : snapshot_{snapshot}, generations_{current, flushing} {}

  std::optional<BytesView> get(env::Table table, BytesView key) const;
  std::unique_ptr<env::Cursor> cursor(env::Table table) const;

 private:
  SnapshotReader& snapshot_;
  std::array<const Generation*, 2> generations_;  // either may be null
};

}  // namespace ddb::lmdb
