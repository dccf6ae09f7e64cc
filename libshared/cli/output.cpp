#include "cli/output.hpp"

#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>

#include "base/assert.hpp"
#include "base/overloaded.hpp"
#include "cli/text.hpp"

namespace ddb::cli {

namespace {

constexpr size_t page_rows = 100;  // that decide a table's widths

bool is_number(const Cell& cell) {
  return std::holds_alternative<int64_t>(cell) || std::holds_alternative<uint64_t>(cell) ||
         std::holds_alternative<double>(cell);
}

/// As SQLite turns a real into text.
std::string real_text(double value) {
  char text[40];
  sqlite3_snprintf(sizeof text, text, "%!.15g", value);
  return text;
}

/// The fewest digits that read back equal, and a sign of being real. Infinity as a number that overflows to it.
std::string real_exact(double value) {
  if (std::isinf(value)) return value > 0 ? "9e999" : "-9e999";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

/// All but text, alike in table, tsv and csv.
template <class Text>
void append_plain(std::string& line, const Cell& cell, std::string_view null, Text&& text) {
  std::visit(Overloaded{[&](std::monostate) { line += null; },
                        [&](int64_t value) { fmt::format_to(std::back_inserter(line), "{}", value); },
                        [&](uint64_t value) { fmt::format_to(std::back_inserter(line), "{}", value); },
                        [&](double value) { line += real_text(value); },
                        [&](std::string_view value) { text(value); },
                        [&](Blob value) { line += "\\x" + to_hex(value.bytes); }},
             cell);
}

void append_tsv(std::string& line, std::string_view text) {
  for (const char c : text) switch (c) {
      case '\t': line += "\\t"; break;
      case '\n': line += "\\n"; break;
      case '\r': line += "\\r"; break;
      case '\\': line += "\\\\"; break;
      default: line += c;
    }
}

void append_csv(std::string& line, std::string_view text) {
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string_view::npos) {
    line += text;
    return;
  }
  line += '"';
  for (const char c : text) {
    if (c == '"') line += '"';
    line += c;
  }
  line += '"';
}

void append_json_text(std::string& line, std::string_view text) {
  line += '"';
  for (const char c : text) switch (c) {
      case '"': line += "\\\""; break;
      case '\\': line += "\\\\"; break;
      case '\n': line += "\\n"; break;
      case '\r': line += "\\r"; break;
      case '\t': line += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) line += fmt::format("\\u{:04x}", static_cast<int>(c));
        else line += c;
    }
  line += '"';
}

void append_json(std::string& line, const Cell& cell) {
  std::visit(Overloaded{[&](std::monostate) { line += "null"; },
                        [&](double value) { line += real_exact(value); },
                        [&](std::string_view value) { append_json_text(line, valid_utf8(value)); },
                        [&](Blob value) { line += "\"\\\\x" + to_hex(value.bytes) + '"'; },
                        [&](auto integer) { fmt::format_to(std::back_inserter(line), "{}", integer); }},
             cell);
}

/// SQL has no literal for a NUL inside a text.
void append_quote_text(std::string& line, std::string_view text) {
  if (text.find('\0') != std::string_view::npos) {
    line += "CAST(x'" + to_hex(text) + "' AS TEXT)";
    return;
  }
  line += '\'';
  for (const char c : text) {
    if (c == '\'') line += '\'';
    line += c;
  }
  line += '\'';
}

void append_quote(std::string& line, const Cell& cell) {
  std::visit(Overloaded{[&](std::monostate) { line += "NULL"; },
                        [&](double value) { line += real_exact(value); },
                        [&](std::string_view value) { append_quote_text(line, value); },
                        [&](Blob value) { line += "x'" + to_hex(value.bytes) + '\''; },
                        [&](auto integer) { fmt::format_to(std::back_inserter(line), "{}", integer); }},
             cell);
}

void append_padding(std::string& line, size_t width, size_t used) {
  if (used < width) line.append(width - used, ' ');
}

}  // namespace

/// The first page waits here until it is full or the set ends; then widths stand.
struct Output::Table {
  struct Field {
    std::string text;
    size_t width;
    bool number;
  };
  using Row = std::vector<Field>;

  std::vector<Row> page;
  std::vector<size_t> widths;
  std::vector<bool> right;
  bool sized = false;

  static Row fields(std::span<const Cell> cells) {
    Row row;
    for (const Cell& cell : cells) {
      std::string text;
      append_plain(text, cell, "NULL", [&](std::string_view value) { text = one_line(value); });
      const size_t width = display_width(text);
      row.push_back({std::move(text), width, is_number(cell)});
    }
    return row;
  }

  void size_columns(const std::vector<std::string>& names) {
    sized = true;
    right.assign(names.size(), !page.empty());
    for (const std::string& name : names) widths.push_back(display_width(one_line(name)));
    for (const Row& row : page)
      for (size_t i = 0; i < row.size(); ++i) {
        widths[i] = std::max(widths[i], row[i].width);
        if (!row[i].number && row[i].text != "NULL") right[i] = false;
      }
  }

  void append(std::string& line, const Row& row) const {
    for (size_t i = 0; i < row.size(); ++i) {
      if (i > 0) line += "  ";
      if (right[i]) append_padding(line, widths[i], row[i].width);
      line += row[i].text;
      if (!right[i] && i + 1 < row.size()) append_padding(line, widths[i], row[i].width);
    }
    line += '\n';
  }
};

Output::Output(Format format, bool header, std::FILE* file) : format_{format}, header_{header}, file_{file} {
  if (format_ == Format::automatic) format_ = isatty(fileno(file)) ? Format::table : Format::tsv;
}

Output::~Output() {
  end_set();
  std::fflush(file_);
}

void Output::columns(std::vector<std::string> names) {
  end_set();
  names_ = std::move(names);
  if (format_ == Format::table) {
    if (!first_set_) write("\n");
    table_ = std::make_unique<Table>();
  } else if (header_ && (format_ == Format::tsv || format_ == Format::csv)) {
    line_.clear();
    for (size_t i = 0; i < names_.size(); ++i) {
      if (i > 0) line_ += format_ == Format::tsv ? '\t' : ',';
      if (format_ == Format::tsv) append_tsv(line_, names_[i]);
      else append_csv(line_, names_[i]);
    }
    line_ += '\n';
    write(line_);
  }
  first_set_ = false;
}

bool Output::text(std::string_view text) {
  end_set();
  write(text);
  return error_ == 0;
}

void Output::use(Format format, bool header) {
  end_set();
  format_ = format;
  header_ = header;
}

void Output::interrupted() {
  end_set();
  flush();
  first_set_ = true;
}

bool Output::row(std::span<const Cell> cells) {
  DDB_ASSERT(cells.size() == names_.size());
  line_.clear();
  if (format_ == Format::table) {
    auto fields = Table::fields(cells);
    if (!table_->sized) {
      table_->page.push_back(std::move(fields));
      if (table_->page.size() == page_rows) write_page();
      return error_ == 0;
    }
    table_->append(line_, fields);
  } else {
    append_record(cells);
  }
  write(line_);
  return error_ == 0;
}

void Output::append_record(std::span<const Cell> cells) {
  if (format_ == Format::json) line_ += '{';
  for (size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line_ += format_ == Format::tsv ? '\t' : ',';
    switch (format_) {
      case Format::tsv:
        append_plain(line_, cells[i], "\\N", [&](std::string_view text) { append_tsv(line_, text); });
        break;
      case Format::csv:
        append_plain(line_, cells[i], "", [&](std::string_view text) { append_csv(line_, text); });
        break;
      case Format::json:
        append_json_text(line_, names_[i]);
        line_ += ':';
        append_json(line_, cells[i]);
        break;
      default: append_quote(line_, cells[i]);
    }
  }
  line_ += format_ == Format::json ? "}\n" : "\n";
}

void Output::write_page() {
  table_->size_columns(names_);
  line_.clear();
  if (header_) {
    Table::Row head;
    for (const std::string& name : names_) {
      std::string text = one_line(name);
      const size_t width = display_width(text);
      head.push_back({std::move(text), width, false});
    }
    table_->append(line_, head);
    for (size_t i = 0; i < names_.size(); ++i) {
      if (i > 0) line_ += "  ";
      line_.append(table_->widths[i], '-');
    }
    line_ += '\n';
  }
  for (const auto& row : table_->page) table_->append(line_, row);
  table_->page.clear();
  write(line_);
}

void Output::end_set() {
  if (table_ && !table_->sized) write_page();
  table_.reset();
}

bool Output::flush() {
  if (table_ && !table_->sized) write_page();
  if (error_ == 0 && std::fflush(file_) != 0) error_ = errno;
  return error_ == 0;
}

Result<void> Output::close() {
  end_set();
  flush();
  if (error_ == 0) return {};
  return fail(Code::io, fmt::format("cannot write the output: {}", std::strerror(error_)));
}

bool Output::failed() const { return error_ != 0; }
bool Output::broken_pipe() const { return error_ == EPIPE; }

void Output::write(std::string_view text) {
  if (error_ == 0 && std::fwrite(text.data(), 1, text.size(), file_) != text.size()) error_ = errno;
}

}  // namespace ddb::cli
