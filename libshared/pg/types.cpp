#include "pg/types.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "sql/lexer.hpp"

namespace ddb::pg {

namespace {

constexpr std::array type_table{
    Type{oid::boolean, "bool", "boolean", 1, 'B'},
    Type{oid::bytea, "bytea", "bytea", -1, 'U'},
    Type{oid::character, "char", "\"char\"", 1, 'Z'},
    Type{oid::name, "name", "name", 64, 'S'},
    Type{oid::int8, "int8", "bigint", 8, 'N'},
    Type{oid::int2, "int2", "smallint", 2, 'N'},
    Type{oid::int4, "int4", "integer", 4, 'N'},
    Type{oid::text, "text", "text", -1, 'S'},
    Type{oid::oid, "oid", "oid", 4, 'N'},
    Type{oid::json, "json", "json", -1, 'U'},
    Type{oid::float4, "float4", "real", 4, 'N'},
    Type{oid::float8, "float8", "double precision", 8, 'N'},
    Type{oid::text_array, "_text", "text[]", -1, 'A'},
    Type{oid::bpchar, "bpchar", "character", -1, 'S'},
    Type{oid::varchar, "varchar", "character varying", -1, 'S'},
    Type{oid::date, "date", "date", 4, 'D'},
    Type{oid::time, "time", "time without time zone", 8, 'D'},
    Type{oid::timestamp, "timestamp", "timestamp without time zone", 8, 'D'},
    Type{oid::timestamptz, "timestamptz", "timestamp with time zone", 8, 'D'},
    Type{oid::interval, "interval", "interval", 16, 'T'},
    Type{oid::timetz, "timetz", "time with time zone", 12, 'D'},
    Type{oid::numeric, "numeric", "numeric", -1, 'N'},
    Type{oid::uuid, "uuid", "uuid", 16, 'U'},
    Type{oid::jsonb, "jsonb", "jsonb", -1, 'U'},
};

/// Names in declarations that are not in the table, or mean something else in SQLite.
constexpr std::pair<std::string_view, uint32_t> aliases[] = {
    {"integer", oid::int8},      {"int", oid::int4},          {"serial", oid::int4},           {"serial4", oid::int4},
    {"bigserial", oid::int8},    {"serial8", oid::int8},      {"smallserial", oid::int2},      {"real", oid::float8},
    {"double", oid::float8},     {"float", oid::float8},      {"decimal", oid::numeric},       {"char", oid::bpchar},
    {"character", oid::bpchar},  {"blob", oid::bytea},        {"datetime", oid::timestamp},    {"string", oid::text},
};

/// A declaration's words in lower case, one space between them, and the numbers in its parentheses.
struct Words {
  std::string name;
  std::vector<int32_t> numbers;
};

Words words_of(std::string_view declared) {
  Words out;
  bool inside = false;
  for (sql::Lexer lexer{declared};;) {
    const sql::Token token = lexer.next();
    const std::string_view text = declared.substr(token.offset, token.size);
    if (token.kind == sql::TokenKind::end) return out;
    if (text == "(") inside = true;
    if (text == ")") inside = false;
    if (inside && token.kind == sql::TokenKind::integer) {
      int32_t number = 0;
      if (std::from_chars(text.begin(), text.end(), number).ec == std::errc{}) out.numbers.push_back(number);
    } else if (!inside && (token.kind == sql::TokenKind::word || token.kind == sql::TokenKind::quoted)) {
      out.name += (out.name.empty() ? "" : " ") + sql::to_lower(sql::unquote(text));
    }
  }
}

uint32_t named(std::string_view name) {
  for (const auto& [alias, type] : aliases) {
    if (alias == name) return type;
  }
  const auto found = std::ranges::find_if(type_table, [&](const Type& type) { return type.name == name || type.words == name; });
  return found == type_table.end() ? oid::unknown : found->oid;
}

/// SQLite's rules (https://sqlite.org/datatype3.html, section 3.1).
uint32_t by_affinity(std::string_view name) {
  const auto has = [&](std::string_view part) { return name.contains(part); };
  if (name.empty()) return oid::unknown;
  if (has("int")) return oid::int8;
  if (has("char") || has("clob") || has("text")) return oid::text;
  if (has("blob")) return oid::bytea;
  if (has("real") || has("floa") || has("doub")) return oid::float8;
  return oid::numeric;
}

int32_t modifier_of(uint32_t type, const std::vector<int32_t>& numbers) {
  constexpr int32_t header = 4;
  if (numbers.empty() || numbers[0] < 1 || numbers[0] > 10'485'760) return -1;
  if (type == oid::varchar || type == oid::bpchar) return numbers[0] + header;
  if (type != oid::numeric || numbers[0] > 1000) return -1;
  return ((numbers[0] << 16) | (numbers.size() > 1 ? numbers[1] & 0x7ff : 0)) + header;
}

}  // namespace

std::span<const Type> types() { return type_table; }

const Type& type_of(uint32_t wanted) {
  const auto found = std::ranges::find(type_table, wanted, &Type::oid);
  return found == type_table.end() ? type_of(oid::text) : *found;
}

DeclaredType declared_type(std::string_view declared) {
  const Words words = words_of(declared);
  const uint32_t known = named(words.name);
  const uint32_t type = known != oid::unknown ? known : by_affinity(words.name);
  return {type, modifier_of(type, words.numbers)};
}

std::string type_words(uint32_t type, int32_t modifier) {
  std::string out{type_of(type).words};
  const int32_t number = modifier - 4;
  if (modifier < 4) return out;
  if (type == oid::numeric) return out + "(" + std::to_string(number >> 16) + "," + std::to_string(number & 0x7ff) + ")";
  return out + "(" + std::to_string(number) + ")";
}

uint32_t type_of_value(const codec::ValueView& value) {
  if (std::holds_alternative<int64_t>(value)) return oid::int8;
  if (std::holds_alternative<double>(value)) return oid::float8;
  if (std::holds_alternative<codec::BlobView>(value)) return oid::bytea;
  return oid::text;
}

}  // namespace ddb::pg
