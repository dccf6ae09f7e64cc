#include "codec/value.hpp"

#include <bit>

namespace ddb::codec {

namespace {

struct Own {
  Value operator()(std::monostate) const { return {}; }
  Value operator()(int64_t integer) const { return integer; }
  Value operator()(double real) const { return real; }
  Value operator()(std::string_view text) const { return std::string{text}; }
  Value operator()(BlobView blob) const { return Blob{Bytes{blob.bytes}}; }
};

struct Borrow {
  ValueView operator()(std::monostate) const { return {}; }
  ValueView operator()(int64_t integer) const { return integer; }
  ValueView operator()(double real) const { return real; }
  ValueView operator()(const std::string& text) const { return std::string_view{text}; }
  ValueView operator()(const Blob& blob) const { return BlobView{blob.bytes}; }
};

}  // namespace

Value to_owned(const ValueView& view) { return std::visit(Own{}, view); }
ValueView to_view(const Value& value) { return std::visit(Borrow{}, value); }

bool identical(const ValueView& a, const ValueView& b) {
  const auto* real = std::get_if<double>(&a);
  const auto* other = std::get_if<double>(&b);
  if (real != nullptr && other != nullptr)
    return std::bit_cast<uint64_t>(*real) == std::bit_cast<uint64_t>(*other);
  return a == b;
}

}  // namespace ddb::codec
