// Frames: how byte strings travel on a stream.
//
// A frame is: length of the payload (4 bytes, little-endian), its CRC32C (4 bytes, little-endian), the payload.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace ddb::codec {

constexpr size_t frame_header_bytes = 8;

/// Appends `payload` as a frame. It must not be empty nor over the limit that the other side keeps.
void append_frame(Bytes& out, BytesView payload);

/// The same without a copy: the payload was written to `out` behind `frame_header_bytes` bytes at `start`.
void seal_frame(Bytes& out, size_t start);

/// Cuts frames from untrusted bytes that arrive in pieces of any size.
/// Memory follows what has arrived, never what a header promises.
class FrameReader {
 public:
  explicit FrameReader(uint32_t payload_bytes_max);

  /// Where to put the next bytes: at least 4 KiB, more when traffic is dense. Ends the life of payloads.
  std::span<char> prepare();
  /// The first `size` of prepare()'s bytes have been filled.
  void commit(size_t size);

  /// The payload of the next whole frame, valid until prepare(); nullopt: more bytes are needed.
  /// bad_data: empty, over the limit, or damaged. Nothing can be read after that.
  Result<std::optional<BytesView>> next();

  /// Bytes that wait for the rest of their frame.
  size_t buffered() const { return end_ - begin_; }

 private:
  void compact();
  size_t room_wanted() const;

  uint32_t payload_bytes_max_;
  Bytes buffer_;       // [begin_, end_) has arrived and is not yet cut
  size_t begin_ = 0;
  size_t end_ = 0;
  bool dense_ = false;  // the last piece filled all the room: read larger ones
};

}  // namespace ddb::codec
