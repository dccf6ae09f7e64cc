// What a statement returns, onto an Output.
#pragma once

#include <vector>

#include "cli/output.hpp"
#include "sql/session.hpp"

namespace ddb::gateway {

class OutputRows : public sql::RowSink {
 public:
  explicit OutputRows(cli::Output& out) : out_{out} {}
  Result<void> columns(std::span<const sql::ColumnInfo> columns) override;
  /// io: nobody can read the rows; out.close() says why.
  Result<void> row(std::span<const sql::ValueView> values) override;

 private:
  cli::Output& out_;
  std::vector<cli::Cell> cells_;
};

}  // namespace ddb::gateway
