#include "codec/row.hpp"

#include <bit>

#include "base/assert.hpp"
#include "codec/pack.hpp"

namespace ddb::codec {

namespace {

struct PackValue {
  Packer& packer;
  void operator()(std::monostate) const { packer.nil(); }
  void operator()(int64_t integer) const { packer.i64(integer); }
  void operator()(double real) const { packer.f64(real); }
  void operator()(std::string_view text) const { packer.str(text); }
  void operator()(BlobView blob) const { packer.bin(blob.bytes); }
};

/// Reads the MessagePack formats that rows are made of. Everything is checked; the first fault sticks.
class Cursor {
 public:
  Cursor(BytesView bytes, size_t at) : bytes_{bytes}, at_{at} {}

  bool ok() const { return ok_; }
  size_t at() const { return at_; }

  uint32_t array_header() {
    const uint8_t tag = byte();
    if ((tag & 0xf0) == 0x90) return tag & 0x0f;
    if (tag == 0xdc) return static_cast<uint32_t>(number(2));
    if (tag == 0xdd) return static_cast<uint32_t>(number(4));
    ok_ = false;
    return 0;
  }

  ValueView value() {
    const uint8_t tag = byte();
    if (tag <= 0x7f) return int64_t{tag};
    if (tag >= 0xe0) return int64_t{static_cast<int8_t>(tag)};
    if ((tag & 0xe0) == 0xa0) return text(tag & 0x1f);
    switch (tag) {
      case 0xc0: return {};
      case 0xc4: return BlobView{take(number(1))};
      case 0xc5: return BlobView{take(number(2))};
      case 0xc6: return BlobView{take(number(4))};
      case 0xcb: return std::bit_cast<double>(number(8));
      case 0xcc: return static_cast<int64_t>(number(1));
      case 0xcd: return static_cast<int64_t>(number(2));
      case 0xce: return static_cast<int64_t>(number(4));
      case 0xcf: return unsigned_integer(number(8));
      case 0xd0: return int64_t{static_cast<int8_t>(number(1))};
      case 0xd1: return int64_t{static_cast<int16_t>(number(2))};
      case 0xd2: return int64_t{static_cast<int32_t>(number(4))};
      case 0xd3: return static_cast<int64_t>(number(8));
      case 0xd9: return text(number(1));
      case 0xda: return text(number(2));
      case 0xdb: return text(number(4));
      default: ok_ = false; return {};
    }
  }

 private:
  uint8_t byte() { return static_cast<uint8_t>(number(1)); }
  uint64_t number(size_t size) {
    uint64_t value = 0;
    for (const char c : take(size)) value = value << 8 | static_cast<uint8_t>(c);
    return value;
  }
  BytesView take(uint64_t size) {
    if (!ok_ || size > bytes_.size() - at_) {
      ok_ = false;
      return {};
    }
    const BytesView taken = bytes_.substr(at_, size);
    at_ += size;
    return taken;
  }
  ValueView text(uint64_t size) { return std::string_view{take(size)}; }
  ValueView unsigned_integer(uint64_t value) {
    if (value > static_cast<uint64_t>(INT64_MAX)) ok_ = false;
    return static_cast<int64_t>(value);
  }

  BytesView bytes_;
  size_t at_;
  bool ok_ = true;
};

std::unexpected<Error> damaged() { return fail(Code::bad_data, "a stored row is damaged"); }

}  // namespace

Bytes encode_row(uint64_t version, std::span<const ValueView> cells) {
  Bytes row;
  Packer packer{row};
  packer.array(static_cast<uint32_t>(cells.size() + 1));
  packer.u64(version);
  for (const auto& cell : cells) std::visit(PackValue{packer}, cell);
  return row;
}

Result<void> RowReader::open(BytesView row) {
  Cursor cursor{row, 0};
  const uint32_t items = cursor.array_header();
  const ValueView version = cursor.value();
  const auto* number = std::get_if<int64_t>(&version);
  if (!cursor.ok() || items == 0 || number == nullptr || *number < 0) return damaged();
  row_ = row;
  version_ = static_cast<uint64_t>(*number);
  cells_ = items - 1;
  offsets_.clear();
  offsets_.push_back(static_cast<uint32_t>(cursor.at()));
  return {};
}

Result<ValueView> RowReader::cell(uint32_t id) {
  if (id >= cells_) return ValueView{};
  while (id >= offsets_.size()) {
    Cursor cursor{row_, offsets_.back()};
    cursor.value();
    if (!cursor.ok()) return damaged();
    offsets_.push_back(static_cast<uint32_t>(cursor.at()));
  }
  Cursor cursor{row_, offsets_[id]};
  const ValueView value = cursor.value();
  if (!cursor.ok()) return damaged();
  if (id + 1 == offsets_.size()) offsets_.push_back(static_cast<uint32_t>(cursor.at()));
  return value;
}

Result<BytesView> RowReader::encoded(uint32_t id) {
  if (auto value = cell(id); !value) return std::unexpected(value.error());
  return row_.substr(offsets_[id], offsets_[id + 1] - offsets_[id]);
}

}  // namespace ddb::codec
