// Workloads that are checked by what must always be true of them. Each is called with its own operations, in order of their beginning.
#pragma once

#include <span>

#include "check/history.hpp"
#include "check/report.hpp"

namespace ddb::check {

/// bank: every "read" sees all accounts, and the same sum as the first "write" put there; when all is over, an account holds what
/// the transfers that took place have left in it (those with unknown outcome: or have not).
void check_bank(const History& history, std::span<const uint32_t> operations, Report& report);

/// write-skew: rows in pairs, named aNUMBER and bNUMBER. An "insert" reads both and writes one if both are missing: so never both exist.
void check_write_skew(const History& history, std::span<const uint32_t> operations, Report& report);

/// sequential: "write" raises one row after another, 0/GROUP, 1/GROUP and so on, to the same number, each in a transaction of its own, and
/// then begins again with the next number. So no row may ever be ahead of one before it, and no row may go back.
void check_sequential(const History& history, std::span<const uint32_t> operations, Report& report);

/// set: "add" inserts a row, "read" scans all rows of a set, in any order.
void check_set(const History& history, std::span<const uint32_t> operations, Report& report);

}  // namespace ddb::check
