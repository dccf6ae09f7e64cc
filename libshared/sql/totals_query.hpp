// A statement whose totals its table's ranges add up (pushdown.hpp), ready to run on one connection.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "sql/pushdown.hpp"
#include "sql/query.hpp"

namespace ddb::sql {

/// What a read table's cursor is to ask its ranges for, in place of rows, and what they answer.
struct TotalsRead {
  const Table* table = nullptr;
  Bytes select;
  std::vector<env::KeyValue> answers;  // see codec::Selection::totals
  size_t bytes = 0;                    // of them
  bool asked = false;
  bool declined = false;               // it takes the rows themselves
  static constexpr size_t bytes_max = 32u << 20;
};

class TotalsQuery {
 public:
  /// nullptr: SQLite would not take what it was taken apart to, or makes other columns of it. Borrows the connection.
  static std::unique_ptr<TotalsQuery> prepare(sqlite3* db, Totals totals, int columns);
  ~TotalsQuery();
  TotalsQuery(const TotalsQuery&) = delete;
  TotalsQuery& operator=(const TotalsQuery&) = delete;

  using Bind = std::function<void(const Query&)>;
  /// Nothing: it is not for the ranges this time. Else the read is to be made by stepping probe() to its end.
  std::optional<TotalsRead> start(const Bind& bind) const;
  const Query& probe() const { return probe_; }
  /// merge() gives the statement's rows then. False: they have to be found otherwise. bad_data: an answer is damaged.
  Result<bool> take(TotalsRead read);
  const Query& merge() const { return merge_; }
  /// What was taken.
  void forget();

  struct Module;

 private:
  TotalsQuery(sqlite3* db, Totals totals);

  sqlite3* db_;
  const Totals totals_;
  std::shared_ptr<Module> module_;
  Query constants_;
  Query probe_;
  Query merge_;
};

}  // namespace ddb::sql
