// Days and microseconds since 2000-01-01, PostgreSQL's binary dates and timestamps, and their text, which is what SQLite stores.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ddb::pg {

// Years are 1 to 9999: nullopt for others, and for what is no date.

/// "2024-02-29"
std::optional<std::string> date_text(int32_t days);
/// "2024-02-29 12:34:56.789", and "+00" behind it where a zone belongs.
std::optional<std::string> timestamp_text(int64_t microseconds, bool zone);

std::optional<int64_t> date_number(std::string_view text);
/// Of "2024-02-29[ |T]12:34[:56[.789]][Z|+hh[:mm]|-hh[:mm]]" or a date alone.
std::optional<int64_t> timestamp_number(std::string_view text);

}  // namespace ddb::pg
