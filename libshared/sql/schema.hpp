// What a database consists of: descriptors of tables, indexes, views and triggers, one version of them all.
//
// Objects take ids from one counter that never goes back, so a data key never means two things; the order of
// ids is the order of creation. Columns have ids of their own within a table, which never return either.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "codec/key.hpp"
#include "codec/value.hpp"

namespace ddb::sql {

using codec::Collation;

/// SQLite's column affinities. Numbers are stored: never reuse.
enum class Affinity : uint8_t { blob = 0, text = 1, numeric = 2, integer = 3, real = 4 };

enum class Generated : uint8_t { no = 0, virtual_ = 1, stored = 2 };

/// Column id zero is the rowid of a table that is clustered on something else.
constexpr uint32_t rowid_column = 0;

struct Column {
  uint32_t id = 0;                // from 1, within the table; never returns
  std::string name;
  std::string type;               // as declared; may be empty
  Affinity affinity = Affinity::blob;
  Collation collation = Collation::binary;
  bool not_null = false;
  std::string default_sql;        // the DEFAULT expression; empty: none
  Bytes missing;                  // encoded Value (one-cell row) for rows older than the column; empty: NULL
  Generated generated = Generated::no;

  bool operator==(const Column&) const = default;
  static constexpr auto fields() {
    return std::tuple{&Column::id,          &Column::name,    &Column::type,    &Column::affinity, &Column::collation,
                      &Column::not_null,    &Column::default_sql, &Column::missing, &Column::generated};
  }
};

/// One column of a primary key or an index.
struct KeyColumn {
  uint32_t column = 0;            // column id, or rowid_column; of an expression: expression_column
  Collation collation = Collation::binary;
  bool descending = false;
  std::string expression;         // SQL, when it is one

  codec::KeyOrder order() const { return {collation, descending}; }
  bool operator==(const KeyColumn&) const = default;
  static constexpr auto fields() {
    return std::tuple{&KeyColumn::column, &KeyColumn::collation, &KeyColumn::descending, &KeyColumn::expression};
  }
};
constexpr uint32_t expression_column = UINT32_MAX;

/// The life of an index; every step waits until all gateways have taken it (F1: VLDB 2013, section 3).
/// Each may live beside its neighbours only. Numbers are stored: never reuse.
///
///   (absent) <-> delete_only <-> write_only <-> public_
enum class IndexState : uint8_t {
  delete_only = 1,  // entries are removed, none is added
  write_only = 2,   // entries are kept up, nobody reads them; backfill runs here
  public_ = 3,
};

enum class IndexOrigin : uint8_t { create = 1, unique = 2, primary_key = 3 };

/// A secondary index. Partial and expression indexes hold entries only when they are unique: xBestIndex never
/// shows SQLite's proof that one applies, so no read could use them.
struct Index {
  uint64_t id = 0;
  std::string name;               // sqlite_autoindex_T_N for constraints
  std::string sql;                // CREATE INDEX; empty for constraints
  bool unique = false;
  IndexOrigin origin = IndexOrigin::create;
  IndexState state = IndexState::public_;
  std::vector<KeyColumn> columns;
  std::string where;              // of a partial index, SQL

  bool has_expressions() const;   // in its columns or in WHERE
  /// Keeps entries at all (see above).
  bool has_entries() const { return unique || !has_expressions(); }
  bool operator==(const Index&) const = default;
  static constexpr auto fields() {
    return std::tuple{&Index::id,     &Index::name,  &Index::sql,     &Index::unique,
                      &Index::origin, &Index::state, &Index::columns, &Index::where};
  }
};

/// What a row's key is made of. Numbers are stored: never reuse.
enum class Clustering : uint8_t {
  rowid = 1,        // the rowid, which is the INTEGER PRIMARY KEY if there is one
  primary_key = 2,  // the declared PRIMARY KEY of a rowid table; a rowid completes it when NULLs are in it
  without_rowid = 3,
};

struct Table {
  uint64_t id = 0;
  uint64_t version = 0;           // schema version that last changed it
  Timestamp since{};              // of that change: reads below it do not fit what is said here
  std::string name;
  std::string sql;                // as sqlite_schema shows it
  std::vector<Column> columns;    // in order of declaration
  uint32_t next_column_id = 1;
  Clustering clustering = Clustering::rowid;
  std::vector<KeyColumn> primary_key;  // declared; empty: none. INTEGER PRIMARY KEY: one column
  uint32_t rowid_alias = 0;       // column id of the INTEGER PRIMARY KEY; zero: none
  uint64_t primary_key_index = 0; // id of sqlite_autoindex for a declared key that is no rowid: name only, no entries
  std::string primary_key_index_name;
  bool autoincrement = false;
  bool strict = false;
  std::vector<Index> indexes;     // by id
  /// What the stage is made by: CREATE TABLE "name$w" with generated columns STORED, then its UNIQUE indexes.
  std::vector<std::string> stage_sql;
  uint64_t rows = 0;              // stands in the keys of the rows where an index's id does in those of its entries
  /// While the rows are being clustered anew: the same table, with its rows and indexes in another order, which nobody
  /// reads and everybody writes as second_state says. At most one.
  std::vector<Table> second;
  IndexState second_state = IndexState::delete_only;

  bool has_rowid() const { return clustering != Clustering::without_rowid; }
  const Column* column(uint32_t column_id) const;               // nullptr: no such column
  const Column* find_column(std::string_view column_name) const;  // ASCII case-insensitive
  /// Position in `columns`; columns.size() when there is none.
  size_t position(uint32_t column_id) const;
  const Index* index(uint64_t index_id) const;
  /// This table, or its second one, by what stands in the keys of its rows and entries; nullptr: neither.
  const Table* holding(uint64_t rows_or_index) const;
  /// The columns that make up the row's key, the rowid that completes a NULL aside. For Clustering::rowid one column:
  /// the alias or rowid_column.
  const std::vector<KeyColumn>& key_columns() const;
  bool operator==(const Table&) const = default;
  static constexpr auto fields() {
    return std::tuple{&Table::id,          &Table::version,           &Table::name,
                      &Table::sql,         &Table::columns,           &Table::next_column_id,
                      &Table::clustering,  &Table::primary_key,       &Table::rowid_alias,
                      &Table::primary_key_index, &Table::primary_key_index_name, &Table::autoincrement,
                      &Table::strict,      &Table::indexes,           &Table::stage_sql, &Table::since,
                      &Table::rows,        &Table::second,            &Table::second_state};
  }
};

struct View {
  uint64_t id = 0;
  std::string name;
  std::string sql;
  bool operator==(const View&) const = default;
  static constexpr auto fields() { return std::tuple{&View::id, &View::name, &View::sql}; }
};

struct Trigger {
  uint64_t id = 0;
  std::string name;
  std::string table;  // or view
  std::string sql;
  bool operator==(const Trigger&) const = default;
  static constexpr auto fields() { return std::tuple{&Trigger::id, &Trigger::name, &Trigger::table, &Trigger::sql}; }
};

/// One version of the schema; immutable once published, shared by pointer.
struct Schema {
  uint64_t version = 0;  // rises by one with every change
  uint64_t next_id = 1;  // of objects
  std::map<uint64_t, Table> tables;
  std::map<uint64_t, View> views;
  std::map<uint64_t, Trigger> triggers;

  /// By name, ASCII case-insensitive; nullptr: none.
  const Table* find_table(std::string_view name) const;
  const View* find_view(std::string_view name) const;
  const Table* find_table_of_index(std::string_view index_name) const;
  /// Triggers of a table or view, in order of creation.
  std::vector<const Trigger*> triggers_of(std::string_view table) const;
};

/// One row of sqlite_schema.
struct SchemaRow {
  std::string type;
  std::string name;
  std::string tbl_name;
  uint64_t id = 0;                 // shown as rootpage; zero for views and triggers
  std::optional<std::string> sql;  // nullopt: an automatic index
};

/// All rows, in order of creation.
std::vector<SchemaRow> schema_rows(const Schema& schema);

/// SQLite's own rule for names: ASCII letters compare without case.
bool same_name(std::string_view a, std::string_view b);
/// "it ""is""": a name as SQL text.
std::string quote_name(std::string_view name);

}  // namespace ddb::sql
