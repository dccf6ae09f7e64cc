// How a read table will be read: the answer to xBestIndex, and what xFilter goes by.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sql/schema.hpp"

struct sqlite3_index_info;

namespace ddb::sql {

/// One constraint on one part of a key; `argument` is its place among xFilter's values, from 0; -1 for is_null.
struct KeyTerm {
  enum class Op : uint8_t { eq, is, is_null, in, gt, ge, lt, le };
  Op op = Op::eq;
  int argument = -1;
  bool operator==(const KeyTerm&) const = default;
};

/// What else is asked of one column of the rows that are scanned, for the ranges to look at; `argument` as above.
struct FilterTerm {
  enum class Op : uint8_t { eq, ne, lt, le, gt, ge, is, is_not, is_null, not_null, in };
  Op op = Op::eq;
  uint32_t column = 0;
  Collation collation = Collation::binary;
  int argument = -1;
  bool operator==(const FilterTerm&) const = default;
};

/// A path through ordered keys: the rows themselves, an index, or one column that a statement's cache sorts.
struct KeyPath {
  enum class Kind : uint8_t { rows, index, column };
  Kind kind = Kind::rows;
  uint64_t index = 0;            // id, of an index
  std::vector<KeyColumn> parts;  // what its keys are made of, in order
  bool unique = false;           // the parts, none of them NULL, tell one row
  bool operator==(const KeyPath&) const = default;
};

/// One term of an ORDER BY that SQLite leaves to us.
struct OrderTerm {
  uint32_t column = 0;
  codec::KeyOrder order;
  bool operator==(const OrderTerm&) const = default;
};

/// The paths of a table: rows first, then every public index that xBestIndex can know to apply.
std::vector<KeyPath> key_paths(const Table& table);
/// Path of one column without an index: scanned at first, sorted in memory when a statement comes back.
KeyPath column_path(const Column& column);

struct ReadPlan {
  KeyPath path;
  std::vector<KeyTerm> equal;        // on parts 0, 1, ...
  std::optional<KeyTerm> lower;      // on the part after them
  std::optional<KeyTerm> upper;
  bool reverse = false;              // walk the path downwards
  std::vector<OrderTerm> order;      // what the path's order, so walked, stands for; empty: none is asked for
  bool point = false;                // every part is equal to something: keys can be made
  int limit = -1;                    // arguments that size the first page, never more (SQL.md, trap 2)
  int offset = -1;
  std::vector<FilterTerm> filter;    // a row that fails any of these is not asked for; SQLite checks the others again
  std::optional<std::vector<uint32_t>> columns;  // ids of those that the statement uses, where that is not all
  std::string text;                  // for EXPLAIN QUERY PLAN

  /// The part has one value in all that is read, unless affinities spoil it.
  bool fixed(size_t part) const { return part < equal.size() && equal[part].op != KeyTerm::Op::in; }
  bool whole() const { return equal.empty() && !lower && !upper; }
  bool operator==(const ReadPlan&) const = default;
};

/// Chooses a plan for what SQLite asks, and fills in all of its answers but idxNum and idxStr.
ReadPlan plan_read(const Table& table, const std::vector<KeyPath>& paths, sqlite3_index_info* info);

}  // namespace ddb::sql
