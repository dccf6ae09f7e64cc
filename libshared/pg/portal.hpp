// Portals and cursors: statements with their parameters, and rows that wait for the next Execute or FETCH. Shared by backend's files.
#pragma once

#include <deque>

#include "pg/backend.hpp"
#include "pg/rows.hpp"

namespace ddb::pg {

struct Backend::Portal {
  std::shared_ptr<Statement> statement;
  std::vector<sql::Parameter> parameters = {};
  Formats formats = {};
  bool describe = false;  // RowDescription is due, with the first row's types
  bool started = false;
  std::vector<Field> fields = {};
  std::deque<Bytes> held = {};  // DataRows beyond what was asked for
  size_t held_bytes = 0;   // at most portal_bytes_max
};

/// Rows of a portal: the first `rows_max` go out, the others wait in it.
class Backend::Rows final : public sql::RowSink {
 public:
  Rows(Backend& backend, Portal& portal, uint64_t rows_max) : backend_{backend}, portal_{portal}, rows_max_{rows_max} {}

  Result<void> columns(std::span<const sql::ColumnInfo> columns) override;
  Result<void> row(std::span<const sql::ValueView> values) override;
  /// The statement has succeeded.
  void finish();
  uint64_t sent() const { return sent_; }
  /// Why the statement was stopped by its rows.
  std::optional<SqlError> take_refusal() { return std::exchange(refusal_, {}); }

 private:
  void settle(std::span<const sql::ValueView> first_row);
  Result<void> stop(SqlError refusal);

  Backend& backend_;
  Portal& portal_;
  uint64_t rows_max_;
  uint64_t sent_ = 0;
  std::optional<std::vector<sql::ColumnInfo>> columns_;  // whose types are not settled yet
  std::optional<SqlError> refusal_;
};

}  // namespace ddb::pg
