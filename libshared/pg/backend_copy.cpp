// COPY FROM STDIN and TO STDOUT.
#include <fmt/format.h>

#include <algorithm>

#include "pg/backend_inside.hpp"
#include "pg/values.hpp"

namespace ddb::pg {

namespace {

constexpr size_t batch_values = 1000;    // of one INSERT: its plan is kept
constexpr size_t batch_rows_max = 200;
constexpr uint64_t freeze_batches = 10;  // of one transaction, with FREEZE: so few that the session can do it again after a conflict

/// The table's columns that COPY names, or all that can be given.
SqlResult<std::vector<const sql::Column*>> copied_columns(const sql::Table& table, const std::vector<std::string>& names) {
  std::vector<const sql::Column*> out;
  for (const auto& name : names) {
    const sql::Column* column = table.find_column(name);
    if (column == nullptr) return refuse("42703", fmt::format("column \"{}\" of relation \"{}\" does not exist", name, table.name));
    out.push_back(column);
  }
  if (!names.empty()) return out;
  for (const sql::Column& column : table.columns) {
    if (column.generated == sql::Generated::no) out.push_back(&column);
  }
  return out;
}

std::string insert_text(const std::string& table, const std::vector<std::string>& columns, size_t rows) {
  std::string out = "INSERT INTO " + sql::quote_name(table) + " (";
  for (size_t i = 0; i < columns.size(); ++i) out += (i == 0 ? "" : ", ") + sql::quote_name(columns[i]);
  out += ") VALUES ";
  for (size_t row = 0; row < rows; ++row) {
    for (size_t i = 0; i < columns.size(); ++i) out += i > 0 ? ",?" : row > 0 ? ",(?" : "(?";
    out += ')';
  }
  return out;
}

}  // namespace

SqlResult<void> Backend::begin_copy_in(const CopyCommand& command) {
  if (settings_.is_on("transaction_read_only")) return refuse("25006", "cannot execute COPY FROM in a read-only transaction");
  const auto schema = surroundings_.schema();
  const sql::Table* table = schema->find_table(command.table);
  if (table == nullptr) return refuse("42P01", "relation \"" + command.table + "\" does not exist");
  auto columns = copied_columns(*table, command.columns);
  if (!columns) return std::unexpected(columns.error());
  if (auto opened = open_session(); !opened) return opened;
  if (auto begun = begin_implicit(); !begun) return begun;
  copy_ = std::make_unique<CopyIn>(command);
  for (const sql::Column* column : *columns) {
    copy_->columns.push_back(column->name);
    const uint32_t type = declared_type(column->type).oid;
    copy_->types.push_back(type == oid::boolean || type == oid::bytea ? type : oid::text);  // affinity does the rest
  }
  copy_->batch_rows = std::clamp<size_t>(batch_values / std::max<size_t>(columns->size(), 1), 1, batch_rows_max);
  put_copy_response(out_, 'G', columns->size());
  flush();
  return {};
}

bool Backend::copy_in(const Message& message) {
  if (const auto* data = std::get_if<CopyData>(&message)) {
    copy_->reader.feed(data->bytes);
    if (auto taken = copy_rows(); !taken) end_copy(taken.error());
    return true;
  }
  if (std::holds_alternative<CopyDone>(message)) {
    copy_->reader.finish();
    auto taken = copy_rows();
    if (taken) taken = insert_copied();
    if (taken) end_copy({});
    else end_copy(taken.error());
    return true;
  }
  if (const auto* given_up = std::get_if<CopyFail>(&message)) {
    end_copy(SqlError{{Code::failed, "COPY from stdin failed: " + given_up->reason, {}, {}}, "57014", {}});
    return true;
  }
  if (std::holds_alternative<Flush>(message) || std::holds_alternative<Sync>(message)) return true;
  end_copy(SqlError{{Code::failed, "unexpected message during COPY from stdin", {}, {}}, "08P01", {}});
  return false;
}

SqlResult<void> Backend::copy_rows() {
  CopyIn& copy = *copy_;
  const auto at_line = [&](SqlError error) {
    error.error.message = fmt::format("COPY {}, line {}: {}", copy.command.table, copy.reader.line(), error.error.message);
    return std::unexpected(std::move(error));
  };
  for (;;) {
    auto row = copy.reader.next();
    if (!row) return at_line(row.error());
    if (!*row) return {};
    CopyRow& fields = **row;
    const size_t width = copy.columns.size();
    if (fields.size() < width) {
      return at_line({{Code::failed, "missing data for column \"" + copy.columns[fields.size()] + "\"", {}, {}}, "22P04", {}});
    }
    if (fields.size() > width) return at_line({{Code::failed, "extra data after last expected column", {}, {}}, "22P04", {}});
    for (size_t i = 0; i < width; ++i) {
      sql::Parameter& parameter = copy.values.emplace_back();
      if (!fields[i]) continue;
      auto value = take_value(*fields[i], copy.types[i], Format::text);
      if (!value) return at_line(value.error());
      parameter.value = *std::move(value);
    }
    if (++copy.waiting < copy.batch_rows) continue;
    if (auto inserted = insert_copied(); !inserted) return inserted;
  }
}

SqlResult<void> Backend::insert_copied() {
  CopyIn& copy = *copy_;
  if (copy.waiting == 0) return {};
  class NoRows final : public sql::RowSink {
    Result<void> columns(std::span<const sql::ColumnInfo>) override { return {}; }
    Result<void> row(std::span<const sql::ValueView>) override { return {}; }
  } none;
  auto inserted = session_->execute(insert_text(copy.command.table, copy.columns, copy.waiting), copy.values, none);
  if (!inserted) {
    inserted.error().position.reset();
    return std::unexpected(inserted.error());
  }
  copy.rows += std::exchange(copy.waiting, 0);
  copy.values.clear();
  if (!copy.command.freeze || copy.rows - copy.committed < freeze_batches * copy.batch_rows) return {};
  copy.committed = copy.rows;
  for (const char* next : {"COMMIT", "BEGIN"}) {
    if (auto done = session_->execute(next); !done) return std::unexpected(done.error());
  }
  return {};
}

void Backend::end_copy(std::optional<SqlError> error) {
  const auto copy = std::move(copy_);
  const bool in_query = query_ != nullptr;
  if (error) {
    fail(*std::move(error));
    if (in_query) query_->next = query_->statements.size();
    else skipping_ = true;
  } else {
    put_command_complete(out_, fmt::format("COPY {}", copy->rows));
  }
  if (in_query) run_query();
}

/// Rows in COPY's format.
class Backend::CopyRows final : public sql::RowSink {
 public:
  CopyRows(Backend& backend, const CopyCommand& command) : backend_{backend}, command_{command} {}

  Result<void> columns(std::span<const sql::ColumnInfo> columns) override {
    put_copy_response(backend_.out_, 'H', columns.size());
    Bytes line;
    for (const auto& column : columns) {
      types_.push_back(declared_type(column.declared_type).oid);
      put_copy_field(line, command_, types_.size() == 1, column.name);
    }
    if (command_.header) put_copy_data(backend_.out_, line + '\n');
    return {};
  }
  Result<void> row(std::span<const sql::ValueView> values) override {
    Bytes line;
    for (size_t i = 0; i < values.size(); ++i) {
      Bytes text;
      put_text(text, types_[i], values[i]);
      put_copy_field(line, command_, i == 0, codec::is_null(values[i]) ? std::nullopt : std::optional<std::string_view>{text});
    }
    put_copy_data(backend_.out_, line + '\n');
    if (backend_.out_.size() >= output_batch_bytes && !backend_.flush()) return ddb::fail(Code::io, "the client is gone");
    return {};
  }

 private:
  Backend& backend_;
  const CopyCommand& command_;
  std::vector<uint32_t> types_;
};

Backend::Tag Backend::copy_out(const CopyCommand& command) {
  std::string names;
  for (const auto& column : command.columns) names += (names.empty() ? "" : ", ") + sql::quote_name(column);
  const std::string query = !command.query.empty() ? command.query
                                                   : "SELECT " + (names.empty() ? "*" : names) + " FROM " + sql::quote_name(command.table);
  CopyRows rows{*this, command};
  auto result = session_->execute(query, {}, rows);
  if (!result) {
    result.error().position.reset();
    return std::unexpected(result.error());
  }
  if (result->kind != sql::StatementKind::select) return refuse("0A000", "COPY of this statement is not supported");
  put_plain(out_, 'c');
  return fmt::format("COPY {}", result->rows);
}

}  // namespace ddb::pg
