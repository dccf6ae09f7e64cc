// EXPLAIN ROUTE: which ranges a statement asks, and for what. EXPLAIN ROUTE ANALYZE: what they answered.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "env/kv.hpp"
#include "sql/head.hpp"
#include "sql/key_ranges.hpp"
#include "sql/read_plan.hpp"
#include "sql/schema.hpp"
#include "sql/session.hpp"

namespace ddb::sql {

/// One way in which a statement reads a table.
struct RouteAccess {
  uint64_t table = 0;
  uint64_t index = 0;              // whose entries; zero: the rows
  std::string path;                // as EXPLAIN QUERY PLAN names it
  std::string pushed;              // what the ranges do; empty: they give out all of what is asked for
  std::vector<env::KeySpan> spans; // as far as they are known
};

/// What a statement's cursors tell while they run.
struct RouteLog {
  static constexpr size_t spans_max = 1000;  // of one access

  bool dry = false;  // cursors say what they would read, and read nothing
  std::vector<RouteAccess> accesses;
  std::vector<env::ReadTrace> reads;

  void note(const Table& table, const ReadPlan& plan, const std::vector<KeyPiece>& pieces, bool totals);
};

/// "where a>? AND b IS NULL; columns a, c; limit".
std::string pushed_parts(const Table& table, const ReadPlan& plan, bool totals);

struct RouteStatement {
  bool analyze = false;
  std::string_view sql;  // what is explained
};
/// nullopt: it is no EXPLAIN ROUTE.
std::optional<RouteStatement> find_route(const ParsedStatement& s);

using RouteRows = std::vector<std::vector<codec::Value>>;
std::vector<ColumnInfo> route_columns(bool analyze);
/// A row per access and range. `kv` knows the ranges.
Result<RouteRows> route_rows(env::Kv& kv, const Schema& schema, const RouteLog& log);
/// A row per table or index and range that was asked, then their total. `ms`: how long all of it took.
Result<RouteRows> analyzed_rows(env::Kv& kv, const Schema& schema, const RouteLog& log, double ms);

}  // namespace ddb::sql
