// The store's own record: what it is, how far its log is needed, and whether a flush was cut short.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>

#include "base/bytes.hpp"
#include "lmdb/environment.hpp"
#include "lmdb/store.hpp"

namespace ddb::lmdb {

constexpr uint32_t store_format = 1;  // of directory, log and tables together: never reuse

/// On disk: fields append only.
struct StoreRecord {
  uint32_t format = store_format;
  Identity identity;
  wal::Position log;            // as of the transaction that wrote this
  std::optional<uint64_t> image;  // set between the first and the last slice of a flush (A2): bytes of its image

  static constexpr auto fields() {
    return std::tuple{&StoreRecord::format, &StoreRecord::identity, &StoreRecord::log, &StoreRecord::image};
  }
};

/// nullopt: a new environment. bad_data: damaged; refused: another format.
Result<std::optional<StoreRecord>> load(const Environment& env);
Result<void> save(const Environment& env, WriteTxn& txn, const StoreRecord& record);

}  // namespace ddb::lmdb
