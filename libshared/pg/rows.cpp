#include "pg/rows.hpp"

#include "pg/values.hpp"

namespace ddb::pg {

SqlResult<void> put_row(Bytes& out, std::span<const Field> fields, std::span<const sql::ValueView> values) {
  MessageWriter row{out, 'D'};
  row.u16(static_cast<uint16_t>(values.size()));
  for (size_t i = 0; i < values.size(); ++i) {
    if (codec::is_null(values[i])) {
      row.u32(UINT32_MAX);
      continue;
    }
    const size_t at = row.open_length();
    if (fields[i].format == Format::text) {
      put_text(out, fields[i].type, values[i]);
    } else if (auto put = put_binary(out, fields[i].type, values[i]); !put) {
      return put;
    }
    row.close_length(at);
  }
  row.end();
  return {};
}

std::vector<Field> fields_of(const Statement& statement, std::span<const sql::ColumnInfo> columns, const Formats& formats,
                             std::span<const sql::ValueView> first_row) {
  const bool told = statement.types.size() == columns.size();
  const auto known = static_columns(statement.sql(), columns);
  std::vector<Field> fields;
  fields.reserve(columns.size());
  for (size_t i = 0; i < columns.size(); ++i) {
    Field field{.name = known[i].name};
    const DeclaredType declared = declared_type(columns[i].declared_type);
    field.type = told ? statement.types[i] : known[i].type;
    if (field.type == declared.oid) field.modifier = declared.modifier;
    if (field.type == oid::unknown) field.type = i < first_row.size() ? type_of_value(first_row[i]) : oid::text;
    field.type_size = type_of(field.type).size;
    if (!formats.empty()) field.format = formats.size() == 1 ? formats[0] : i < formats.size() ? formats[i] : Format::text;
    fields.push_back(std::move(field));
  }
  return fields;
}

}  // namespace ddb::pg
