#include "gateway/rows.hpp"

namespace ddb::gateway {

namespace {

cli::Cell cell(const sql::ValueView& value) {
  if (const auto* blob = std::get_if<codec::BlobView>(&value)) return cli::Blob{blob->bytes};
  if (const auto* text = std::get_if<std::string_view>(&value)) return *text;
  if (const auto* real = std::get_if<double>(&value)) return *real;
  if (const auto* integer = std::get_if<int64_t>(&value)) return *integer;
  return {};
}

}  // namespace

Result<void> OutputRows::columns(std::span<const sql::ColumnInfo> columns) {
  std::vector<std::string> names;
  for (const auto& column : columns) names.push_back(column.name);
  out_.columns(std::move(names));
  return {};
}

Result<void> OutputRows::row(std::span<const sql::ValueView> values) {
  cells_.clear();
  for (const auto& value : values) cells_.push_back(cell(value));
  if (out_.row(std::span<const cli::Cell>{cells_})) return {};
  return fail(Code::io, "cannot write the output");
}

}  // namespace ddb::gateway
