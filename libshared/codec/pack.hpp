// MessagePack, written value by value and read back by pull; the msgpack library stays behind it.
#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace ddb::codec {

/// Appends MessagePack values to a byte string. An array or map header is followed by its items.
class Packer {
 public:
  explicit Packer(Bytes& out) : out_{out} {}

  void nil();
  void boolean(bool value);
  void u64(uint64_t value);
  void i64(int64_t value);
  void f64(double value);
  void str(BytesView utf8);
  void bin(BytesView bytes);
  void array(uint32_t items);
  void map(uint32_t pairs);

 private:
  Bytes& out_;
};

/// Reads one MessagePack value of untrusted bytes, item by item. Strings refer to the input.
/// The first mismatch makes ok() false for good; every read after it gives zero or empty.
class Unpacker {
 public:
  enum class Type { nil, boolean, integer, real, str, bin, array, map, other, end };

  /// bad_data: not exactly one value, or nested deeper than 32.
  static Result<Unpacker> parse(BytesView bytes);
  Unpacker(Unpacker&&) noexcept;
  Unpacker& operator=(Unpacker&&) noexcept;
  ~Unpacker();

  bool ok() const;
  void fail();           // marks the input as bad
  Type peek() const;     // of the next item; end: this array is used up
  void nil();
  bool boolean();
  uint64_t u64();
  int64_t i64();
  double f64();
  BytesView str();
  BytesView bin();       // takes str as well
  uint32_t array();      // enters the array: its items follow; call leave() after them
  uint32_t map();        // enters the map: keys and values alternate
  void leave();          // skips what is left of the entered array or map
  void skip();           // one item, whatever it is

 private:
  struct Impl;
  explicit Unpacker(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ddb::codec
