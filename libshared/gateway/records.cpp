#include "gateway/records.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "check/json.hpp"
#include "cli/text.hpp"

namespace ddb::gateway {

namespace {

using codec::Value;

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
constexpr size_t slack_bytes = 1 << 20;  // taken records in front of the buffer, until they are moved out

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

std::optional<Value> blob(std::string_view digits) {
  if (digits.size() % 2 != 0) return std::nullopt;
  codec::Blob out;
  for (size_t i = 0; i < digits.size(); i += 2) {
    const int high = hex_digit(digits[i]);
    const int low = hex_digit(digits[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.bytes += static_cast<char>(high << 4 | low);
  }
  return Value{std::move(out)};
}

/// nullopt: an escape that there is not.
std::optional<Value> tsv_value(std::string_view field) {
  if (field == "\\N") return Value{};
  if (field.starts_with("\\x")) return blob(field.substr(2));
  std::string text;
  for (size_t i = 0; i < field.size(); ++i) {
    if (field[i] != '\\') {
      text += field[i];
      continue;
    }
    if (++i == field.size()) return std::nullopt;
    const size_t known = std::string_view{"tnr\\"}.find(field[i]);
    if (known == std::string_view::npos) return std::nullopt;
    text += "\t\n\r\\"[known];
  }
  return Value{std::move(text)};
}

template <class T>
std::optional<Value> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return Value{value};
}

Value json_value(check::JsonReader& in) {
  const char first = in.peek();
  if (first == '"') return in.string();
  const std::string_view before = in.rest();
  in.skip();
  const std::string_view text = before.substr(0, before.size() - in.rest().size());
  if (first == '{' || first == '[') return std::string{text};
  if (text == "null") return {};
  if (text == "true" || text == "false") return int64_t{text == "true"};
  if (auto integer = number<int64_t>(text)) return *std::move(integer);
  if (auto real = number<double>(text)) return *std::move(real);
  in.refuse();
  return {};
}

void parse_json(std::string_view text, Record& record) {
  check::JsonReader in{text};
  in.object([&](std::string_view name) {
    record.names.emplace_back(name);
    record.values.push_back(json_value(in));
  });
  if (!in.ok() || !in.at_end()) record.trouble = "it is not a JSON object";
}

}  // namespace

void RecordReader::feed(std::string_view bytes) {
  if (begin_ > slack_bytes || begin_ == buffer_.size()) {
    buffer_.erase(0, begin_);
    scanned_ -= begin_;
    begin_ = 0;
  }
  ended_ = bytes.empty();
  buffer_ += bytes;
}

void RecordReader::skip_mark() {
  if (marked_ || (buffer_.size() < byte_order_mark.size() && !ended_)) return;
  marked_ = true;
  if (buffer_.starts_with(byte_order_mark)) begin_ = scanned_ = byte_order_mark.size();
}

void RecordReader::step(char c) {
  const bool separates = c == separator_;
  switch (state_) {
    case State::start: state_ = separates ? State::start : c == '"' ? State::quoted : State::plain; break;
    case State::plain: state_ = separates ? State::start : State::plain; break;
    case State::quoted: state_ = c == '"' ? State::closing : State::quoted; break;
    case State::closing: state_ = separates ? State::start : c == '"' ? State::quoted : State::plain; break;
  }
}

bool RecordReader::cut() {
  if (begin_ == scanned_ && !oversized_) first_line_ = line_;
  for (; scanned_ < buffer_.size(); ++scanned_) {
    const char c = buffer_[scanned_];
    if (c == '\n') ++line_;
    if (c == '\n' && state_ != State::quoted) {
      ++scanned_;
      return true;
    }
    if (format_ == RecordFormat::csv) step(c);
    if (scanned_ - begin_ < record_bytes_max) continue;
    oversized_ = true;
    begin_ = scanned_;
  }
  return ended_ && (begin_ < scanned_ || oversized_);
}

std::optional<Record> RecordReader::next() {
  skip_mark();
  if (!marked_ || !cut()) return std::nullopt;
  std::string_view text = std::string_view{buffer_}.substr(begin_, scanned_ - begin_);
  begin_ = scanned_;
  const bool open = state_ == State::quoted;
  state_ = State::start;
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r') && !open) text.remove_suffix(1);
  Record record;
  if (std::exchange(oversized_, false)) record.trouble = "it is longer than 16 MB";
  if (open) record.trouble = "a quote that begins a field is never closed";
  if (record.trouble.empty()) record = parse(text);
  record.line = first_line_;
  return record;
}

Record RecordReader::parse(std::string_view text) const {
  Record record;
  if (cli::valid_utf8(text) != text) {
    record.trouble = "it is not UTF-8";
    return record;
  }
  switch (format_) {
    case RecordFormat::csv: parse_csv(text, record); break;
    case RecordFormat::tsv: parse_tsv(text, record); break;
    case RecordFormat::json: parse_json(text, record); break;
  }
  return record;
}

void RecordReader::parse_csv(std::string_view text, Record& record) const {
  for (size_t at = 0;; ++at) {
    std::string field;
    const bool quoted = at < text.size() && text[at] == '"';
    if (quoted) {
      for (++at; text[at] != '"' || (at + 1 < text.size() && text[at + 1] == '"'); ++at) {
        if (text[at] == '"') ++at;
        field += text[at];
      }
      ++at;
    }
    const size_t end = std::min(text.find(separator_, at), text.size());
    if (quoted && end > at) {
      record.trouble = fmt::format("field {} goes on behind its closing quote", record.values.size() + 1);
      return;
    }
    if (!quoted) field = text.substr(at, end - at);
    record.values.push_back(field.empty() && !quoted ? Value{} : Value{std::move(field)});
    if (end == text.size()) return;
    at = end;
  }
}

void RecordReader::parse_tsv(std::string_view text, Record& record) const {
  for (size_t at = 0;;) {
    const size_t end = std::min(text.find('\t', at), text.size());
    auto value = tsv_value(text.substr(at, end - at));
    if (!value) {
      record.trouble = fmt::format("field {} has a backslash that means nothing", record.values.size() + 1);
      return;
    }
    record.values.push_back(*std::move(value));
    if (end == text.size()) return;
    at = end + 1;
  }
}

}  // namespace ddb::gateway
