// Rows of a table that one statement keeps coming back to: read once, then sorted in memory by whatever path is asked for.
//
// SQLite asks for the inner table of a join once for every outer row, and builds no index for a virtual table.
// Loading is ski rental: it never costs more requests than the statement has spent on the table before. What it costs is
// a wider read set: the whole table is validated at commit.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "sql/key_ranges.hpp"
#include "sql/reader.hpp"
#include "sql/schema.hpp"

namespace ddb::sql {

class TableCache {
 public:
  using Rows = std::vector<env::KeyValue>;  // ascending by key

  static constexpr size_t bytes_max = 64u << 20;   // then the table is left where it is
  static constexpr uint64_t requests_min = 16;     // before a table is loaded for the sake of lookups

  explicit TableCache(const Table& table) : table_{table} {}

  /// The statement has made so many requests for this table.
  void spent(uint64_t requests) { spent_ += requests; }
  /// Counts a read of the whole table: the second one loads it.
  void scanned() { ++scans_; }
  /// All rows are here, own writes included, as of now.
  bool loaded(const Reader& reader) const;
  /// Loads as much as has been earned; as loaded().
  Result<bool> load(Reader& reader);

  std::shared_ptr<const Rows> rows() const { return rows_; }
  /// Numbers of the rows in these pieces of a path, ascending in its order. Only when loaded().
  Result<std::vector<uint32_t>> find(const KeyPath& path, const std::vector<KeyPiece>& pieces);

 private:
  using Sorted = std::vector<std::pair<Bytes, uint32_t>>;

  void start_anew(uint64_t generation);
  Result<void> load_page(Reader& reader);
  Result<const Sorted*> sorted(const KeyPath& path);
  std::vector<uint32_t> find_rows(const std::vector<KeyPiece>& pieces) const;

  const Table& table_;
  std::shared_ptr<Rows> rows_ = std::make_shared<Rows>();
  std::optional<env::KeySpan> rest_;  // what is still to be loaded
  bool started_ = false;
  bool given_up_ = false;             // too large, or changed under the statement's hands again and again
  uint64_t generation_ = 0;           // of the write buffer
  int restarts_ = 0;
  uint64_t spent_ = 0;
  uint64_t scans_ = 0;
  uint64_t pages_ = 0;
  size_t bytes_ = 0;
  std::vector<std::pair<KeyPath, Sorted>> paths_;
};

/// The prefix of a path's keys. A column's path, which exists in memory alone, borrows the rows'.
Bytes path_prefix(const Table& table, const KeyPath& path);

}  // namespace ddb::sql
