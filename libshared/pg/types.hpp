// PostgreSQL's types, for values that are SQLite's: a column has the type that its declaration names.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "codec/value.hpp"

namespace ddb::pg {

/// Numbers of pg_type, which are the same in every PostgreSQL. Zero: not known.
namespace oid {
constexpr uint32_t unknown = 0, boolean = 16, bytea = 17, character = 18, name = 19, int8 = 20, int2 = 21, int4 = 23, text = 25,
                   oid = 26, json = 114, float4 = 700, float8 = 701, text_array = 1009, bpchar = 1042, varchar = 1043, date = 1082,
                   time = 1083, timestamp = 1114, timestamptz = 1184, interval = 1186, timetz = 1266, numeric = 1700, uuid = 2950,
                   jsonb = 3802;
}  // namespace oid

struct Type {
  uint32_t oid = oid::text;
  std::string_view name;   // as pg_type has it: int4
  std::string_view words;  // as format_type() says it: integer
  int16_t size = -1;       // bytes; -1: it varies
  char category = 'S';     // pg_type.typcategory
};

std::span<const Type> types();
/// Of text when there is none.
const Type& type_of(uint32_t oid);

struct DeclaredType {
  uint32_t oid = oid::unknown;
  int32_t modifier = -1;  // varchar(20), numeric(10,2)
};

/// What "VARCHAR(20)" in CREATE TABLE means. INTEGER holds 64 bits, as in SQLite, and is int8; int, int4 and serial are int4. What
/// PostgreSQL has no name for goes by SQLite's affinity; without any: unknown.
DeclaredType declared_type(std::string_view declared);
/// "character varying(20)": the type's words and its modifier.
std::string type_words(uint32_t oid, int32_t modifier);

/// What a value alone tells.
uint32_t type_of_value(const codec::ValueView& value);

}  // namespace ddb::pg
