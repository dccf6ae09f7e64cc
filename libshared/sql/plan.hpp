// Statements made ready to run: rewritten, prepared, and kept for the next time.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sql/head.hpp"
#include "sql/query.hpp"
#include "sql/rewriter.hpp"
#include "sql/session.hpp"
#include "sql/stage.hpp"
#include "sql/temporary.hpp"
#include "sql/totals_query.hpp"

namespace ddb::sql {

/// A SELECT, EXPLAIN, INSERT, UPDATE or DELETE of one schema version on one connection.
struct Plan {
  StatementKind kind = StatementKind::select;
  std::string tag;
  std::vector<std::string> parameters;  // names by number; empty for those without
  std::vector<ColumnInfo> columns;      // of its rows; empty: it returns none
  Query main;
  std::unique_ptr<TotalsQuery> totals;  // the same by totals that the ranges add up, where they can
  Query load;                           // UPDATE, DELETE on a table: pages its rows in
  uint64_t table = 0;                   // that one
  bool claims = false;                  // conflicting rows are looked up first
  OnConflict on_conflict = OnConflict::none;
  bool can_lift = false;                // INSERT of literals: rows may run one by one
  bool temporary = false;               // it changes temporary objects, and nothing else

  bool changes() const { return kind != StatementKind::select && kind != StatementKind::explain; }
};

/// Makes plans, and remembers the latest. Not thread-safe.
class Planner {
 public:
  Planner(sqlite3* db, Stages& stages, const Temporary& temporary) : db_{db}, stages_{stages}, temporary_{temporary} {}

  /// Forgets all plans. The schema must outlive its use.
  void use_schema(const Schema& schema);
  const Schema& schema() const { return *schema_; }

  /// A plan made before; nullptr: none.
  std::shared_ptr<Plan> find(std::string_view sql);
  /// Prepares a statement that is none of transaction control, PRAGMA, and DDL but for temporary objects.
  SqlResult<std::shared_ptr<Plan>> make(const ParsedStatement& s);

 private:
  SqlResult<std::shared_ptr<Plan>> make_query(const ParsedStatement& s, Edits& edits);
  SqlResult<std::shared_ptr<Plan>> make_select(const ParsedStatement& s);
  SqlResult<std::shared_ptr<Plan>> make_temporary(const ParsedStatement& s);
  SqlResult<std::shared_ptr<Plan>> make_dml(const ParsedStatement& s, const Head& head, const Table& table);
  SqlResult<std::shared_ptr<Plan>> make_on_view(const ParsedStatement& s, const std::string& view);
  SqlResult<Query> prepare(const ParsedStatement& s, Edits& edits);
  SqlError refused(const DmlHead& head, const ParsedStatement& s, const Table& table, SqlError error);
  SqlError prepare_error(const ParsedStatement& s, const Edits& edits) const;
  std::shared_ptr<Plan> keep(const ParsedStatement& s, Plan plan);

  static constexpr size_t plans_max = 256;
  static constexpr size_t text_bytes_max = 16 << 10;  // longer texts are not kept: they hardly come again

  sqlite3* db_;
  Stages& stages_;
  const Temporary& temporary_;
  const Schema* schema_ = nullptr;
  uint64_t next_totals_ = 1;
  struct Kept {
    std::string text;
    std::shared_ptr<Plan> plan;
  };
  std::list<Kept> kept_;  // latest first
  std::unordered_map<std::string_view, std::list<Kept>::iterator> by_text_;
};

}  // namespace ddb::sql
