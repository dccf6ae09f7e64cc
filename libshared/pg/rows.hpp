// What a statement returns, as DataRow messages.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "pg/prepared.hpp"
#include "pg/reply.hpp"
#include "sql/session.hpp"

namespace ddb::pg {

/// How the client wants the columns: none: text; one: all so.
using Formats = std::vector<Format>;

/// Appends one DataRow. Errors of put_binary; 22021.
SqlResult<void> put_row(Bytes& out, std::span<const Field> fields, std::span<const sql::ValueView> values);

/// The types of columns: as told before, as declared, as the statement's text says, and by the first row's values for the others.
std::vector<Field> fields_of(const Statement& statement, std::span<const sql::ColumnInfo> columns, const Formats& formats,
                             std::span<const sql::ValueView> first_row);

}  // namespace ddb::pg
