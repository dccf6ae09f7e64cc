// SQL values as they cross the session's border: SQLite's five storage classes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/bytes.hpp"

namespace ddb::sql {

struct Blob {
  Bytes bytes;
  bool operator==(const Blob&) const = default;
};
struct BlobView {
  BytesView bytes;
  bool operator==(const BlobView&) const = default;
};

/// Owned: NULL, INTEGER, REAL, TEXT (UTF-8), BLOB.
using Value = std::variant<std::monostate, int64_t, double, std::string, Blob>;
/// Borrowed: valid until the call it was passed to returns.
using ValueView = std::variant<std::monostate, int64_t, double, std::string_view, BlobView>;

Value to_owned(const ValueView& view);
ValueView to_view(const Value& value);

}  // namespace ddb::sql
