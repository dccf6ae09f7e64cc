// A PostgreSQL client's bytes, and what a server's say in words, for the tests of pg/.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "pg/reply.hpp"

namespace ddb::pg {

using Texts = std::vector<std::optional<std::string>>;

inline Bytes number(uint32_t value, int bytes) {
  Bytes out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
  return out;
}
inline Bytes cstring(std::string_view text) { return Bytes{text} + '\0'; }

/// A message of this type with this body, however wrong.
inline Bytes message(char type, BytesView body = {}) {
  return type + number(static_cast<uint32_t>(body.size()) + 4, 4) + Bytes{body};
}
inline Bytes untyped(BytesView body) { return number(static_cast<uint32_t>(body.size()) + 4, 4) + Bytes{body}; }

inline Bytes startup(std::string_view user = "tester") {
  return untyped(number(3 << 16, 4) + cstring("user") + cstring(user) + cstring("database") + cstring("ddb") + '\0');
}
inline Bytes query(std::string_view sql) { return message('Q', cstring(sql)); }
inline Bytes parse(std::string_view name, std::string_view sql, const std::vector<uint32_t>& types = {}) {
  Bytes body = cstring(name) + cstring(sql) + number(static_cast<uint32_t>(types.size()), 2);
  for (const uint32_t type : types) body += number(type, 4);
  return message('P', body);
}
/// Binds with one format for all values and one for all results.
inline Bytes bound(std::string_view portal, std::string_view statement, const Texts& values = {}, Format in = Format::text,
                  Format out = Format::text) {
  Bytes body = cstring(portal) + cstring(statement) + number(1, 2) + number(static_cast<uint32_t>(in), 2) +
               number(static_cast<uint32_t>(values.size()), 2);
  for (const auto& value : values) {
    body += number(value ? static_cast<uint32_t>(value->size()) : UINT32_MAX, 4) + value.value_or("");
  }
  return message('B', body + number(1, 2) + number(static_cast<uint32_t>(out), 2));
}
inline Bytes describe(char target, std::string_view name) { return message('D', target + cstring(name)); }
inline Bytes close(char target, std::string_view name) { return message('C', target + cstring(name)); }
inline Bytes execute(std::string_view portal, uint32_t rows_max = 0) { return message('E', cstring(portal) + number(rows_max, 4)); }
inline Bytes sync_point() { return message('S'); }

/// "T a:23,b:25", "D 1|NULL", "C SELECT 1", "E 42601 near ...", "Z I": a server's messages, one per line.
inline std::string in_words(BytesView bytes) {
  const auto take = [&](size_t size) {
    const BytesView taken = bytes.substr(0, size);
    bytes.remove_prefix(taken.size());
    return taken;
  };
  const auto integer = [](BytesView from) {
    uint32_t value = 0;
    for (const char byte : from) value = value << 8 | static_cast<uint8_t>(byte);
    return value;
  };
  std::string out;
  while (bytes.size() >= 5) {
    const char type = take(1).front();
    BytesView body = take(4);
    body = take(integer(body) - 4);
    const auto cut = [&](size_t size) {
      const BytesView part = body.substr(0, size);
      body.remove_prefix(part.size());
      return part;
    };
    const auto text = [&] {
      const BytesView part = cut(body.find('\0'));
      cut(1);
      return std::string{part};
    };
    out += type;
    if (type == 'T') {
      for (uint32_t count = integer(cut(2)), i = 0; i < count; ++i) {
        out += (i == 0 ? " " : ",") + text();
        cut(6);
        out += ":" + std::to_string(integer(cut(4)));
        cut(8);
      }
    } else if (type == 'D') {
      for (uint32_t count = integer(cut(2)), i = 0; i < count; ++i) {
        const uint32_t size = integer(cut(4));
        out += (i == 0 ? " " : "|") + (size == UINT32_MAX ? "NULL" : std::string{cut(size)});
      }
    } else if (type == 't') {
      for (uint32_t count = integer(cut(2)), i = 0; i < count; ++i) out += (i == 0 ? " " : ",") + std::to_string(integer(cut(4)));
    } else if (type == 'E' || type == 'N') {
      while (!body.empty() && body.front() != '\0') {
        const char field = cut(1).front();
        const std::string value = text();
        if (field == 'C' || field == 'M') out += " " + value;
        if (field == 'P') out += " @" + value;
      }
    } else if (type == 'C') {
      out += " " + text();
    } else if (type == 'Z') {
      out += " " + Bytes{body};
    } else if (type == 'S') {
      const std::string name = text();
      out += " " + name + "=" + text();
    } else if (type == 'd') {
      out += " " + Bytes{body};
      if (out.ends_with('\n')) out.pop_back();
    }
    out += '\n';
  }
  return out;
}

}  // namespace ddb::pg
