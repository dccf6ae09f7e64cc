#include "codec/key.hpp"

#include <bit>
#include <cmath>
#include <cstring>

#include "base/assert.hpp"
#include "env/kv.hpp"

namespace ddb::codec {

namespace {

// First bytes of parts, ascending. On disk: never change.
constexpr uint8_t tag_null = 0x05;
constexpr uint8_t tag_real_below = 0x0e;  // x < -2^63
constexpr uint8_t tag_zero = 0x18;        // tag_zero + n: n bytes, x >= 0; tag_zero - 1 - n: x < 0
constexpr uint8_t tag_real_above = 0x21;  // x >= 2^63
constexpr uint8_t tag_text = 0x30;
constexpr uint8_t tag_blob = 0x31;
static_assert(tag_real_below < tag_zero - 1 - 8 && tag_zero + 8 < tag_real_above);
static_assert(tag_null < tag_real_below && tag_real_above < tag_text && tag_text < tag_blob);

constexpr double two_63 = 9223372036854775808.0;
constexpr uint8_t small_prefix_max = 0xf7;  // prefix ids up to here take one byte

void append_big_endian(Bytes& out, uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

int significant_bytes(uint64_t value) { return (std::bit_width(value) + 7) / 8; }

/// Bits that sort as unsigned integers the way the doubles sort.
uint64_t ordered_bits(double real) {
  const uint64_t bits = std::bit_cast<uint64_t>(real);
  return bits >> 63 ? ~bits : bits | uint64_t{1} << 63;
}
double from_ordered_bits(uint64_t bits) {
  return std::bit_cast<double>(bits >> 63 ? bits & ~(uint64_t{1} << 63) : ~bits);
}

/// floor * 2 + fraction, in the fewest bytes; its length leads, so that longer is farther from zero.
void append_scaled(Bytes& out, int64_t floor, bool fraction) {
  const bool negative = floor < 0;
  const uint64_t magnitude = static_cast<uint64_t>(negative ? -(floor + 1) : floor);
  const uint64_t scaled = magnitude * 2 + (negative != fraction);
  const int bytes = significant_bytes(scaled);
  out.push_back(static_cast<char>(negative ? tag_zero - 1 - bytes : tag_zero + bytes));
  append_big_endian(out, negative ? ~scaled : scaled, bytes);
}

void append_real(Bytes& out, double real) {
  DDB_ASSERT(!std::isnan(real));
  if (real < -two_63 || real >= two_63) {
    out.push_back(static_cast<char>(real < 0 ? tag_real_below : tag_real_above));
    append_big_endian(out, ordered_bits(real), 8);
    return;
  }
  const double floor = std::floor(real);
  append_scaled(out, static_cast<int64_t>(floor), floor != real);
  if (floor != real) append_big_endian(out, ordered_bits(real), 8);
}

/// 00 ends the string, so 00 and 01 inside are escaped.
void append_string(Bytes& out, uint8_t tag, BytesView bytes) {
  out.push_back(static_cast<char>(tag));
  for (const char c : bytes) {
    if (static_cast<uint8_t>(c) <= 1) {
      out.push_back(1);
      out.push_back(static_cast<char>(c + 1));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('\0');
}

void append_text(Bytes& out, std::string_view text, Collation collation) {
  if (collation == Collation::rtrim) {
    while (text.ends_with(' ')) text.remove_suffix(1);
  }
  const size_t start = out.size();
  append_string(out, tag_text, text);
  if (collation == Collation::nocase) {
    for (size_t i = start; i < out.size(); ++i)
      if (out[i] >= 'A' && out[i] <= 'Z') out[i] = static_cast<char>(out[i] + ('a' - 'A'));
  }
}

void complement(Bytes& bytes, size_t from) {
  for (size_t i = from; i < bytes.size(); ++i) bytes[i] = static_cast<char>(~bytes[i]);
}

/// Size of the part that `key` begins with; zero: none.
size_t part_size(BytesView key, uint8_t flip) {
  if (key.empty()) return 0;
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(static_cast<uint8_t>(key[i]) ^ flip); };
  const auto bounded = [&](size_t size) { return size <= key.size() ? size : 0; };
  const uint8_t tag = byte(0);
  if (tag == tag_null) return 1;
  if (tag == tag_real_below || tag == tag_real_above) return bounded(9);
  if (tag == tag_text || tag == tag_blob) {
    const size_t end = key.find(static_cast<char>(flip), 1);
    return end == BytesView::npos ? 0 : end + 1;
  }
  if (tag < tag_zero - 1 - 8 || tag > tag_zero + 8) return 0;
  const size_t bytes = tag >= tag_zero ? tag - tag_zero : tag_zero - 1 - tag;
  if (bytes + 1 > key.size()) return 0;
  // The lowest bit says whether a double follows; of -1 < x < 0, which has no bytes, it is set.
  const bool fraction = bytes == 0 ? tag < tag_zero : byte(bytes) & 1;
  return bounded(1 + bytes + (fraction ? 8 : 0));
}

uint64_t big_endian(BytesView bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

Result<Value> decode_real(BytesView part) {
  const double real = from_ordered_bits(big_endian(part));
  if (std::isnan(real)) return fail(Code::bad_data, "a key holds what is not a number");
  return real;
}

Result<Value> decode_number(BytesView part) {
  const auto tag = static_cast<uint8_t>(part[0]);
  if (tag == tag_real_below || tag == tag_real_above) return decode_real(part.substr(1));
  const bool negative = tag < tag_zero;
  const size_t bytes = negative ? tag_zero - 1 - tag : tag - tag_zero;
  if (part.size() > 1 + bytes) return decode_real(part.substr(1 + bytes));
  uint64_t scaled = big_endian(part.substr(1, bytes));
  if (!negative) return static_cast<int64_t>(scaled >> 1);
  scaled = ~scaled;
  if (bytes < 8) scaled &= (uint64_t{1} << (8 * bytes)) - 1;
  return -static_cast<int64_t>(scaled >> 1) - 1;
}

Result<Bytes> decode_string(BytesView part) {
  Bytes bytes;
  const BytesView inside = part.substr(1, part.size() - 2);
  for (size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] != 1) {
      bytes.push_back(inside[i]);
      continue;
    }
    if (++i == inside.size() || (inside[i] != 1 && inside[i] != 2)) return fail(Code::bad_data, "a key has a bad escape");
    bytes.push_back(static_cast<char>(inside[i] - 1));
  }
  return bytes;
}

Result<Value> decode_part(BytesView part) {
  const auto tag = static_cast<uint8_t>(part[0]);
  if (tag == tag_null) return Value{};
  if (tag != tag_text && tag != tag_blob) return decode_number(part);
  auto bytes = decode_string(part);
  if (!bytes) return std::unexpected(bytes.error());
  if (tag == tag_text) return Value{std::move(*bytes)};
  return Value{Blob{std::move(*bytes)}};
}

void append_prefix_id(Bytes& key, uint64_t id) {
  if (id <= small_prefix_max) {
    key.push_back(static_cast<char>(id));
    return;
  }
  const int bytes = significant_bytes(id);
  key.push_back(static_cast<char>(small_prefix_max + bytes));
  append_big_endian(key, id, bytes);
}

bool take_prefix_id(BytesView& key, uint64_t& id) {
  if (key.empty()) return false;
  const auto first = static_cast<uint8_t>(key[0]);
  const size_t bytes = first <= small_prefix_max ? 0 : first - small_prefix_max;
  if (key.size() < 1 + bytes) return false;
  id = bytes == 0 ? first : big_endian(key.substr(1, bytes));
  key.remove_prefix(1 + bytes);
  return true;
}

}  // namespace

void append_key_prefix(Bytes& key, uint64_t table, uint64_t index) {
  append_prefix_id(key, table);
  append_prefix_id(key, index);
}

Result<void> take_key_prefix(BytesView& key, uint64_t& table, uint64_t& index) {
  if (!take_prefix_id(key, table) || !take_prefix_id(key, index)) return fail(Code::bad_data, "a key has no prefix");
  return {};
}

void append_key_part(Bytes& key, const ValueView& value, KeyOrder order) {
  const size_t start = key.size();
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    append_scaled(key, *integer, false);
  } else if (const auto* real = std::get_if<double>(&value)) {
    append_real(key, *real);
  } else if (const auto* text = std::get_if<std::string_view>(&value)) {
    append_text(key, *text, order.collation);
  } else if (const auto* blob = std::get_if<BlobView>(&value)) {
    append_string(key, tag_blob, blob->bytes);
  } else {
    key.push_back(static_cast<char>(tag_null));
  }
  if (order.descending) complement(key, start);
}

BytesView skip_key_part(BytesView& key, bool descending) {
  const BytesView part = key.substr(0, part_size(key, descending ? 0xff : 0));
  key.remove_prefix(part.size());
  return part;
}

Result<Value> take_key_part(BytesView& key, KeyOrder order) {
  const BytesView part = skip_key_part(key, order.descending);
  if (part.empty()) return fail(Code::bad_data, "a key is cut short or damaged");
  if (!order.descending) return decode_part(part);
  Bytes plain{part};
  complement(plain, 0);
  return decode_part(plain);
}

Result<void> check_key_length(BytesView key, std::string_view what) {
  if (key.size() <= env::user_key_bytes_max) return {};
  return fail(Code::too_long,
              "a key of " + std::string{what} + " takes " + std::to_string(key.size()) + " bytes, and the limit is " +
                  std::to_string(env::user_key_bytes_max),
              "shorten the values of its key columns");
}

}  // namespace ddb::codec
