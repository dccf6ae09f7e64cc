#include "codec/pack.hpp"

#define MSGPACK_NO_BOOST
#include <array>
#include <bit>
#include <msgpack.hpp>

#include "base/assert.hpp"

namespace ddb::codec {

namespace {

constexpr uint32_t depth_max = 32;

/// The stream that msgpack::packer writes to.
struct Sink {
  Bytes& out;
  void write(const char* data, size_t size) { out.append(data, size); }
};

/// A header may claim no more items than the input has bytes: no allocation on a liar's word.
Result<msgpack::object_handle> parse_one(BytesView bytes) {
  const size_t limit = bytes.size();
  size_t offset = 0;
  try {
    auto handle = msgpack::unpack(
        bytes.data(), bytes.size(), offset,
        [](msgpack::type::object_type, std::size_t, void*) { return true; }, nullptr,
        msgpack::unpack_limit(limit, limit, limit, limit, limit, depth_max));
    if (offset != bytes.size()) return fail(Code::bad_data, "bytes follow the MessagePack value");
    return handle;
  } catch (const msgpack::unpack_error& error) {
    return fail(Code::bad_data, std::string{"malformed MessagePack: "} + error.what());
  }
}

}  // namespace

void Packer::nil() { Sink s{out_}; msgpack::packer<Sink>{s}.pack_nil(); }
void Packer::boolean(bool value) {
  Sink s{out_};
  msgpack::packer<Sink> p{s};
  value ? p.pack_true() : p.pack_false();
}
void Packer::u64(uint64_t value) { Sink s{out_}; msgpack::packer<Sink>{s}.pack_uint64(value); }
void Packer::i64(int64_t value) { Sink s{out_}; msgpack::packer<Sink>{s}.pack_int64(value); }
void Packer::f64(double value) {
  // The library would write 1.0 as the integer 1, which is another value to SQL and no double to Unpacker::f64.
  const auto bits = std::bit_cast<uint64_t>(value);
  out_.push_back(static_cast<char>(0xcb));
  for (int shift = 56; shift >= 0; shift -= 8) out_.push_back(static_cast<char>(bits >> shift));
}
void Packer::str(BytesView utf8) {
  Sink s{out_};
  msgpack::packer<Sink> p{s};
  p.pack_str(static_cast<uint32_t>(utf8.size()));
  p.pack_str_body(utf8.data(), static_cast<uint32_t>(utf8.size()));
}
void Packer::bin(BytesView bytes) {
  Sink s{out_};
  msgpack::packer<Sink> p{s};
  p.pack_bin(static_cast<uint32_t>(bytes.size()));
  p.pack_bin_body(bytes.data(), static_cast<uint32_t>(bytes.size()));
}
void Packer::array(uint32_t items) { Sink s{out_}; msgpack::packer<Sink>{s}.pack_array(items); }
void Packer::map(uint32_t pairs) { Sink s{out_}; msgpack::packer<Sink>{s}.pack_map(pairs); }

struct Unpacker::Impl {
  struct Level {
    const msgpack::object* items;  // of an array; a map's pairs are laid out key, value
    uint32_t left;
  };
  msgpack::object_handle handle;
  msgpack::object root;
  std::array<Level, depth_max + 2> levels{};
  uint32_t depth = 0;
  bool ok = true;

  /// The next item, or null at the end of this level.
  const msgpack::object* peek() const {
    const Level& level = levels[depth];
    return ok && level.left > 0 ? level.items : nullptr;
  }
  void advance() {
    ++levels[depth].items;
    --levels[depth].left;
  }
  const msgpack::object* take(msgpack::type::object_type type) {
    const auto* item = peek();
    if (item == nullptr || item->type != type) {
      ok = false;
      return nullptr;
    }
    advance();
    return item;
  }
  void enter(const msgpack::object* items, uint32_t count) {
    if (depth + 1 >= levels.size()) {
      ok = false;
      return;
    }
    levels[++depth] = {items, count};
  }
};

static_assert(sizeof(msgpack::object_kv) == 2 * sizeof(msgpack::object), "a map is walked as an array");

Unpacker::Unpacker(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
Unpacker::Unpacker(Unpacker&&) noexcept = default;
Unpacker& Unpacker::operator=(Unpacker&&) noexcept = default;
Unpacker::~Unpacker() = default;

Result<Unpacker> Unpacker::parse(BytesView bytes) {
  auto handle = parse_one(bytes);
  if (!handle) return std::unexpected(handle.error());
  auto impl = std::make_unique<Impl>();
  impl->handle = std::move(*handle);
  impl->root = impl->handle.get();
  impl->levels[0] = {&impl->root, 1};
  return Unpacker{std::move(impl)};
}

bool Unpacker::ok() const { return impl_->ok; }
void Unpacker::fail() { impl_->ok = false; }

Unpacker::Type Unpacker::peek() const {
  const auto* item = impl_->peek();
  if (item == nullptr) return Type::end;
  switch (item->type) {
    case msgpack::type::NIL: return Type::nil;
    case msgpack::type::BOOLEAN: return Type::boolean;
    case msgpack::type::POSITIVE_INTEGER:
    case msgpack::type::NEGATIVE_INTEGER: return Type::integer;
    case msgpack::type::FLOAT32:
    case msgpack::type::FLOAT64: return Type::real;
    case msgpack::type::STR: return Type::str;
    case msgpack::type::BIN: return Type::bin;
    case msgpack::type::ARRAY: return Type::array;
    case msgpack::type::MAP: return Type::map;
    default: return Type::other;
  }
}

void Unpacker::nil() { impl_->take(msgpack::type::NIL); }

bool Unpacker::boolean() {
  const auto* item = impl_->take(msgpack::type::BOOLEAN);
  return item != nullptr && item->via.boolean;
}

uint64_t Unpacker::u64() {
  const auto* item = impl_->take(msgpack::type::POSITIVE_INTEGER);
  return item == nullptr ? 0 : item->via.u64;
}

int64_t Unpacker::i64() {
  const auto* item = impl_->peek();
  if (item != nullptr && item->type == msgpack::type::NEGATIVE_INTEGER) {
    impl_->advance();
    return item->via.i64;
  }
  const uint64_t value = u64();
  if (value > static_cast<uint64_t>(INT64_MAX)) fail();
  return ok() ? static_cast<int64_t>(value) : 0;
}

double Unpacker::f64() {
  if (const auto* item = impl_->peek(); item != nullptr && item->type == msgpack::type::FLOAT32) {
    impl_->advance();
    return item->via.f64;
  }
  const auto* item = impl_->take(msgpack::type::FLOAT64);
  return item == nullptr ? 0 : item->via.f64;
}

BytesView Unpacker::str() {
  const auto* item = impl_->take(msgpack::type::STR);
  return item == nullptr ? BytesView{} : BytesView{item->via.str.ptr, item->via.str.size};
}

BytesView Unpacker::bin() {
  if (peek() == Type::str) return str();
  const auto* item = impl_->take(msgpack::type::BIN);
  return item == nullptr ? BytesView{} : BytesView{item->via.bin.ptr, item->via.bin.size};
}

uint32_t Unpacker::array() {
  const auto* item = impl_->take(msgpack::type::ARRAY);
  if (item == nullptr) return 0;
  impl_->enter(item->via.array.ptr, item->via.array.size);
  return ok() ? item->via.array.size : 0;
}

uint32_t Unpacker::map() {
  const auto* item = impl_->take(msgpack::type::MAP);
  if (item == nullptr) return 0;
  impl_->enter(&item->via.map.ptr->key, item->via.map.size * 2);
  return ok() ? item->via.map.size : 0;
}

void Unpacker::leave() {
  if (!impl_->ok) return;
  DDB_ASSERT(impl_->depth > 0);
  --impl_->depth;
}

void Unpacker::skip() {
  if (impl_->peek() == nullptr) {
    fail();
    return;
  }
  impl_->advance();
}

}  // namespace ddb::codec
