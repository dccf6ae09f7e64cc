#include "codec/frame.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/assert.hpp"
#include "codec/crc.hpp"

namespace ddb::codec {

namespace {

constexpr size_t room_min = 4 << 10;
constexpr size_t room_usual = 16 << 10;
constexpr size_t room_dense = 64 << 10;
constexpr size_t kept_max = 2 * room_dense;  // a larger buffer goes once it is empty

void store_u32(char* to, uint32_t value) {
  for (int i = 0; i < 4; ++i) to[i] = static_cast<char>(value >> (8 * i));
}

uint32_t load_u32(const char* from) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value |= static_cast<uint32_t>(static_cast<uint8_t>(from[i])) << (8 * i);
  return value;
}

}  // namespace

void seal_frame(Bytes& out, size_t start) {
  DDB_ASSERT(out.size() > start + frame_header_bytes);
  const BytesView payload = BytesView{out}.substr(start + frame_header_bytes);
  DDB_ASSERT(payload.size() <= std::numeric_limits<uint32_t>::max());
  store_u32(&out[start], static_cast<uint32_t>(payload.size()));
  store_u32(&out[start + 4], crc32c(payload));
}

void append_frame(Bytes& out, BytesView payload) {
  const size_t start = out.size();
  out.append(frame_header_bytes, '\0').append(payload);
  seal_frame(out, start);
}

FrameReader::FrameReader(uint32_t payload_bytes_max) : payload_bytes_max_{payload_bytes_max} {}

/// A frame under way doubles the buffer as it arrives, up to its end.
size_t FrameReader::room_wanted() const { return std::max(dense_ ? room_dense : room_usual, buffered()); }

void FrameReader::compact() {
  if (begin_ == 0) return;
  std::memmove(buffer_.data(), buffer_.data() + begin_, buffered());
  end_ -= begin_;
  begin_ = 0;
}

std::span<char> FrameReader::prepare() {
  compact();
  const size_t wanted = end_ + room_wanted();
  if (end_ == 0 && buffer_.size() > kept_max) buffer_ = Bytes{};
  if (buffer_.size() < end_ + room_min || (dense_ && buffer_.size() < wanted)) buffer_.resize(wanted);
  return {buffer_.data() + end_, buffer_.size() - end_};
}

void FrameReader::commit(size_t size) {
  DDB_ASSERT(size <= buffer_.size() - end_);
  dense_ = size == buffer_.size() - end_;
  end_ += size;
}

Result<std::optional<BytesView>> FrameReader::next() {
  if (buffered() < frame_header_bytes) return std::nullopt;
  const char* header = buffer_.data() + begin_;
  const uint32_t size = load_u32(header);
  if (size == 0) return fail(Code::bad_data, "an empty frame");
  if (size > payload_bytes_max_)
    return fail(Code::bad_data, "a frame of " + std::to_string(size) + " bytes is over the limit of " +
                                    std::to_string(payload_bytes_max_));
  if (buffered() - frame_header_bytes < size) return std::nullopt;
  const BytesView payload{header + frame_header_bytes, size};
  if (crc32c(payload) != load_u32(header + 4)) return fail(Code::bad_data, "a damaged frame (CRC32C mismatch)");
  begin_ += frame_header_bytes + size;
  return payload;
}

}  // namespace ddb::codec
