// From the right-hand sides of a statement's constraints to keys and key ranges.
//
// They come without the column's affinity (SQL.md, trap 1), and without a word on how SQLite will compare:
//   numeric column            TEXT that looks like a number becomes one; then bytes decide
//   TEXT column, number       SQLite may turn either side: no bound at all
//   untyped column, number    SQLite may turn TEXT that looks like a number: that range is read as well
//   TEXT above another table  a bound from a numeric column turns TEXT that looks like a number: widened to it
// A range may hold rows that do not match: SQLite checks every row again. It must not miss one that does.
#pragma once

#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "sql/read_plan.hpp"

struct sqlite3_value;

namespace ddb::sql {

/// A key (`end` is empty) or the keys in [start, end).
struct KeyPiece {
  Bytes start;
  Bytes end;
  bool point() const { return end.empty(); }
};

struct RangeContext {
  const Table& table;
  const ReadPlan& plan;
  Bytes prefix;        // of the path's keys
  bool other_tables;   // the statement reads others too: a value may have come from a numeric column
};

struct KeyPieces {
  std::vector<KeyPiece> pieces;  // disjoint, ascending; none: nothing can match
  bool ambiguous = false;        // a part that should have one value may have several: its order is not the path's
};

/// `arguments`: xFilter's argv.
KeyPieces key_pieces(const RangeContext& context, sqlite3_value** arguments);

}  // namespace ddb::sql
