#include "pg/portal.hpp"

namespace ddb::pg {

Result<void> Backend::Rows::columns(std::span<const sql::ColumnInfo> columns) {
  columns_.emplace(columns.begin(), columns.end());
  return {};
}

/// Types that nothing declares are those of the first row.
void Backend::Rows::settle(std::span<const sql::ValueView> first_row) {
  Statement& statement = *portal_.statement;
  portal_.fields = fields_of(statement, *columns_, portal_.formats, first_row);
  columns_.reset();
  statement.types.clear();
  for (const Field& field : portal_.fields) statement.types.push_back(field.type);
  if (std::exchange(portal_.describe, false)) put_row_description(backend_.out_, portal_.fields);
}

Result<void> Backend::Rows::stop(SqlError refusal) {
  Error error = refusal.error;
  refusal_ = std::move(refusal);
  return std::unexpected(std::move(error));
}

Result<void> Backend::Rows::row(std::span<const sql::ValueView> values) {
  if (columns_) settle(values);
  const bool hold = sent_ == rows_max_;
  Bytes held;
  Bytes& out = hold ? held : backend_.out_;
  const size_t before = out.size();
  if (auto put = put_row(out, portal_.fields, values); !put) {
    out.resize(before);
    return stop(put.error());
  }
  if (hold) {
    portal_.held_bytes += held.size();
    if (portal_.held_bytes > portal_bytes_max) {
      return stop({{Code::refused, "the rows behind the limit take more than 64 MB", "ask for all rows, which stream, or add a LIMIT", {}}, "54000", {}});
    }
    portal_.held.push_back(std::move(held));
    return {};
  }
  ++sent_;
  if (out.size() >= output_batch_bytes && !backend_.flush()) return ddb::fail(Code::io, "the client is gone");
  return {};
}

void Backend::Rows::finish() {
  if (columns_) settle({});
}

}  // namespace ddb::pg
