#include "cli/text.hpp"

#include <fmt/format.h>
#include <locale.h>
#include <time.h>
#include <wchar.h>

#include <optional>

namespace ddb::cli {

namespace {

struct CodePoint {
  char32_t value;
  size_t bytes;
};

/// The code point at the start of `text`, shortest form only; nullopt: not UTF-8. `text` is not empty.
std::optional<CodePoint> decode(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return CodePoint{lead, 1};
  const size_t bytes = lead >= 0xf0 && lead < 0xf8 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead >= 0xf8 || text.size() < bytes) return std::nullopt;

  char32_t value = lead & (0x7f >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) != 0x80) return std::nullopt;
    value = value << 6 | (byte & 0x3f);
  }
  static constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < least[bytes] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return std::nullopt;
  return CodePoint{value, bytes};
}

bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7f && c < 0xa0); }

bool is_plain_ascii(std::string_view text) {
  for (const char c : text)
    if (c < 0x20 || c == 0x7f) return false;
  return true;
}

/// Widths by Unicode whatever the user's locale is; glibc has C.UTF-8 built in.
locale_t unicode_locale() {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", locale_t{});
  return locale;
}

}  // namespace

std::string one_line(std::string_view text) {
  if (is_plain_ascii(text)) return std::string{text};
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const auto point = decode(text.substr(at));
    const size_t bytes = point ? point->bytes : 1;
    if (point && !is_control(point->value)) out.append(text.substr(at, bytes));
    else if (text[at] == '\n') out += "\\n";
    else if (text[at] == '\r') out += "\\r";
    else if (text[at] == '\t') out += "\\t";
    else
      for (size_t i = 0; i < bytes; ++i) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at + i]));
    at += bytes;
  }
  return out;
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const auto point = decode(text.substr(at));
    if (point) out.append(text.substr(at, point->bytes));
    else out += "\ufffd";
    at += point ? point->bytes : 1;
  }
  return out;
}

size_t display_width(std::string_view line) {
  if (is_plain_ascii(line)) return line.size();
  const locale_t before = unicode_locale() == locale_t{} ? locale_t{} : uselocale(unicode_locale());
  size_t width = 0;
  for (size_t at = 0; at < line.size();) {
    const auto point = decode(line.substr(at));
    const int columns = point ? ::wcwidth(static_cast<wchar_t>(point->value)) : 1;
    width += columns < 0 ? 1 : static_cast<size_t>(columns);
    at += point ? point->bytes : 1;
  }
  if (before != locale_t{}) uselocale(before);
  return width;
}

std::string utc(uint64_t millis) {
  const auto seconds = static_cast<time_t>(millis / 1000);
  tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec, millis % 1000);
}

}  // namespace ddb::cli
