#include "check/json.hpp"

#include <algorithm>
#include <charconv>

namespace ddb::check {

namespace {

void append_utf8(std::string& out, uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3f));
  } else {
    if (c < 0x10000) {
      out += static_cast<char>(0xe0 | c >> 12);
    } else {
      out += static_cast<char>(0xf0 | c >> 18);
      out += static_cast<char>(0x80 | (c >> 12 & 0x3f));
    }
    out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (c & 0x3f));
  }
}

}  // namespace

char JsonReader::peek() {
  if (!ok_) return 0;
  const size_t start = rest_.find_first_not_of(" \t\r\n");
  rest_.remove_prefix(start == std::string_view::npos ? rest_.size() : start);
  return rest_.empty() ? 0 : rest_.front();
}

bool JsonReader::at_end() { return peek() == 0 && rest_.empty(); }

bool JsonReader::take(char c) {
  if (peek() != c) return false;
  rest_.remove_prefix(1);
  return true;
}

bool JsonReader::word(std::string_view literal) {
  peek();
  if (!ok_ || !rest_.starts_with(literal)) return false;
  rest_.remove_prefix(literal.size());
  return true;
}

bool JsonReader::null() { return word("null"); }

std::string JsonReader::string() {
  std::string out;
  if (!take('"')) refuse();
  while (ok_) {
    const size_t plain = rest_.find_first_of("\"\\");
    if (plain == std::string_view::npos) {
      refuse();
      break;
    }
    out.append(rest_.substr(0, plain));
    const char end = rest_[plain];
    rest_.remove_prefix(plain + 1);
    if (end == '"') break;
    escape(out);
  }
  return out;
}

/// The four digits behind \u.
uint32_t JsonReader::hex() {
  uint32_t code = 0;
  if (rest_.size() < 4) refuse();
  const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + std::min<size_t>(rest_.size(), 4), code, 16);
  if (error != std::errc{} || end != rest_.data() + 4) refuse();
  if (ok_) rest_.remove_prefix(4);
  return code;
}

/// Behind the backslash. Half a surrogate pair is refused.
void JsonReader::escape(std::string& out) {
  constexpr std::string_view names = "\"\\/bfnrt";
  constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
  if (rest_.empty()) return refuse();
  const char c = rest_.front();
  rest_.remove_prefix(1);
  if (const size_t at = names.find(c); at != std::string_view::npos) {
    out += meanings[at];
    return;
  }
  if (c != 'u') return refuse();
  uint32_t code = hex();
  if (code >= 0xd800 && code < 0xdc00 && ok_ && rest_.starts_with("\\u")) {
    rest_.remove_prefix(2);
    const uint32_t low = hex();
    if (low >= 0xdc00 && low < 0xe000) code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }
  if (code >= 0xd800 && code < 0xe000) return refuse();
  if (ok_) append_utf8(out, code);
}

int64_t JsonReader::integer() {
  int64_t value = 0;
  peek();
  const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
  if (!ok_ || error != std::errc{}) {
    refuse();
    return 0;
  }
  rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
  if (!rest_.empty() && std::string_view{".eE"}.contains(rest_.front())) refuse();
  return value;
}

void JsonReader::object(const std::function<void(std::string_view)>& member) {
  if (!take('{') || ++depth_ > depth_max) return refuse();
  if (!take('}')) {
    do {
      const std::string name = string();
      if (!take(':')) refuse();
      if (ok_) member(name);
    } while (take(','));
    if (!take('}')) refuse();
  }
  --depth_;
}

void JsonReader::array(const std::function<void()>& element) {
  if (!take('[') || ++depth_ > depth_max) return refuse();
  if (!take(']')) {
    do {
      element();
    } while (take(','));
    if (!take(']')) refuse();
  }
  --depth_;
}

void JsonReader::skip() {
  switch (peek()) {
    case '{': return object([this](std::string_view) { skip(); });
    case '[': return array([this] { skip(); });
    case '"': string(); return;
    default: break;
  }
  if (word("null") || word("true") || word("false")) return;
  const size_t size = rest_.find_first_not_of("+-.0123456789eE");
  if (!ok_ || size == 0 || rest_.empty()) return refuse();
  rest_.remove_prefix(size == std::string_view::npos ? rest_.size() : size);
}

std::string json_string(std::string_view text) {
  constexpr const char* digits = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
  return out += '"';
}

}  // namespace ddb::check
