// Refusals in PostgreSQL's terms.
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "sql/session.hpp"

namespace ddb::pg {

using sql::SqlError;
using sql::SqlResult;

/// `sqlstate` from PostgreSQL's appendix A.
inline std::unexpected<SqlError> refuse(std::string sqlstate, std::string message, std::string hint = {}) {
  return std::unexpected(SqlError{{Code::failed, std::move(message), std::move(hint), {}}, std::move(sqlstate), std::nullopt});
}

}  // namespace ddb::pg
