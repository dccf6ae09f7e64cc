// What the read tables of one connection share: the snapshot, the open cursors, and what a statement has learned.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "sql/read_plan.hpp"
#include "sql/reader.hpp"
#include "sql/route.hpp"
#include "sql/rows.hpp"
#include "sql/schema.hpp"
#include "sql/table_cache.hpp"
#include "sql/totals_query.hpp"

struct sqlite3;

namespace ddb::sql {

class ReadCursor;

/// One table as its module knows it. Plans are interned: idxNum is a place in `plans`.
struct ReadTable {
  std::shared_ptr<const Schema> schema;  // keeps `table` alive
  const Table* table = nullptr;
  std::vector<KeyPath> paths;
  std::vector<Value> missing;            // by position: what rows older than the column have there
  std::vector<std::unique_ptr<const ReadPlan>> plans;

  ReadTable(std::shared_ptr<const Schema> of, const Table& read, bool with_indexes);
  size_t intern(ReadPlan plan);
};

/// Where the parts of an inner table's key seem to come from, learned over successive reads.
struct JoinGuess {
  struct Source {
    uint64_t cursor = 0;  // zero: the same value as before
    uint32_t column = 0;
    bool operator==(const Source&) const = default;
  };
  std::vector<std::vector<Source>> parts;
  std::vector<Bytes> values;  // of the last read
  bool loads_rows = false;    // rows were wanted, not only index entries
};

/// Caches live as long as any cursor is open: a correlated sub-query opens its cursor anew for every outer row.
struct ReadContext {
  sqlite3* db = nullptr;
  std::shared_ptr<const Schema> schema;
  Reader* reader = nullptr;
  Timestamp as_of{};  // what it reads at, when that is in the past
  std::optional<Error> error;
  uint64_t changes = 0;              // the table whose rows are read to be changed; zero: none
  RouteLog* log = nullptr;           // of EXPLAIN ROUTE
  TotalsRead* totals = nullptr;      // wanted of its table's rows, in place of them
  std::vector<ReadCursor*> cursors;  // open ones, in order of opening
  std::map<uint64_t, TableCache> caches;                // by table id
  std::map<const ReadPlan*, JoinGuess> guesses;
  uint64_t next_cursor = 1;

  /// A statement with one cursor that is asked once learns nothing: nullptr then, `again` aside.
  TableCache* cache(const Table& table, bool again) {
    if (!again && cursors.size() < 2) return nullptr;
    return &caches.try_emplace(table.id, table).first->second;
  }
  void opened(ReadCursor* cursor) { cursors.push_back(cursor); }
  void closed(ReadCursor* cursor) {
    std::erase(cursors, cursor);
    if (cursors.empty()) forget();
  }
  void forget() {
    caches.clear();
    guesses.clear();
    if (reader != nullptr) reader->drop_prefetched();
  }
};

}  // namespace ddb::sql
