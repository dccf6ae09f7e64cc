// Byte strings: keys, values, encoded messages.
#pragma once

#include <string>
#include <string_view>

namespace ddb {

using Bytes = std::string;           // owned; any bytes, NUL included
using BytesView = std::string_view;  // borrowed

/// The smallest key above every key that starts with `prefix`; empty when there is none (all 0xff).
Bytes prefix_end(BytesView prefix);

/// "00ff17": for messages and tools.
std::string to_hex(BytesView bytes);

}  // namespace ddb
