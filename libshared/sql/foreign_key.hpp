// FOREIGN KEY constraints: which changes touch them, and what must hold when the statement or transaction ends.
//
// SQLite counts violations as it goes; here the changed key values are remembered and looked at when the time comes:
//   F1. A key value K of a constraint is violated when a child row holds K and no parent row does.
//   F2. Every change that can violate K (a child row with K appears, a parent row with K goes) puts K on the list.
//   F3. Looking changes nothing, so K may stay on the list when the change was undone.
// So savepoints need no counters, and 500 new children cost one look at their parents.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sql/rows.hpp"
#include "sql/schema.hpp"
#include "sql/query.hpp"

namespace ddb::sql {

enum class KeyAction : uint8_t { no_action, restrict_, set_null, set_default, cascade };

struct ForeignKey {
  const Table* child = nullptr;
  std::vector<size_t> child_columns;   // positions in Table::columns
  std::string parent_name;
  const Table* parent = nullptr;       // nullptr: there is no such table
  std::vector<size_t> parent_columns;
  bool mismatch = false;               // the parent's columns are no key
  KeyAction on_delete = KeyAction::no_action;
  KeyAction on_update = KeyAction::no_action;
  bool deferred = false;
};

/// All constraints of a schema, which must outlive them.
std::vector<ForeignKey> foreign_keys(const Schema& schema);

/// PRAGMA foreign_key_check as a query: child table, its rowid, parent table, number of the constraint as foreign_key_list
/// counts. `table`: the one child to look at; nullptr: all. failed: a constraint that makes no sense.
Result<std::string> foreign_key_check_query(const Schema& schema, const Table* table);

/// What a DROP TABLE owes the rows of other tables that refer to it, as SQLite's: what a DELETE of all its rows would.
struct DropDuties {
  std::vector<std::string> actions;  // changes of the children
  std::vector<std::string> checks;   // queries that must find nothing, after the actions
};
DropDuties drop_duties(const Schema& schema, const Table& table);

/// What one transaction's changes demand of the constraints. Not thread-safe.
class ForeignKeyChecks {
 public:
  /// Runs one statement of an action (CASCADE, SET NULL, SET DEFAULT) as a part of the user's statement.
  using RunAction = std::function<Result<void>(const std::string& sql, std::span<const ValueView> parameters)>;

  explicit ForeignKeyChecks(sqlite3* db) : db_{db} {}

  /// The schema must outlive its use.
  void use_schema(const Schema& schema);
  /// One row of `table` changed; no `before`: inserted; no `after`: deleted.
  void on_change(uint64_t table, const RowView* before, const RowView* after);

  /// The statement is over: runs the actions, then checks what is not deferred (`defer_all`: the rest too is left for
  /// the commit). failed: "FOREIGN KEY constraint failed" and its like.
  Result<void> end_statement(const RunAction& run, bool defer_all);
  /// The statement failed: what it demanded is forgotten.
  void abandon_statement();
  /// Before the commit.
  Result<void> check_deferred();
  void end_transaction();

 private:
  /// A constraint by its child table's id and its place there: the same in every version of the schema that leaves the
  /// table alone, as a transaction's schema does.
  using KeyId = std::pair<uint64_t, size_t>;
  struct Gone {                   // of a parent row: its key's old and, after an UPDATE, new values
    KeyId key;
    std::vector<Value> before;
    std::vector<Value> after;     // empty: deleted
  };
  using Demand = std::pair<KeyId, Bytes>;  // the constraint, key values as a row

  void demand(KeyId key, std::vector<ValueView> values);
  Result<void> act(const Gone& gone, const RunAction& run);
  Result<void> check(const std::set<Demand>& demands);
  Result<bool> all_have_parents(const ForeignKey& key, std::span<const Bytes> values);
  Result<void> check_one(const ForeignKey& key, const Bytes& values);
  Result<bool> any_row(const std::string& sql, const std::vector<ValueView>& values);

  sqlite3* db_;
  std::map<KeyId, ForeignKey> keys_;
  struct Roles {
    std::vector<KeyId> as_child;
    std::vector<KeyId> as_parent;
  };
  std::map<uint64_t, Roles> by_table_;
  std::vector<Gone> gone_;
  std::set<Demand> demands_;   // of the statement
  std::set<Demand> deferred_;  // of the transaction
  Result<void> broken_;        // the statement touched a constraint that makes no sense
};

}  // namespace ddb::sql
