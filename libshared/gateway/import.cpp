#include "gateway/import.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cli/text.hpp"
#include "sql/schema.hpp"

namespace ddb::gateway {

namespace {

constexpr size_t statement_values = 1000;   // of one INSERT: its plan is kept
constexpr size_t statement_rows_max = 200;
constexpr size_t batch_bytes_max = 8 << 20; // well below what a transaction may write
constexpr int attempts_max = 10;            // of a batch that meets conflicts

class NoRows final : public sql::RowSink {
  Result<void> columns(std::span<const sql::ColumnInfo>) override { return {}; }
  Result<void> row(std::span<const sql::ValueView>) override { return {}; }
};

/// The row's own fault: data (22), a constraint (23), too large (54).
bool is_of_row(const sql::SqlError& error) {
  return error.sqlstate.starts_with("22") || error.sqlstate.starts_with("23") || error.sqlstate.starts_with("54");
}

/// Nothing of it happened, and the same may succeed: another transaction came first.
bool is_conflict(const sql::SqlError& error) { return error.sqlstate == "40001"; }

std::string insert_text(const std::string& table, const std::vector<std::string>& columns, Existing existing, size_t rows) {
  std::string out = existing == Existing::replace ? "INSERT OR REPLACE INTO main." : "INSERT INTO main.";
  out += sql::quote_name(table) + "(";
  for (size_t i = 0; i < columns.size(); ++i) out += (i == 0 ? "" : ",") + sql::quote_name(columns[i]);
  out += ") VALUES ";
  for (size_t row = 0; row < rows; ++row)
    for (size_t i = 0; i < columns.size(); ++i) out += fmt::format("{}?{}", i > 0 ? "," : row > 0 ? ",(" : "(", i + 1 == columns.size() ? ")" : "");
  if (existing == Existing::skip) out += " ON CONFLICT DO NOTHING";
  return out;
}

size_t bytes_of(const Record& record) {
  size_t bytes = sizeof(Record);
  for (const auto& value : record.values) {
    bytes += sizeof value;
    if (const auto* text = std::get_if<std::string>(&value)) bytes += text->size();
  }
  return bytes;
}

}  // namespace

Import::Import(sql::Session& load, sql::Session& careful, ImportOptions options)
    : load_{load}, careful_{careful}, options_{std::move(options)} {}

Result<void> Import::run(std::string_view name, const ReadText& read, ImportCounts& counts) {
  name_ = name;
  RecordReader records{options_.format, options_.separator};
  Result<void> done;
  for (bool more = true; more && done;) {
    const auto text = read();
    if (!text) {
      done = stop(text.error());
      break;
    }
    more = !text->empty();
    records.feed(*text);
    while (done) {
      auto record = records.next();
      if (!record) break;
      done = take(*std::move(record));
    }
  }
  if (done) done = flush();
  counts = counts_;
  return done;
}

Result<void> Import::take(Record record) {
  const bool titles = options_.header && options_.format != RecordFormat::json && !ready_;
  if (titles) return take_header(record);
  if (record.line < options_.from_line) {
    counts_.next_line = record.line + 1;
    return {};
  }
  if (!ready_ && options_.format == RecordFormat::json && record.trouble.empty())
    if (auto created = create_table(record.names); !created) return created;
  if (!ready_)
    if (auto found = find_columns(); !found) return found;
  const bool blank = record.trouble.empty() && record.values.size() == 1 && codec::is_null(record.values[0]) && columns_.size() > 1;
  if (blank && options_.format != RecordFormat::json) return {};
  if (record.trouble.empty() && options_.format != RecordFormat::json) {
    if (record.values.size() != columns_.size())
      record.trouble = fmt::format("it has {} fields, not {}", record.values.size(), columns_.size());
    record.names = columns_;
  }
  for (const auto& key : record.names)
    if (std::ranges::none_of(columns_, [&](const auto& column) { return sql::same_name(column, key); }))
      record.trouble = fmt::format("table {} has no column named {}", options_.table, key);
  if (record.trouble.empty() && record.values.empty()) record.trouble = "it has no values";
  batch_bytes_ += bytes_of(record);
  batch_.push_back(std::move(record));
  return batch_.size() < options_.batch && batch_bytes_ < batch_bytes_max ? Result<void>{} : flush();
}

Result<void> Import::take_header(const Record& record) {
  if (!record.trouble.empty()) return stop({Code::bad_data, complaint(record.line, record.trouble), "its first record must name the columns", {}});
  std::vector<std::string> names;
  for (const auto& value : record.values) {
    const auto* text = std::get_if<std::string>(&value);
    names.push_back(text != nullptr ? *text : "");
  }
  if (auto created = create_table(names); !created) return created;
  if (auto found = find_columns(); !found) return found;
  for (const auto& column : names)
    if (std::ranges::none_of(columns_, [&](const auto& known) { return sql::same_name(known, column); }))
      return stop({Code::bad_data, complaint(record.line, fmt::format("table {} has no column named \"{}\"", options_.table, column)),
                   "name columns in the first record, or say that it is data", {}});
  columns_ = std::move(names);
  counts_.next_line = record.line + 1;
  return {};
}

/// What an INSERT without names would take.
Result<void> Import::find_columns() {
  const auto schema = load_.schema();
  if (!schema) return std::unexpected(schema.error());
  const sql::Table* table = (*schema)->find_table(options_.table);
  if (table == nullptr) return stop({Code::not_found, "there is no table " + options_.table, "create it first", {}});
  for (const auto& column : table->columns)
    if (column.generated == sql::Generated::no) columns_.push_back(column.name);
  ready_ = true;
  return {};
}

Result<void> Import::create_table(const std::vector<std::string>& names) {
  if (!options_.create) return {};
  std::string ddl = "CREATE TABLE IF NOT EXISTS " + sql::quote_name(options_.table) + "(";
  for (size_t i = 0; i < names.size(); ++i) ddl += (i == 0 ? "\n" : ",\n") + sql::quote_name(names[i]) + " TEXT";
  const auto made = load_.execute(ddl + "\n)");
  return made ? Result<void>{} : stop(made.error().error);
}

/// Whole batches at full speed. One that has a bad row is done again, a row at a time, to know which.
Result<void> Import::flush() {
  if (batch_.empty()) return {};
  const bool whole = std::ranges::all_of(batch_, [](const Record& record) { return record.trouble.empty(); });
  sql::SqlResult<uint64_t> done = std::unexpected(sql::SqlError{{}, "23000", {}});
  std::vector<std::string> troubles;
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    if (whole) done = insert_all(load_);
    if (!done && is_of_row(done.error())) done = insert_one_by_one(troubles);
    if (done || !is_conflict(done.error())) break;
  }
  load_.rollback();
  careful_.rollback();
  if (options_.report)
    for (const auto& trouble : troubles) options_.report(trouble);
  if (!done) {
    if (done.error().error.code == Code::unknown_outcome)
      done.error().error.message += fmt::format("; rows of lines {} to {} may be in", batch_.front().line, batch_.back().line);
    return stop(done.error().error);
  }
  counts_.rows += *done;
  counts_.bad += troubles.size();
  counts_.next_line = batch_.back().line + 1;
  batch_.clear();
  batch_bytes_ = 0;
  if (options_.progress) options_.progress(counts_.rows);
  return {};
}

sql::SqlResult<uint64_t> Import::insert_all(sql::Session& session) {
  session.rollback();
  if (auto begun = session.execute("BEGIN"); !begun) return std::unexpected(begun.error());
  uint64_t rows = 0;
  for (size_t first = 0; first < batch_.size();) {
    const size_t width = std::max<size_t>(batch_[first].values.size(), 1);
    const size_t most = first + std::clamp<size_t>(statement_values / width, 1, statement_rows_max);
    size_t last = first + 1;
    while (last < std::min(most, batch_.size()) && batch_[last].names == batch_[first].names) ++last;
    const auto inserted = insert_rows(session, first, last);
    if (!inserted) return inserted;
    rows += *inserted;
    first = last;
  }
  if (auto committed = session.execute("COMMIT"); !committed) return std::unexpected(committed.error());
  return rows;
}

sql::SqlResult<uint64_t> Import::insert_rows(sql::Session& session, size_t first, size_t last) {
  std::vector<sql::Parameter> parameters;
  for (size_t i = first; i < last; ++i)
    for (const auto& value : batch_[i].values) parameters.push_back({{}, value});
  NoRows none;
  const auto done = session.execute(insert_text(options_.table, batch_[first].names, options_.existing, last - first), parameters, none);
  if (!done) return std::unexpected(done.error());
  return static_cast<uint64_t>(done->changes);
}

sql::SqlResult<uint64_t> Import::insert_one_by_one(std::vector<std::string>& troubles) {
  troubles.clear();
  careful_.rollback();
  if (auto begun = careful_.execute("BEGIN"); !begun) return std::unexpected(begun.error());
  uint64_t rows = 0;
  for (size_t i = 0; i < batch_.size(); ++i) {
    std::string trouble = batch_[i].trouble;
    if (trouble.empty()) {
      const auto inserted = insert_rows(careful_, i, i + 1);
      if (!inserted && !is_of_row(inserted.error())) return inserted;
      if (inserted) rows += *inserted;
      else trouble = to_string(inserted.error().error);
    }
    if (trouble.empty()) continue;
    troubles.push_back(complaint(batch_[i].line, trouble));
    if (counts_.bad + troubles.size() > options_.bad_max)
      return std::unexpected(sql::SqlError{{Code::bad_data, options_.bad_max == 0 ? "a row is bad" : fmt::format("more than {} rows are bad", options_.bad_max), {}, {}}, "22000", {}});
  }
  if (auto committed = careful_.execute("COMMIT"); !committed) return std::unexpected(committed.error());
  return rows;
}

std::string Import::complaint(size_t line, std::string_view trouble) const {
  return fmt::format("{}:{}: {}", name_, line, cli::one_line(trouble));
}

/// What is in stays in: how to go on.
std::unexpected<Error> Import::stop(Error error) const {
  if (counts_.rows > 0 || counts_.bad > 0)
    error.hint = fmt::format("{} rows are in, of the lines before {}: go on with --from {}", counts_.rows, counts_.next_line, counts_.next_line);
  return std::unexpected(std::move(error));
}

}  // namespace ddb::gateway
