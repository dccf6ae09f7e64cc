#include "pg/values.hpp"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "pg/datetime.hpp"
#include "pg/numeric.hpp"
#include "sql/lexer.hpp"

namespace ddb::pg {

namespace {

using codec::BlobView;
using codec::Value;
using codec::ValueView;

void put_big_endian(Bytes& out, uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

uint64_t big_endian(BytesView bytes) {
  uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

struct IntegerRange {
  int64_t min;
  int64_t max;
};

/// nullopt: no type of integers.
std::optional<IntegerRange> range_of(uint32_t type) {
  switch (type) {
    case oid::int2: return IntegerRange{INT16_MIN, INT16_MAX};
    case oid::int4: return IntegerRange{INT32_MIN, INT32_MAX};
    case oid::int8: return IntegerRange{INT64_MIN, INT64_MAX};
    case oid::oid: return IntegerRange{0, UINT32_MAX};
    default: return std::nullopt;
  }
}

std::unexpected<SqlError> invalid(uint32_t type, std::string_view text) {
  return refuse("22P02", fmt::format("invalid input syntax for type {}: \"{}\"", type_of(type).words, text));
}
std::unexpected<SqlError> out_of_range(uint32_t type, std::string_view value, std::string hint = {}) {
  return refuse("22003", fmt::format("value \"{}\" is out of range for type {}", value, type_of(type).words), std::move(hint));
}
std::unexpected<SqlError> no_binary(uint32_t type, const ValueView& value) {
  Bytes shown;
  put_text(shown, oid::unknown, value);
  return refuse("22P03", fmt::format("the value \"{}\" has no binary form of type {}", shown, type_of(type).words),
                "SQLite stores any value in any column: ask for the text format");
}

/// White space around it does not count.
std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\n\r\f\v");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\n\r\f\v") - first + 1);
}

SqlResult<Value> integer_of(std::string_view text, uint32_t type) {
  std::string_view digits = trimmed(text);
  if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), value);
  if (digits.empty() || end != digits.end()) return invalid(type, text);
  const auto range = range_of(type);
  if (error == std::errc::result_out_of_range || value < range->min || value > range->max) return out_of_range(type, text);
  if (error != std::errc{}) return invalid(type, text);
  return value;
}

SqlResult<Value> real_of(std::string_view text, uint32_t type) {
  std::string_view digits = trimmed(text);
  if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), value);  // "inf" and "nan" in any case, too
  if (digits.empty() || end != digits.end() || error == std::errc::invalid_argument) return invalid(type, text);
  if (error != std::errc{}) return out_of_range(type, text);
  return value;
}

/// SQLite's numbers where they hold it exactly; else the text, which stays what it is.
SqlResult<Value> numeric_of(std::string_view text) {
  const std::string_view digits = trimmed(text);
  int64_t integer = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), integer);
  if (error == std::errc{} && end == digits.end()) return integer;
  auto real = real_of(text, oid::numeric);
  if (!real) return real;
  if (digits.size() > std::numeric_limits<double>::digits10) return std::string{digits};
  return real;
}

SqlResult<Value> boolean_of(std::string_view text) {
  const std::string word = sql::to_lower(trimmed(text));
  for (const std::string_view yes : {"true", "yes", "on", "1"}) {
    if (!word.empty() && yes.starts_with(word) && word != "o") return int64_t{1};
  }
  for (const std::string_view no : {"false", "no", "off", "0"}) {
    if (!word.empty() && no.starts_with(word) && word != "o") return int64_t{0};
  }
  return invalid(oid::boolean, text);
}

SqlResult<Value> take_text(std::string_view text, uint32_t type) {
  if (auto checked = check_utf8(text); !checked) return std::unexpected(checked.error());
  if (range_of(type)) return integer_of(text, type);
  switch (type) {
    case oid::float4:
    case oid::float8: return real_of(text, type);
    case oid::numeric: return numeric_of(text);
    case oid::boolean: return boolean_of(text);
    case oid::bytea: {
      auto bytes = bytea_of(text);
      if (!bytes) return std::unexpected(bytes.error());
      return codec::Blob{*std::move(bytes)};
    }
    default: return std::string{text};
  }
}

SqlResult<Value> moment_of(std::optional<std::string> text) {
  if (!text) return refuse("22008", "date or timestamp out of range: years are 1 to 9999");
  return *std::move(text);
}

SqlResult<Value> take_binary(BytesView bytes, uint32_t type) {
  const Type& known = type_of(type);
  const bool sized = range_of(type) || type == oid::float4 || type == oid::float8 || type == oid::boolean || type == oid::date ||
                     type == oid::timestamp || type == oid::timestamptz;
  if (sized && bytes.size() != static_cast<size_t>(known.size)) {
    return refuse("22P03", fmt::format("incorrect binary data format: {} bytes of type {}", bytes.size(), known.words));
  }
  const uint64_t bits = sized ? big_endian(bytes) : 0;
  switch (type) {
    case oid::int2: return int64_t{static_cast<int16_t>(bits)};
    case oid::int4: return int64_t{static_cast<int32_t>(bits)};
    case oid::int8: return static_cast<int64_t>(bits);
    case oid::oid: return static_cast<int64_t>(bits);
    case oid::boolean: return int64_t{bits != 0};
    case oid::float4: return double{std::bit_cast<float>(static_cast<uint32_t>(bits))};
    case oid::float8: return std::bit_cast<double>(bits);
    case oid::bytea: return codec::Blob{Bytes{bytes}};
    case oid::date: return moment_of(date_text(static_cast<int32_t>(bits)));
    case oid::timestamp: return moment_of(timestamp_text(static_cast<int64_t>(bits), false));
    case oid::timestamptz: return moment_of(timestamp_text(static_cast<int64_t>(bits), true));
    case oid::numeric: {
      const auto text = numeric_text(bytes);
      return text ? numeric_of(*text) : refuse("22P03", "the bytes are no numeric that fits here");
    }
    case oid::uuid: {
      auto text = uuid_text(bytes);
      return text ? SqlResult<Value>{*std::move(text)} : refuse("22P03", "a uuid has 16 bytes");
    }
    case oid::time:
    case oid::timetz:
    case oid::interval:
    case oid::jsonb:
      return refuse("0A000", fmt::format("binary parameters of type {} are not supported", known.words), "send text");
    default: break;
  }
  if (auto checked = check_utf8(bytes); !checked) return std::unexpected(checked.error());
  return std::string{bytes};
}

/// The integer that a value is, whatever stores it.
std::optional<int64_t> as_integer(const ValueView& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return *integer;
  const auto* real = std::get_if<double>(&value);
  if (real != nullptr && *real == std::trunc(*real) && std::abs(*real) < 0x1p63) return static_cast<int64_t>(*real);
  return std::nullopt;
}

std::optional<double> as_real(const ValueView& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return static_cast<double>(*integer);
  if (const auto* real = std::get_if<double>(&value)) return *real;
  return std::nullopt;
}

/// Length of the UTF-8 character at the start; zero: none starts so (Unicode 15, table 3-7).
size_t character_size(std::string_view text) {
  const auto at = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0; };
  const auto tail = [&](size_t i) { return (at(i) & 0xc0) == 0x80; };
  const uint8_t lead = at(0);
  if (lead < 0x80) return lead == 0 ? 0 : 1;
  if (lead >= 0xc2 && lead < 0xe0) return tail(1) ? 2 : 0;
  if (lead >= 0xe0 && lead < 0xf0) {
    const bool overlong = lead == 0xe0 && at(1) < 0xa0;
    const bool surrogate = lead == 0xed && at(1) >= 0xa0;
    return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
  }
  const bool outside = (lead == 0xf0 && at(1) < 0x90) || (lead == 0xf4 && at(1) >= 0x90);
  return lead >= 0xf0 && lead < 0xf5 && !outside && tail(1) && tail(2) && tail(3) ? 4 : 0;
}

}  // namespace

void put_double(Bytes& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value < 0 ? "-Infinity" : "Infinity";
  } else {
    const double size = std::abs(value);
    const bool plain = size == 0 || (size >= 1e-4 && size < 1e15);
    char digits[64];
    const auto done = std::to_chars(digits, digits + sizeof digits, value, plain ? std::chars_format::fixed : std::chars_format::scientific);
    out.append(digits, done.ptr);
  }
}

void put_text(Bytes& out, uint32_t type, const ValueView& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    char digits[24];
    if (type == oid::boolean && (*integer == 0 || *integer == 1)) {
      out += *integer != 0 ? 't' : 'f';
    } else {
      out.append(digits, std::to_chars(digits, digits + sizeof digits, *integer).ptr);
    }
  } else if (const auto* real = std::get_if<double>(&value)) {
    put_double(out, *real);
  } else if (const auto* text = std::get_if<std::string_view>(&value)) {
    out += *text;
  } else if (const auto* blob = std::get_if<BlobView>(&value)) {
    out += "\\x" + to_hex(blob->bytes);
  }
}

SqlResult<void> put_binary(Bytes& out, uint32_t type, const ValueView& value) {
  if (const auto range = range_of(type)) {
    const auto integer = as_integer(value);
    if (!integer) return no_binary(type, value);
    if (*integer < range->min || *integer > range->max) {
      return out_of_range(type, std::to_string(*integer), "declare the column bigint, or ask for the text format");
    }
    put_big_endian(out, static_cast<uint64_t>(*integer), type_of(type).size);
    return {};
  }
  if (type == oid::float8 || type == oid::float4) {
    const auto real = as_real(value);
    if (!real) return no_binary(type, value);
    if (type == oid::float8) put_big_endian(out, std::bit_cast<uint64_t>(*real), 8);
    else put_big_endian(out, std::bit_cast<uint32_t>(static_cast<float>(*real)), 4);
    return {};
  }
  if (type == oid::boolean) {
    const auto integer = as_integer(value);
    if (!integer) return no_binary(type, value);
    out.push_back(*integer != 0 ? '\1' : '\0');
    return {};
  }
  if (type == oid::bytea) {
    if (const auto* blob = std::get_if<BlobView>(&value)) return out += blob->bytes, SqlResult<void>{};
  }
  const bool moment = type == oid::timestamp || type == oid::timestamptz;
  if (type == oid::date || moment) {
    const auto* text = std::get_if<std::string_view>(&value);
    const auto number = text == nullptr ? std::nullopt : moment ? timestamp_number(*text) : date_number(*text);
    if (!number) return no_binary(type, value);
    put_big_endian(out, static_cast<uint64_t>(*number), type_of(type).size);
    return {};
  }
  if (type == oid::numeric || type == oid::uuid) {
    Bytes text;
    put_text(text, type, value);
    const auto bytes = type == oid::numeric ? numeric_bytes(text) : uuid_bytes(text);
    if (!bytes) return no_binary(type, value);
    out += *bytes;
    return {};
  }
  switch (type) {
    case oid::time:
    case oid::timetz:
    case oid::interval:
    case oid::jsonb:
      return refuse("0A000", fmt::format("type {} has no binary form here", type_of(type).words), "ask for the text format, or cast to text");
    default: put_text(out, type, value); return {};
  }
}

SqlResult<Value> take_value(BytesView bytes, uint32_t type, Format format) {
  return format == Format::text ? take_text(bytes, type) : take_binary(bytes, type);
}

size_t invalid_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t size = character_size(text.substr(at));
    if (size == 0) return at;
    at += size;
  }
  return text.npos;
}

SqlResult<void> check_utf8(std::string_view text) {
  const size_t at = invalid_utf8(text);
  if (at == text.npos) return {};
  return refuse("22021", fmt::format("invalid byte sequence for encoding \"UTF8\": 0x{:02x}", static_cast<uint8_t>(text[at])));
}

SqlResult<Bytes> bytea_of(std::string_view text) {
  const auto hex = [](char c) { return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1; };
  const auto octal = [](char c) { return c >= '0' && c <= '7'; };
  Bytes out;
  if (text.starts_with("\\x")) {
    const std::string_view digits = text.substr(2);
    if (digits.size() % 2 != 0) return invalid(oid::bytea, text);
    for (size_t i = 0; i < digits.size(); i += 2) {
      if (hex(digits[i]) < 0 || hex(digits[i + 1]) < 0) return invalid(oid::bytea, text);
      out.push_back(static_cast<char>(hex(digits[i]) * 16 + hex(digits[i + 1])));
    }
    return out;
  }
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    if (rest.front() != '\\') {
      out.push_back(rest.front());
    } else if (rest.starts_with("\\\\")) {
      out.push_back('\\');
      ++i;
    } else if (rest.size() > 3 && rest[1] <= '3' && octal(rest[1]) && octal(rest[2]) && octal(rest[3])) {
      out.push_back(static_cast<char>((rest[1] - '0') * 64 + (rest[2] - '0') * 8 + rest[3] - '0'));
      i += 3;
    } else {
      return invalid(oid::bytea, text);
    }
  }
  return out;
}

}  // namespace ddb::pg
