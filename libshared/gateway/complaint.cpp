#include "gateway/complaint.hpp"

#include <fmt/format.h>

#include "check/json.hpp"
#include "cli/text.hpp"

namespace ddb::gateway {

namespace {

constexpr size_t text_bytes_max = 500;  // SQLite quotes a whole unfinished literal

std::string cut(std::string text) {
  if (text.size() > text_bytes_max) text.replace(text_bytes_max, std::string::npos, "...");
  return text;
}

std::string json_text(std::string_view text) { return check::json_string(cli::valid_utf8(cut(std::string{text}))); }

}  // namespace

Retry retry_of(Code code, bool kept) {
  if (code == Code::unknown_outcome || code == Code::internal) return Retry::unknown;
  return kept || code == Code::io ? Retry::unsafe : Retry::safe;
}

const char* name_of(Retry retry) {
  switch (retry) {
    case Retry::safe: return "safe";
    case Retry::unsafe: return "unsafe";
    case Retry::unknown: break;
  }
  return "unknown";
}

std::string text_line(const Complaint& complaint) {
  return fmt::format("{}:{}:{}: {} [{}]", complaint.file, complaint.line, complaint.column,
                     cut(cli::one_line(to_string(complaint.error.error))), complaint.error.sqlstate);
}

std::string json_line(const Complaint& complaint) {
  const Error& error = complaint.error.error;
  std::string line = fmt::format(R"({{"error":{},"code":"{}","kind":"{}","retry":"{}","file":{},"line":{},"column":{})", json_text(error.message),
                                 complaint.error.sqlstate, ddb::name_of(error.code), name_of(complaint.retry), json_text(complaint.file),
                                 complaint.line, complaint.column);
  if (!error.hint.empty()) line += ",\"hint\":" + json_text(error.hint);
  if (!complaint.statement.empty()) line += ",\"statement\":" + json_text(complaint.statement);
  return line + '}';
}

}  // namespace ddb::gateway
