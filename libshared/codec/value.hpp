// SQL values: SQLite's five storage classes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/bytes.hpp"

namespace ddb::codec {

struct Blob {
  Bytes bytes;
  bool operator==(const Blob&) const = default;
};
struct BlobView {
  BytesView bytes;
  bool operator==(const BlobView&) const = default;
};

/// Owned: NULL, INTEGER, REAL, TEXT (UTF-8, not checked), BLOB.
using Value = std::variant<std::monostate, int64_t, double, std::string, Blob>;
/// Borrowed: valid as long as what it was taken from.
using ValueView = std::variant<std::monostate, int64_t, double, std::string_view, BlobView>;

Value to_owned(const ValueView& view);
ValueView to_view(const Value& value);

inline bool is_null(const Value& value) { return value.index() == 0; }
inline bool is_null(const ValueView& value) { return value.index() == 0; }

/// Same storage class and same bits: 1 differs from 1.0, and 0.0 from -0.0.
bool identical(const ValueView& a, const ValueView& b);

}  // namespace ddb::codec
