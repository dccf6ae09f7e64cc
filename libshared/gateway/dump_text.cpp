// A dump as text: literals that read back bit by bit.
#include <fmt/format.h>

#include <cmath>

#include "gateway/dump.hpp"
#include "sql/lexer.hpp"
#include "sql/query.hpp"

namespace ddb::gateway {

struct Literals::Impl {
  sql::PrivateDb db;
  sql::Query read;
};

Literals::Literals() : impl_{std::make_unique<Impl>()} {
  if (auto read = sql::Query::prepare(impl_->db.get(), "SELECT CAST(? AS REAL)", true)) impl_->read = *std::move(read);
}
Literals::~Literals() = default;

/// SQLite's reader of decimals is not correctly rounded everywhere; this asks it.
bool Literals::reads_back(const std::string& text, double value) const {
  if (!impl_->read) return false;
  const sql::ResetGuard reset{impl_->read};
  impl_->read.bind(1, std::string_view{text});
  const auto got = impl_->read.next();
  if (!got || !*got) return false;
  const sql::ValueView read = impl_->read.column(0);
  return codec::identical(read, value);
}

namespace {

std::string decimal(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

/// The odd integer in it times powers of two, each of which is read exactly: no product on the way is rounded.
std::string factors(double value) {
  int exponent = 0;
  std::string text = decimal(std::ldexp(std::frexp(value, &exponent), 53));
  for (exponent -= 53; exponent != 0;) {
    const int step = std::clamp(exponent, -32, 32);
    text += (step < 0 ? "/" : "*") + decimal(std::ldexp(1.0, std::abs(step)));
    exponent -= step;
  }
  return text;
}

}  // namespace

std::string Literals::real(double value) const {
  if (std::isinf(value)) return value > 0 ? "1e999" : "-1e999";
  std::string text = decimal(value);
  if (reads_back(text, value)) return text;
  text = fmt::format("{:.19e}", value);
  return reads_back(text, value) ? text : factors(value);
}

namespace {

std::string hex_literal(std::string_view bytes) { return "X'" + to_hex(bytes) + "'"; }

/// No literal can hold a NUL, and the sqlite3 shell drops a carriage return at the end of a line.
std::string text_literal(std::string_view text) {
  if (text.find('\0') != std::string_view::npos || text.find("\r\n") != std::string_view::npos)
    return "CAST(" + hex_literal(text) + " AS TEXT)";
  return sql::quote_text(text);
}

}  // namespace

void Literals::append(std::string& out, const sql::ValueView& value) const {
  if (const auto* text = std::get_if<std::string_view>(&value)) out += text_literal(*text);
  else if (const auto* integer = std::get_if<int64_t>(&value)) fmt::format_to(std::back_inserter(out), "{}", *integer);
  else if (const auto* number = std::get_if<double>(&value)) out += real(*number);
  else if (const auto* blob = std::get_if<codec::BlobView>(&value)) out += hex_literal(blob->bytes);
  else out += "NULL";
}

Result<void> DumpText::begin() { return write_("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n"); }
Result<void> DumpText::end() { return write_("COMMIT;\n"); }

/// A comment at its end would take the semicolon in.
Result<void> DumpText::statement(std::string_view sql) {
  line_ = sql;
  line_ += sql.find("--") == std::string_view::npos ? ";\n" : "\n;\n";
  return write_(line_);
}

Result<void> DumpText::rows_of(std::string_view insert, size_t) {
  insert_ = std::string{insert} + " VALUES(";
  return {};
}

Result<void> DumpText::row(std::span<const sql::ValueView> values) {
  line_ = insert_;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) line_ += ',';
    literals_.append(line_, values[i]);
  }
  line_ += ");\n";
  return write_(line_);
}

}  // namespace ddb::gateway
