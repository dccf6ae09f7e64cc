// Fuzzing: one file and one program per decoder. Each has libFuzzer's entry, and seeds for the driver of our own in main.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/assert.hpp"
#include "base/bytes.hpp"
#include "codec/archive.hpp"

/// libFuzzer's (https://llvm.org/docs/LibFuzzer.html): any bytes; a wrong answer aborts. Returns zero.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace ddb::fuzz {

/// Well-formed inputs, which the driver bends. At least one.
std::vector<Bytes> seeds();

inline BytesView view(const uint8_t* data, size_t size) { return {reinterpret_cast<const char*>(data), size}; }

/// Whatever decodes must survive the way out and back, and have one encoding then.
template <class T>
void check_message(BytesView bytes) {
  const auto value = codec::decode<T>(bytes);
  if (!value) return;
  const Bytes encoded = codec::encode(*value);
  const auto again = codec::decode<T>(encoded);
  DDB_ASSERT(again.has_value());
  DDB_ASSERT(codec::encode(*again) == encoded);
}

}  // namespace ddb::fuzz
