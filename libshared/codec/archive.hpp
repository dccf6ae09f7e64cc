// Structs to MessagePack and back: a struct lists its members in fields(), and is an array on the wire.
//
// Members are told by position: append new ones at the end, never reorder or reuse. A reader takes a
// shorter array (an older writer: the rest keep their defaults) and skips what a newer one added.
// A variant is [alternative, value]; the order of its alternatives is a wire number too.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/ids.hpp"
#include "codec/pack.hpp"

namespace ddb::codec {

template <class T>
concept Fielded = requires { T::fields(); };

template <class T>
void pack(Packer& p, const T& value);
template <class T>
void unpack(Unpacker& u, T& value);

namespace detail {

template <class>
inline constexpr bool is_id = false;
template <class Tag>
inline constexpr bool is_id<Id<Tag>> = true;
template <class>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class>
inline constexpr bool is_variant = false;
template <class... T>
inline constexpr bool is_variant<std::variant<T...>> = true;
template <class>
inline constexpr bool is_pair = false;
template <class A, class B>
inline constexpr bool is_pair<std::pair<A, B>> = true;

template <class T, size_t I = 0>
void unpack_alternative(Unpacker& u, uint64_t index, T& value) {
  if constexpr (I < std::variant_size_v<T>) {
    if (index == I) {
      unpack(u, value.template emplace<I>());
    } else {
      unpack_alternative<T, I + 1>(u, index, value);
    }
  } else {
    u.fail();
  }
}

}  // namespace detail

template <class T>
void pack(Packer& p, const T& value) {
  if constexpr (std::same_as<T, bool>) {
    p.boolean(value);
  } else if constexpr (std::is_enum_v<T>) {
    p.u64(static_cast<uint64_t>(value));
  } else if constexpr (std::signed_integral<T>) {
    p.i64(value);
  } else if constexpr (std::unsigned_integral<T>) {
    p.u64(value);
  } else if constexpr (std::floating_point<T>) {
    p.f64(value);
  } else if constexpr (std::same_as<T, std::string>) {
    p.bin(value);
  } else if constexpr (detail::is_id<T> || std::same_as<T, Timestamp>) {
    p.u64(value.value);
  } else if constexpr (detail::is_optional<T>) {
    if (value) {
      pack(p, *value);
    } else {
      p.nil();
    }
  } else if constexpr (detail::is_vector<T>) {
    p.array(static_cast<uint32_t>(value.size()));
    for (const auto& item : value) pack(p, item);
  } else if constexpr (detail::is_pair<T>) {
    p.array(2);
    pack(p, value.first);
    pack(p, value.second);
  } else if constexpr (detail::is_variant<T>) {
    p.array(2);
    p.u64(value.index());
    std::visit([&](const auto& alternative) { pack(p, alternative); }, value);
  } else {
    static_assert(Fielded<T>, "a struct on the wire needs fields()");
    std::apply(
        [&](auto... member) {
          p.array(sizeof...(member));
          (pack(p, value.*member), ...);
        },
        T::fields());
  }
}

template <class T>
void unpack(Unpacker& u, T& value) {
  if constexpr (std::same_as<T, bool>) {
    value = u.boolean();
  } else if constexpr (std::is_enum_v<T>) {
    const uint64_t raw = u.u64();
    value = static_cast<T>(raw);
    if (static_cast<uint64_t>(value) != raw) u.fail();
  } else if constexpr (std::signed_integral<T>) {
    const int64_t raw = u.i64();
    value = static_cast<T>(raw);
    if (value != raw) u.fail();
  } else if constexpr (std::unsigned_integral<T>) {
    const uint64_t raw = u.u64();
    value = static_cast<T>(raw);
    if (value != raw) u.fail();
  } else if constexpr (std::floating_point<T>) {
    value = u.f64();
  } else if constexpr (std::same_as<T, std::string>) {
    value = u.bin();
  } else if constexpr (detail::is_id<T> || std::same_as<T, Timestamp>) {
    value.value = u.u64();
  } else if constexpr (detail::is_optional<T>) {
    if (u.peek() == Unpacker::Type::nil) {
      u.nil();
      value.reset();
    } else {
      unpack(u, value.emplace());
    }
  } else if constexpr (detail::is_vector<T>) {
    const uint32_t items = u.array();
    value.clear();
    for (uint32_t i = 0; i < items && u.ok(); ++i) unpack(u, value.emplace_back());
    u.leave();
  } else if constexpr (detail::is_pair<T>) {
    u.array();
    unpack(u, value.first);
    unpack(u, value.second);
    u.leave();
  } else if constexpr (detail::is_variant<T>) {
    u.array();
    detail::unpack_alternative(u, u.u64(), value);
    u.leave();
  } else {
    static_assert(Fielded<T>, "a struct on the wire needs fields()");
    u.array();
    std::apply(
        [&](auto... member) {
          ((u.peek() == Unpacker::Type::end ? void() : unpack(u, value.*member)), ...);
        },
        T::fields());
    u.leave();
  }
}

template <class T>
Bytes encode(const T& value) {
  Bytes out;
  Packer packer{out};
  pack(packer, value);
  return out;
}

/// bad_data when the bytes are no T.
template <class T>
Result<T> decode(BytesView bytes) {
  auto unpacker = Unpacker::parse(bytes);
  if (!unpacker) return std::unexpected(unpacker.error());
  T value{};
  unpack(*unpacker, value);
  if (!unpacker->ok()) return fail(Code::bad_data, "a message does not have the expected shape");
  return value;
}

}  // namespace ddb::codec
