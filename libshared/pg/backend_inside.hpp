// What backend's files share beside its class.
#pragma once

#include "pg/copy.hpp"
#include "pg/portal.hpp"
#include "sql/schema.hpp"

namespace ddb::pg {

/// A Query message's statements, of which some are done.
struct Backend::Query {
  std::string text;
  std::vector<std::string_view> statements;  // in it
  size_t next = 0;
};

struct Backend::CopyIn {
  explicit CopyIn(const CopyCommand& with) : command{with}, reader{command} {}

  const CopyCommand command;
  CopyReader reader;
  std::vector<std::string> columns;
  std::vector<uint32_t> types;
  size_t batch_rows = 1;               // of one INSERT
  std::vector<sql::Parameter> values;  // of rows that wait to be inserted
  size_t waiting = 0;                  // how many
  uint64_t rows = 0;                   // inserted
  uint64_t committed = 0;              // of them, with FREEZE
};

}  // namespace ddb::pg
