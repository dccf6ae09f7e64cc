// Just enough JSON to read tables of decisions, one document per line.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace ddb::test {

struct Json {
  enum class Type { null, boolean, number, string, array, object } type = Type::null;
  bool boolean = false;
  uint64_t number = 0;
  std::string string;
  std::vector<Json> array;
  std::map<std::string, Json> object;

  static Json parse(const std::string& text) {
    size_t at = 0;
    return parse(text, at);
  }
  bool is_null() const { return type == Type::null; }
  bool has(const std::string& key) const { return object.contains(key); }
  const Json& operator[](const std::string& key) const { return object.at(key); }

 private:
  static char next(const std::string& text, size_t& at) {
    at = text.find_first_not_of(" \t\r\n,:", at);  // separators tell nothing that the values do not
    if (at == std::string::npos) throw std::runtime_error("JSON ends early");
    return text[at];
  }
  static Json parse(const std::string& text, size_t& at) {
    Json value;
    const char c = next(text, at);
    if (c == '{') {
      value.type = Type::object;
      for (++at; next(text, at) != '}';) {
        const std::string key = parse_string(text, at);
        value.object[key] = parse(text, at);
      }
      ++at;
    } else if (c == '[') {
      value.type = Type::array;
      for (++at; next(text, at) != ']';) value.array.push_back(parse(text, at));
      ++at;
    } else if (c == '"') {
      value.type = Type::string;
      value.string = parse_string(text, at);
    } else if (c == 't' || c == 'f') {
      value.type = Type::boolean;
      value.boolean = c == 't';
      at += c == 't' ? 4 : 5;
    } else if (c == 'n') {
      at += 4;
    } else {
      value.type = Type::number;
      size_t digits = 0;
      value.number = std::stoull(text.substr(at), &digits);
      at += digits;
    }
    return value;
  }
  static std::string parse_string(const std::string& text, size_t& at) {
    std::string out;
    for (++at; text.at(at) != '"'; ++at) {
      if (text[at] == '\\') ++at;
      out += text.at(at);
    }
    ++at;
    return out;
  }
};

}  // namespace ddb::test
