#include "pg/values.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "pg/datetime.hpp"
#include "pg/numeric.hpp"
#include "unit/pg/wire.hpp"

using namespace ddb;
using namespace ddb::pg;
using codec::Value;
using codec::ValueView;

namespace {

std::string text_of(uint32_t type, const ValueView& value) {
  Bytes out;
  put_text(out, type, value);
  return out;
}
std::string binary_of(uint32_t type, const ValueView& value) {
  Bytes out;
  const auto put = put_binary(out, type, value);
  return put ? out : put.error().sqlstate;
}
std::string state_of(const SqlResult<Value>& result) { return result ? "" : result.error().sqlstate; }

}  // namespace

TEST_CASE("declared types") {
  const auto type = [](std::string_view declared) { return declared_type(declared).oid; };
  CHECK(type("INTEGER") == oid::int8);
  CHECK(type("int") == oid::int4);
  CHECK(type("bigint") == oid::int8);
  CHECK(type("SMALLINT") == oid::int2);
  CHECK(type("serial") == oid::int4);
  CHECK(type("double precision") == oid::float8);
  CHECK(type("REAL") == oid::float8);
  CHECK(type("character varying(10)") == oid::varchar);
  CHECK(type("timestamp with time zone") == oid::timestamptz);
  CHECK(type("timestamp") == oid::timestamp);
  CHECK(type("BOOLEAN") == oid::boolean);
  CHECK(type("TINYINT") == oid::int8);      // by affinity
  CHECK(type("NATIVE CHARACTER(70)") == oid::text);
  CHECK(type("whatever") == oid::numeric);
  CHECK(type("") == oid::unknown);
  CHECK(declared_type("varchar(20)").modifier == 24);
  CHECK(type_words(oid::varchar, 24) == "character varying(20)");
  CHECK(type_words(oid::numeric, declared_type("numeric(10,2)").modifier) == "numeric(10,2)");
  CHECK(type_words(oid::int4, -1) == "integer");
}

TEST_CASE("text of values") {
  CHECK(text_of(oid::int8, int64_t{-5}) == "-5");
  CHECK(text_of(oid::boolean, int64_t{1}) == "t");
  CHECK(text_of(oid::boolean, int64_t{0}) == "f");
  CHECK(text_of(oid::boolean, int64_t{7}) == "7");
  CHECK(text_of(oid::float8, 1.0) == "1");
  CHECK(text_of(oid::float8, 0.1) == "0.1");
  CHECK(text_of(oid::float8, 100000.0) == "100000");
  CHECK(text_of(oid::float8, 1e20) == "1e+20");
  CHECK(text_of(oid::float8, 0.00001) == "1e-05");
  CHECK(text_of(oid::float8, -INFINITY) == "-Infinity");
  CHECK(text_of(oid::bytea, codec::BlobView{BytesView{"\0\xff", 2}}) == "\\x00ff");
}

TEST_CASE("binary forms, and what has none") {
  CHECK(binary_of(oid::int2, int64_t{-2}) == "\xff\xfe");
  CHECK(binary_of(oid::int4, int64_t{1}) == Bytes("\0\0\0\1", 4));
  CHECK(binary_of(oid::int8, 2.0) == Bytes("\0\0\0\0\0\0\0\2", 8));
  CHECK(binary_of(oid::int4, int64_t{1} << 31) == "22003");
  CHECK(binary_of(oid::int4, std::string_view{"x"}) == "22P03");
  CHECK(binary_of(oid::int8, 0.5) == "22P03");
  CHECK(binary_of(oid::float8, int64_t{1}) == Bytes("\x3f\xf0\0\0\0\0\0\0", 8));
  CHECK(binary_of(oid::float4, 1.0) == Bytes("\x3f\x80\0\0", 4));
  CHECK(binary_of(oid::boolean, int64_t{1}) == Bytes("\1", 1));
  CHECK(binary_of(oid::bytea, codec::BlobView{"ab"}) == "ab");
  CHECK(binary_of(oid::text, int64_t{12}) == "12");
  CHECK(binary_of(oid::date, std::string_view{"2000-01-02"}) == Bytes("\0\0\0\1", 4));
  CHECK(binary_of(oid::date, std::string_view{"tomorrow"}) == "22P03");
  CHECK(binary_of(oid::interval, 1.5) == "0A000");
}

TEST_CASE("parameters, in text and binary") {
  CHECK(take_value("12", oid::int4, Format::text) == Value{int64_t{12}});
  CHECK(take_value(" +12 ", oid::int8, Format::text) == Value{int64_t{12}});
  CHECK(state_of(take_value("12x", oid::int4, Format::text)) == "22P02");
  CHECK(state_of(take_value("", oid::int4, Format::text)) == "22P02");
  CHECK(state_of(take_value("2147483648", oid::int4, Format::text)) == "22003");
  CHECK(state_of(take_value("9223372036854775808", oid::int8, Format::text)) == "22003");
  CHECK(take_value("1e3", oid::float8, Format::text) == Value{1000.0});
  CHECK(state_of(take_value("1e999", oid::float8, Format::text)) == "22003");
  CHECK(take_value("12", oid::numeric, Format::text) == Value{int64_t{12}});
  CHECK(take_value("1.50", oid::numeric, Format::text) == Value{1.5});
  CHECK(take_value("1234567890.12345678901", oid::numeric, Format::text) == Value{std::string{"1234567890.12345678901"}});
  CHECK(take_value("tr", oid::boolean, Format::text) == Value{int64_t{1}});
  CHECK(take_value("off", oid::boolean, Format::text) == Value{int64_t{0}});
  CHECK(state_of(take_value("o", oid::boolean, Format::text)) == "22P02");
  CHECK(take_value("\\x00Ff", oid::bytea, Format::text) == Value{codec::Blob{Bytes("\0\xff", 2)}});
  CHECK(take_value("a\\000\\\\", oid::bytea, Format::text) == Value{codec::Blob{Bytes("a\0\\", 3)}});
  CHECK(state_of(take_value("\\x0", oid::bytea, Format::text)) == "22P02");
  CHECK(take_value("12", oid::unknown, Format::text) == Value{std::string{"12"}});
  CHECK(state_of(take_value("a\xff", oid::text, Format::text)) == "22021");
  CHECK(state_of(take_value(BytesView{"a\0b", 3}, oid::text, Format::text)) == "22021");

  CHECK(take_value(number(0xffffffff, 4), oid::int4, Format::binary) == Value{int64_t{-1}});
  CHECK(take_value(number(7, 2), oid::int2, Format::binary) == Value{int64_t{7}});
  CHECK(state_of(take_value("abc", oid::int4, Format::binary)) == "22P03");
  CHECK(take_value(Bytes("\x3f\xf0\0\0\0\0\0\0", 8), oid::float8, Format::binary) == Value{1.0});
  CHECK(take_value(Bytes("\0\1", 2), oid::bytea, Format::binary) == Value{codec::Blob{Bytes("\0\1", 2)}});
  CHECK(state_of(take_value("x", oid::interval, Format::binary)) == "0A000");
}

TEST_CASE("UTF-8 is what Unicode allows") {
  CHECK(invalid_utf8("plain, \xc3\xa9, \xe2\x82\xac, \xf0\x9f\x98\x80") == std::string::npos);
  for (const std::string_view bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5", "\xe2\x82"}) {
    CHECK(invalid_utf8("a" + std::string{bad}) == 1);
  }
}

TEST_CASE("dates and timestamps are numbers and text") {
  CHECK(date_text(0) == "2000-01-01");
  CHECK(date_text(-1) == "1999-12-31");
  CHECK(date_number("2024-02-29") == 8825);
  CHECK(date_number("2023-02-29") == std::nullopt);
  for (const std::string_view text : {"2024-02-29 12:34:56.789", "1969-12-31 23:59:59.000001", "2000-01-01 00:00:00"}) {
    const auto microseconds = timestamp_number(text);
    REQUIRE(microseconds);
    CHECK(timestamp_text(*microseconds, false) == text);
  }
  CHECK(timestamp_number("2000-01-01T01:00+01:00") == 0);
  CHECK(timestamp_number("2000-01-01 01:00:00+01") == 0);
  CHECK(timestamp_number("2000-01-02") == 86'400'000'000);
  CHECK(timestamp_number("2000-01-01 25:00") == std::nullopt);
  CHECK(timestamp_number("2000-01-01 00:00:00 or so") == std::nullopt);
  CHECK(timestamp_text(1'500'000, true) == "2000-01-01 00:00:01.5+00");
  CHECK(date_text(INT32_MAX) == std::nullopt);
  CHECK(timestamp_text(INT64_MIN, false) == std::nullopt);
}

TEST_CASE("numeric and uuid in binary: as PostgreSQL 15 sends them, and back") {
  const auto bytes = [](std::string_view hex) {
    Bytes out;
    for (size_t i = 0; i < hex.size(); i += 2) out.push_back(static_cast<char>(std::stoi(std::string{hex.substr(i, 2)}, nullptr, 16)));
    return out;
  };
  // SELECT encode(numeric_send(x), 'hex')
  for (const auto& [text, hex] : std::vector<std::pair<std::string, std::string>>{
           {"0", "0000000000000000"},
           {"1", "00010000000000000001"},
           {"-12.50", "0002000040000002000c1388"},
           {"10000", "00010001000000000001"},
           {"123456789.012", "0004000200000003000109291a850078"},
           {"0.00012", "0002ffff00000005000107d0"},
           {"0.00000000012", "0001fffd0000000b0078"}}) {
    CAPTURE(text);
    CHECK(to_hex(binary_of(oid::numeric, std::string_view{text})) == hex);
    const auto back = numeric_text(bytes(hex));
    CHECK(back == text);
  }
  CHECK(numeric_text(*numeric_bytes("1e+20")) == "100000000000000000000");
  CHECK(numeric_text(*numeric_bytes("-1.5e-7")) == "-0.00000015");
  CHECK(take_value(binary_of(oid::numeric, 1.5), oid::numeric, Format::binary) == Value{1.5});
  CHECK(take_value(binary_of(oid::numeric, int64_t{-7}), oid::numeric, Format::binary) == Value{int64_t{-7}});
  for (const char* no_number : {"", "-", ".", "1e", "1e9999", "NaN", "1x", "0x1"}) CHECK(binary_of(oid::numeric, std::string_view{no_number}) == "22P03");
  for (const char* damaged : {"", "00", "0001000000000000", "00000000c0000000", "0001000000000000ffff", "00017fff000000000001", "000100000000ffff0001"}) {
    CAPTURE(damaged);
    CHECK(state_of(take_value(bytes(damaged), oid::numeric, Format::binary)) == "22P03");
  }
  const std::string uuid = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
  CHECK(to_hex(binary_of(oid::uuid, std::string_view{uuid})) == "a0eebc999c0b4ef8bb6d6bb9bd380a11");
  CHECK(take_value(binary_of(oid::uuid, std::string_view{uuid}), oid::uuid, Format::binary) == Value{uuid});
  for (const char* none : {"", "a0eebc99", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g", "a0eebc999-c0b-4ef8-bb6d-6bb9bd380a11"}) {
    CHECK(binary_of(oid::uuid, std::string_view{none}) == "22P03");
  }
  CHECK(state_of(take_value("short", oid::uuid, Format::binary)) == "22P03");
}
