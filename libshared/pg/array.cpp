#include "pg/array.hpp"

#include <fmt/format.h>

#include <charconv>

#include "sql/lexer.hpp"

namespace ddb::pg {

namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool is_integer(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
  return !text.empty() && error == std::errc{} && end == text.end() && fmt::format("{}", value) == text;
}

}  // namespace

Array array_of(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') return {};
  text = text.substr(1, text.size() - 2);
  Array out;
  std::string element;
  bool quoted = false;
  bool inside = false;
  bool any = false;
  const auto end_element = [&] {
    if (!quoted) {
      while (!element.empty() && is_space(element.back())) element.pop_back();
    }
    out.push_back(!quoted && sql::equal_nocase(element, "null") ? std::nullopt : std::optional{element});
    element.clear();
    quoted = any = false;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && i + 1 < text.size()) {
      element += text[++i];
      any = true;
    } else if (c == '"') {
      inside = !inside;
      quoted = true;
    } else if (c == ',' && !inside) {
      end_element();
    } else if (inside || any || !is_space(c)) {
      element += c;
      any = true;
    }
  }
  if (!text.empty()) end_element();
  return out;
}

std::string array_text(const Array& elements) {
  std::string out = "{";
  for (const auto& element : elements) {
    if (out.size() > 1) out += ',';
    if (!element) {
      out += "NULL";
      continue;
    }
    const bool plain = !element->empty() && !sql::equal_nocase(*element, "null") && element->find_first_of("{},\"\\ \t\n\r\f\v") == std::string::npos;
    if (plain) {
      out += *element;
      continue;
    }
    out += '"';
    for (const char c : *element) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out + "}";
}

std::string array_json(const Array& elements) {
  std::string out = "[";
  for (const auto& element : elements) {
    if (out.size() > 1) out += ',';
    if (!element) {
      out += "null";
    } else if (is_integer(*element)) {
      out += *element;
    } else {
      out += '"';
      for (const char c : *element) {
        if (c == '"' || c == '\\') out += '\\';
        if (static_cast<unsigned char>(c) < 0x20) out += fmt::format("\\u{:04x}", static_cast<int>(c));
        else out += c;
      }
      out += '"';
    }
  }
  return out + "]";
}

}  // namespace ddb::pg
