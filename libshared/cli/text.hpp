// Text from anywhere, made fit for one line of a terminal or a log.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ddb::cli {

/// Control characters as \n, \t, \x1b; bytes that are not UTF-8 as \xff. Printable text stays as it is.
std::string one_line(std::string_view text);

/// `text` with U+FFFD for every byte that is not UTF-8.
std::string valid_utf8(std::string_view text);

/// Columns that one_line()'s result takes on a terminal.
size_t display_width(std::string_view line);

/// Unix milliseconds as "2026-01-31T12:00:00.123Z".
std::string utc(uint64_t millis);

}  // namespace ddb::cli
