// Arrays as text, {a,"b c",NULL}: PostgreSQL's form, in which SQL here keeps them (PostgreSQL 15 documentation, section 8.15.6).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ddb::pg {

using Array = std::vector<std::optional<std::string>>;  // nullopt: NULL

/// Of one dimension. What is no array has no elements.
Array array_of(std::string_view text);
std::string array_text(const Array& elements);
/// A JSON array: integers as numbers, all else as strings.
std::string array_json(const Array& elements);

}  // namespace ddb::pg
