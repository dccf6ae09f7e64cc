// Frames, cut from a stream in pieces, and the packets in them.
#include "codec/frame.hpp"

#include <algorithm>

#include "fuzz/example.hpp"
#include "proto/wire.hpp"

using namespace ddb;

namespace {

constexpr uint32_t payload_bytes_max = 1 << 16;

struct Cut {
  std::vector<Bytes> payloads;
  bool damaged = false;
  bool operator==(const Cut&) const = default;
};

Cut cut(BytesView stream, size_t piece) {
  codec::FrameReader reader{payload_bytes_max};
  Cut out;
  while (!stream.empty() && !out.damaged) {
    const auto room = reader.prepare();
    const size_t size = std::min({room.size(), stream.size(), piece});
    std::copy_n(stream.data(), size, room.data());
    stream.remove_prefix(size);
    reader.commit(size);
    for (;;) {
      const auto payload = reader.next();
      out.damaged = !payload;
      if (!payload || !*payload) break;
      out.payloads.emplace_back(**payload);
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const BytesView stream = fuzz::view(data, size);
  const Cut whole = cut(stream, stream.size());
  DDB_ASSERT(cut(stream, 1) == whole);
  for (const Bytes& payload : whole.payloads) fuzz::check_message<proto::Packet>(payload);
  if (stream.empty()) return 0;
  // The same bytes as a payload, checksum and all.
  Bytes framed;
  codec::append_frame(framed, stream);
  DDB_ASSERT(cut(framed, framed.size()).payloads == std::vector<Bytes>{Bytes{stream}});
  fuzz::check_message<proto::Packet>(stream);
  return 0;
}

std::vector<Bytes> fuzz::seeds() {
  std::vector<Bytes> packets;
  add_examples<proto::Packet>(packets, 64);
  std::vector<Bytes> seeds = packets;
  for (size_t i = 0; i + 1 < packets.size(); i += 2) {
    codec::append_frame(seeds.emplace_back(), packets[i]);
    codec::append_frame(seeds.back(), packets[i + 1]);
  }
  return seeds;
}
