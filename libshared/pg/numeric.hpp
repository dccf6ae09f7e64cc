// Binary forms of numeric and uuid (PostgreSQL 15, numeric_send and uuid_send), to and from text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace ddb::pg {

constexpr size_t numeric_digits_max = 1000;  // before the point, and behind it

/// "-12.50", "1e+20". nullopt: no number, or of more digits.
std::optional<Bytes> numeric_bytes(std::string_view text);
/// nullopt: no number, NaN or an infinity, or of more digits.
std::optional<std::string> numeric_text(BytesView bytes);

/// Hexadecimal digits in either case, with hyphens where they belong or without. nullopt: no uuid.
std::optional<Bytes> uuid_bytes(std::string_view text);
/// nullopt: not of 16 bytes.
std::optional<std::string> uuid_text(BytesView bytes);

}  // namespace ddb::pg
