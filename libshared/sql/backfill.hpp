// Work on stored rows that a schema change brings, in small transactions.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/result.hpp"
#include "env/kv.hpp"
#include "sql/rows.hpp"
#include "sql/schema.hpp"

namespace ddb::sql {

/// Called right before each commit; an error stops the work.
using WorkGuard = std::function<Result<void>()>;

/// Any row; nullopt: there is none.
Result<std::optional<Row>> sample_row(env::Kv& kv, const Table& table);

/// Gives every row its entry in an index in state write_only; an entry that is there already stays.
/// exists: two rows have the same values; message and hint as of unique_violation().
Result<void> backfill_index(env::Kv& kv, const Schema& schema, const Table& table, const Index& index, uint32_t rows_per_txn,
                            const WorkGuard& guard);

/// Gives every row its like in the table's second one, in state write_only, entries and all. Errors as above.
Result<void> backfill_second(env::Kv& kv, const Schema& schema, const Table& table, uint32_t rows_per_txn, const WorkGuard& guard);

}  // namespace ddb::sql
