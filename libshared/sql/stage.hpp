// Where rows are changed: for each table an empty real one, "t$w", with the user's own constraints and triggers.
//
// A statement pages in the rows it needs, runs on the stage, and every change is caught by the preupdate hook and
// written to the buffer. Then the stage is emptied by rolling back SQLite's own transaction.
//
//   S1. A row in the stage is the transaction's present version of it: changes happen in the stage alone, and each
//       is in the buffer before the statement's next step.
//   S2. A row that a statement may change, or that may conflict with what it writes, is in the stage before SQLite
//       looks for it; but a plain INSERT looks for nothing: what it writes "must not exist", checked later.
//   S3. Paging in fires no trigger and writes nothing to the buffer.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "sql/foreign_key.hpp"
#include "sql/index_entries.hpp"
#include "sql/reader.hpp"
#include "sql/row_ids.hpp"
#include "sql/schema.hpp"
#include "sql/query.hpp"
#include "sql/write_buffer.hpp"

struct sqlite3;

namespace ddb::sql {

/// The stages of one connection. Not thread-safe.
class Stages {
 public:
  /// What the rows being processed are there for. The values are what "$live"() returns.
  enum class Pass : uint8_t {
    paging = 0,
    real = 1,
    dry = 2,  // inserts nothing: collects the keys that the rows claim
  };

  Stages(sqlite3* db, RowIds& row_ids, ForeignKeyChecks& foreign_keys);
  ~Stages();
  Stages(const Stages&) = delete;
  Stages& operator=(const Stages&) = delete;

  /// Drops all stages. Between statements. The schema must outlive its use.
  Result<void> use_schema(const Schema& schema);
  /// Somebody else drops them.
  void forget();
  /// What the transaction sees and writes; `bytes_max` of both what is buffered and what is paged in.
  void use_transaction(Reader* reader, WriteBuffer* buffer, size_t bytes_max);

  /// Makes the stages that a statement on `table` (or view) needs, those of its triggers' targets included.
  /// `claims`: rows that conflict must be found (S2). Between statements.
  Result<void> prepare(const std::string& table_or_view, bool claims);

  /// One user statement, its foreign key actions included, is a begin and an end. In between, each run on the stages
  /// stands between begin_run and end_run, which empties them.
  void begin_statement();
  Result<void> begin_run(bool claims, bool foreign_keys);
  void set_pass(Pass pass) { pass_ = pass; }
  /// After the dry pass: pages in the rows that hold a claimed key, with at most two requests.
  Result<void> resolve_claims();
  /// The first error of hook or page-in; it tells more than SQLite's about the same failure.
  std::optional<Error> take_error();
  /// True when SQLite has rolled back by itself (ON CONFLICT ROLLBACK).
  bool end_run();
  /// Remembers the rowids that rows brought.
  Result<void> end_statement();

  /// Rowid of the last row that a statement itself inserted, its triggers aside; nullopt: none since the last call.
  std::optional<int64_t> take_last_insert() { return std::exchange(last_insert_, std::nullopt); }
  /// Of the run so far, triggers included: what the SQL function says meanwhile.
  std::optional<int64_t> running_insert() const { return running_insert_; }
  /// Rows paged in since begin_statement: SQLite has counted them as changes.
  int64_t paged_rows() const { return paged_rows_; }
  /// The snapshot was asked for the key during this statement and has none.
  bool known_absent(BytesView key) const { return absent_.contains(key); }
  /// The statement has drawn rowids: a conflict on one of them is worth another attempt.
  bool drew_rowids() const { return drew_rowids_; }

 private:
  struct Stage;
  struct Hooks;  // SQLite's callbacks

  Result<void> run_once(const std::string& sql);
  Result<Stage*> stage_of(uint64_t table);
  Result<void> create_triggers(const std::string& table_or_view, std::vector<uint64_t>& writes);
  Result<void> create_claims(Stage& stage);
  Result<void> page_in(Stage& stage, BytesView key, BytesView value);
  Result<int64_t> draw_rowid(Stage& stage);
  Result<void> claim(Stage& stage, const RowView& row);
  Result<std::vector<std::optional<Bytes>>> get_for_update(const Bytes& key);
  Result<void> look_up(const std::vector<std::pair<Stage*, IndexEntry>>& claims);
  void on_change(int operation, const char* stage_name, int64_t old_rowid, int64_t new_rowid);
  Result<void> write_change(Stage& stage, const RowView* before, const RowView* after);
  void note(const Result<void>& result);

  sqlite3* db_;
  RowIds& row_ids_;
  ForeignKeyChecks& foreign_keys_;
  const Schema* schema_ = nullptr;
  Reader* reader_ = nullptr;
  WriteBuffer* buffer_ = nullptr;
  size_t bytes_max_ = 0;

  std::map<uint64_t, std::unique_ptr<Stage>> stages_;  // by table id
  std::set<std::string> triggers_ready_;               // tables and views, in lower case
  std::vector<std::string> view_triggers_;             // to drop with the schema
  Stage* last_changed_ = nullptr;                      // whose change the hook saw last
  Query begin_, rollback_;
  bool nested_ = false;                                // the run stands in a transaction of the connection (temporary.hpp)

  Pass pass_ = Pass::paging;
  bool claims_ = false;
  bool always_claims_ = false;    // a trigger's statement needs them
  bool foreign_keys_on_ = false;
  size_t paged_bytes_ = 0;
  std::unordered_map<Bytes, Bytes> paged_;             // stored values of paged-in rows, by key
  std::set<Bytes, std::less<>> looked_up_;             // claimed keys that need no second look in this run
  std::set<Bytes, std::less<>> absent_;                // those of the statement that the snapshot does not hold
  int64_t paged_rows_ = 0;
  std::vector<std::pair<Stage*, IndexEntry>> claimed_;  // in the dry pass
  std::vector<ValueView> old_values_, new_values_;
  std::optional<Error> error_;
  std::optional<int64_t> last_insert_, running_insert_;
  bool drew_rowids_ = false;
};

}  // namespace ddb::sql
