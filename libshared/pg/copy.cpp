#include "pg/copy.hpp"

#include <algorithm>

namespace ddb::pg {

namespace {

constexpr size_t slack_bytes = 64 << 10;  // taken lines in front of the buffer, until they are moved out

std::unexpected<SqlError> bad_row(std::string message) { return refuse("22P04", std::move(message)); }

int octal(char c) { return c >= '0' && c <= '7' ? c - '0' : -1; }
int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/// The character behind a backslash at `text[at]`, which moves on to its last byte.
char escaped(std::string_view text, size_t& at) {
  switch (const char c = text[at]) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'v': return '\v';
    case 'x': {
      int value = 0;
      size_t digits = 0;
      while (digits < 2 && at + 1 < text.size() && hex(text[at + 1]) >= 0) value = value * 16 + hex(text[++at]), ++digits;
      return digits == 0 ? 'x' : static_cast<char>(value);
    }
    default: {
      if (octal(c) < 0) return c;
      int value = octal(c);
      for (int more = 0; more < 2 && at + 1 < text.size() && octal(text[at + 1]) >= 0; ++more) value = value * 8 + octal(text[++at]);
      return static_cast<char>(value);
    }
  }
}

}  // namespace

void CopyReader::feed(std::string_view bytes) {
  if (begin_ > slack_bytes || begin_ == buffer_.size()) {
    buffer_.erase(0, begin_);
    scanned_ -= begin_;
    begin_ = 0;
  }
  if (!ended_) buffer_ += bytes;
}

/// Without its newline. In CSV a newline within quotes ends no line; in text an escaped one does not either.
std::optional<std::string_view> CopyReader::take_line() {
  for (; scanned_ < buffer_.size(); ++scanned_) {
    const char c = buffer_[scanned_];
    if (options_.csv && c == options_.quote) quoted_ = !quoted_;  // an escaped quote opens and closes
    if (options_.csv && quoted_ && options_.escape != options_.quote && c == options_.escape) {
      if (scanned_ + 1 == buffer_.size() && !finished_) return std::nullopt;
      ++scanned_;
      continue;
    }
    if (!options_.csv && c == '\\') {
      if (scanned_ + 1 == buffer_.size() && !finished_) return std::nullopt;
      ++scanned_;
      continue;
    }
    if (c != '\n' || quoted_) continue;
    const std::string_view line{buffer_.data() + begin_, scanned_ - begin_};
    begin_ = ++scanned_;
    return line;
  }
  scanned_ = buffer_.size();
  if (!finished_ || begin_ == buffer_.size()) return std::nullopt;
  const std::string_view line{buffer_.data() + begin_, buffer_.size() - begin_};
  begin_ = buffer_.size();
  return line;
}

SqlResult<std::optional<CopyRow>> CopyReader::next() {
  for (;;) {
    auto line = ended_ ? std::nullopt : take_line();
    if (buffer_.size() - begin_ > row_bytes_max) return refuse("54000", "a row of COPY is longer than 16 MB");
    if (!line) {
      if (quoted_ && finished_) return bad_row("unterminated CSV quoted field");
      return std::nullopt;
    }
    ++line_;
    if (line->ends_with('\r')) line->remove_suffix(1);
    if (*line == "\\.") {
      ended_ = true;
      continue;
    }
    if (line_ == 1 && options_.header) continue;
    auto row = options_.csv ? csv_row(*line) : text_row(*line);
    if (!row) return std::unexpected(row.error());
    return *std::move(row);
  }
}

SqlResult<CopyRow> CopyReader::text_row(std::string_view line) const {
  CopyRow row;
  for (size_t begin = 0;;) {
    size_t end = begin;
    while (end < line.size() && line[end] != options_.delimiter) end += line[end] == '\\' ? 2 : 1;
    end = std::min(end, line.size());
    const std::string_view raw = line.substr(begin, end - begin);
    auto& field = row.emplace_back();
    if (raw != options_.null) {
      field.emplace();
      for (size_t i = 0; i < raw.size(); ++i) {
        const bool escape = raw[i] == '\\' && i + 1 < raw.size();
        *field += escape ? escaped(raw, ++i) : raw[i];
      }
    }
    if (end == line.size()) return row;
    begin = end + 1;
  }
}

SqlResult<CopyRow> CopyReader::csv_row(std::string_view line) const {
  CopyRow row;
  for (size_t at = 0;; ++at) {
    std::string field;
    bool was_quoted = false;
    bool inside = false;
    for (; at < line.size() && (inside || line[at] != options_.delimiter); ++at) {
      const bool escapes = inside && line[at] == options_.escape && at + 1 < line.size() &&
                           (line[at + 1] == options_.quote || line[at + 1] == options_.escape);
      if (escapes) {
        field += line[++at];
      } else if (line[at] == options_.quote) {
        inside = !inside;
        was_quoted = true;
      } else {
        field += line[at];
      }
    }
    if (inside) return bad_row("unterminated CSV quoted field");
    if (!was_quoted && field == options_.null) row.emplace_back();
    else row.emplace_back(std::move(field));
    if (at >= line.size()) return row;
  }
}

void put_copy_field(Bytes& out, const CopyCommand& options, bool first, const std::optional<std::string_view>& text) {
  if (!first) out += options.delimiter;
  if (!text) {
    out += options.null;
    return;
  }
  if (options.csv) {
    const bool special = text->find_first_of(std::string{options.delimiter, options.quote, '\n', '\r'}) != text->npos;
    if (!special && *text != options.null && *text != "\\.") {
      out += *text;
      return;
    }
    out += options.quote;
    for (const char c : *text) {
      if (c == options.quote || c == options.escape) out += options.escape;
      out += c;
    }
    out += options.quote;
    return;
  }
  for (const char c : *text) {
    switch (c) {
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\v': out += "\\v"; break;
      default:
        if (c == '\\' || c == options.delimiter) out += '\\';
        out += c;
    }
  }
}

}  // namespace ddb::pg
