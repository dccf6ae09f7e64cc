// SELECT over the key space: one read-only virtual table per user table, and one for sqlite_schema.
//
// Each table is an eponymous-only module of its own name: it answers to `t` and `main.t`, in views and triggers too.
// Besides the user's columns it has hidden ones:
//   "$key"  BLOB, the row's key         so that UPDATE and DELETE can collect what they must page in:
//   "$row"  BLOB, the row's value       SELECT "$key", "$row" FROM t WHERE ...; decode_row() does the rest
// The schema's own table is "$schema" (type, name, tbl_name, rootpage, sql): a name cannot be taken from SQLite, so the
// rewriter puts "$schema" where a statement says sqlite_schema or sqlite_master.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/result.hpp"
#include "sql/reader.hpp"
#include "sql/schema.hpp"

struct sqlite3;

namespace ddb::sql {

struct RouteLog;
struct TotalsRead;

/// The read tables of one SQLite connection. Not thread-safe; must outlive the connection's statements, and
/// be destroyed before the connection is closed or after all of its statements are finalized.
class ReadTables {
 public:
  explicit ReadTables(sqlite3* db);
  ~ReadTables();
  ReadTables(const ReadTables&) = delete;
  ReadTables& operator=(const ReadTables&) = delete;

  /// Registers the schema's tables and creates its views, and takes away those that are gone. Between statements
  /// only; statements prepared for another version must not be stepped again (SQLite would not notice).
  Result<void> use_schema(std::shared_ptr<const Schema> schema);
  /// Somebody else drops the views of the schema in use.
  void forget_views();
  const std::shared_ptr<const Schema>& schema() const;

  /// What reads see from now on; nullptr: reading fails. Borrowed. Between statements only, when no cursor is open.
  /// `as_of`: the past time that it reads at, if it does.
  void use_reader(Reader* reader, Timestamp as_of = {});

  /// Rows of this table that are read by their key are about to be changed (K3); zero: of none. Between statements only.
  void reads_for_update(uint64_t table);

  /// The next statement asks the table that `read` names for what it wants of it, and finds no rows there; nullptr: reads
  /// are reads again. Between statements only.
  void read_totals(TotalsRead* read);

  /// Cursors say there what they read; nullptr: nowhere. Between statements only.
  void tell(RouteLog* log);

  /// The error behind an SQLITE_ERROR or SQLITE_BUSY of a statement that read, with its code (conflict, unavailable,
  /// too_long...); nullopt: SQLite's own. Forgets it.
  std::optional<Error> take_error();

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace ddb::sql
