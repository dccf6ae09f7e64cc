#include "pg/numeric.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace ddb::pg {

namespace {

constexpr size_t group = 4;  // decimal digits of one digit to base 10000
constexpr uint16_t negative = 0x4000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The digits at the start of `text`, which moves behind them.
std::string_view take_digits(std::string_view& text) {
  const auto end = std::ranges::find_if_not(text, is_digit);
  const std::string_view digits = text.substr(0, static_cast<size_t>(end - text.begin()));
  text.remove_prefix(digits.size());
  return digits;
}

bool take(std::string_view& text, std::string_view any_of) {
  const bool there = !text.empty() && any_of.contains(text.front());
  if (there) text.remove_prefix(1);
  return there;
}

struct Decimal {
  bool minus = false;
  std::string whole;
  std::string fraction;
};

/// Moves the point by the exponent.
void shift(Decimal& number, int by) {
  std::string& from = by > 0 ? number.fraction : number.whole;
  const auto places = static_cast<size_t>(std::abs(by));
  if (by > 0) {
    if (from.size() < places) from.append(places - from.size(), '0');
    number.whole += from.substr(0, places);
    from.erase(0, places);
  } else {
    if (from.size() < places) from.insert(0, places - from.size(), '0');
    number.fraction.insert(0, from.substr(from.size() - places));
    from.erase(from.size() - places);
  }
}

std::optional<Decimal> parse(std::string_view text) {
  Decimal number;
  number.minus = text.starts_with('-');
  take(text, "+-");
  number.whole = take_digits(text);
  if (take(text, ".")) number.fraction = take_digits(text);
  if (number.whole.empty() && number.fraction.empty()) return std::nullopt;
  if (take(text, "eE")) {
    int exponent = 0;
    if (text.starts_with('+')) text.remove_prefix(1);
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), exponent);
    if (failed != std::errc{} || std::abs(exponent) > static_cast<int>(numeric_digits_max)) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    shift(number, exponent);
  }
  number.whole.erase(0, std::min(number.whole.find_first_not_of('0'), number.whole.size()));
  const bool fits = number.whole.size() <= numeric_digits_max && number.fraction.size() <= numeric_digits_max;
  return text.empty() && fits ? std::optional{std::move(number)} : std::nullopt;
}

void put16(Bytes& out, uint16_t value) {
  out.push_back(static_cast<char>(value >> 8));
  out.push_back(static_cast<char>(value & 0xff));
}

uint16_t take16(BytesView& bytes) {
  const auto value = static_cast<uint16_t>(static_cast<uint8_t>(bytes[0]) << 8 | static_cast<uint8_t>(bytes[1]));
  bytes.remove_prefix(2);
  return value;
}

}  // namespace

std::optional<Bytes> numeric_bytes(std::string_view text) {
  const auto number = parse(text);
  if (!number) return std::nullopt;
  std::string digits = number->whole;
  digits.insert(0, (group - digits.size() % group) % group, '0');
  int weight = static_cast<int>(digits.size() / group) - 1;  // of the first group: 10000 to this power
  digits += number->fraction;
  digits.append((group - digits.size() % group) % group, '0');
  const std::string zero(group, '0');
  for (; digits.starts_with(zero); --weight) digits.erase(0, group);
  while (digits.ends_with(zero)) digits.erase(digits.size() - group);
  Bytes out;
  put16(out, static_cast<uint16_t>(digits.size() / group));
  put16(out, digits.empty() ? 0 : static_cast<uint16_t>(weight));
  put16(out, number->minus && !digits.empty() ? negative : 0);
  put16(out, static_cast<uint16_t>(number->fraction.size()));
  for (size_t at = 0; at < digits.size(); at += group) put16(out, static_cast<uint16_t>(std::stoi(digits.substr(at, group))));
  return out;
}

std::optional<std::string> numeric_text(BytesView bytes) {
  if (bytes.size() < 8) return std::nullopt;
  const size_t groups = take16(bytes);
  const int weight = static_cast<int16_t>(take16(bytes));
  const uint16_t sign = take16(bytes);
  const size_t scale = take16(bytes);
  const int weight_max = static_cast<int>(numeric_digits_max / group);
  if ((sign != 0 && sign != negative) || bytes.size() != 2 * groups || std::abs(weight) > weight_max || scale > numeric_digits_max) {
    return std::nullopt;
  }
  std::string whole;
  std::string fraction(static_cast<size_t>(std::max(0, -weight - 1)) * group, '0');
  for (int at = 0; at < static_cast<int>(groups); ++at) {
    const uint16_t digit = take16(bytes);
    if (digit > 9999) return std::nullopt;
    (at <= weight ? whole : fraction) += std::to_string(10'000 + digit).substr(1);
  }
  if (weight >= 0) whole.resize(static_cast<size_t>(weight + 1) * group, '0');
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  fraction.resize(scale, '0');
  std::string text = sign == negative ? "-" : "";
  text += whole.empty() ? "0" : whole;
  if (scale > 0) text += "." + fraction;
  return text;
}

std::optional<Bytes> uuid_bytes(std::string_view text) {
  std::string digits;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool hyphen = text.size() == 36 && (i == 8 || i == 13 || i == 18 || i == 23);
    if (hyphen != (text[i] == '-')) return std::nullopt;
    if (!hyphen) digits += text[i];
  }
  if (digits.size() != 32) return std::nullopt;
  Bytes out;
  for (size_t i = 0; i < digits.size(); i += 2) {
    unsigned byte = 0;
    const auto [end, failed] = std::from_chars(digits.data() + i, digits.data() + i + 2, byte, 16);
    if (failed != std::errc{} || end != digits.data() + i + 2) return std::nullopt;
    out.push_back(static_cast<char>(byte));
  }
  return out;
}

std::optional<std::string> uuid_text(BytesView bytes) {
  if (bytes.size() != 16) return std::nullopt;
  std::string text = to_hex(bytes);
  for (const size_t at : {8, 13, 18, 23}) text.insert(at, "-");
  return text;
}

}  // namespace ddb::pg
