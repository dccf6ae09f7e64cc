// Values of any type that travels, with random contents: seeds for message decoders.
#pragma once

#include "env/random.hpp"
#include "fuzz/fuzz.hpp"

namespace ddb::fuzz {

constexpr int deep_max = 12;

template <class T>
void fill(T& value, Random& random, int deep = 0);

template <class Variant, size_t I = 0>
void fill_alternative(Variant& value, size_t index, Random& random, int deep) {
  if constexpr (I < std::variant_size_v<Variant>) {
    if (index == I) return fill(value.template emplace<I>(), random, deep + 1);
    fill_alternative<Variant, I + 1>(value, index, random, deep);
  }
}

/// Small numbers, short strings, few items; every alternative of a variant comes sometime. A type may hold itself: what stands
/// `deep` enough is empty.
template <class T>
void fill(T& value, Random& random, int deep) {
  if constexpr (std::is_enum_v<T> || std::is_arithmetic_v<T>) {
    value = static_cast<T>(random.one_in(8) ? random.next() : random.below(4));
  } else if constexpr (std::same_as<T, std::string>) {
    value.assign(random.below(5), static_cast<char>('a' + random.below(26)));
  } else if constexpr (codec::detail::is_id<T> || std::same_as<T, Timestamp>) {
    value.value = random.below(1000);
  } else if constexpr (codec::detail::is_optional<T>) {
    if (random.one_in(2)) fill(value.emplace(), random, deep + 1);
  } else if constexpr (codec::detail::is_vector<T>) {
    for (uint64_t items = deep < deep_max ? random.below(4) : 0; items > 0; --items) fill(value.emplace_back(), random, deep + 1);
  } else if constexpr (codec::detail::is_pair<T>) {
    fill(value.first, random, deep + 1);
    fill(value.second, random, deep + 1);
  } else if constexpr (codec::detail::is_variant<T>) {
    fill_alternative(value, random.below(std::variant_size_v<T>), random, deep);
  } else {
    std::apply([&](auto... member) { (fill(value.*member, random, deep + 1), ...); }, T::fields());
  }
}

template <class T>
void add_examples(std::vector<Bytes>& seeds, uint64_t count) {
  for (Random random{count}; count > 0; --count) {
    T value{};
    fill(value, random);
    seeds.push_back(codec::encode(value));
  }
}

/// The types that one fuzzer decodes, one after another.
template <class... T>
struct Kinds {
  static int check(BytesView bytes) {
    (check_message<T>(bytes), ...);
    return 0;
  }
  static std::vector<Bytes> examples() {
    std::vector<Bytes> seeds;
    (add_examples<T>(seeds, 16), ...);
    return seeds;
  }
};

}  // namespace ddb::fuzz
