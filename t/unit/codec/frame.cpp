#include "codec/frame.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <vector>

#include "env/random.hpp"

using namespace ddb;
using codec::FrameReader;

namespace {

void feed(FrameReader& reader, BytesView bytes) {
  while (!bytes.empty()) {
    const auto room = reader.prepare();
    const size_t size = std::min(room.size(), bytes.size());
    std::copy_n(bytes.data(), size, room.data());
    reader.commit(size);
    bytes.remove_prefix(size);
  }
}

Bytes random_bytes(Random& random, size_t size) {
  Bytes bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.next());
  return bytes;
}

Bytes frame_of(BytesView payload) {
  Bytes out;
  codec::append_frame(out, payload);
  return out;
}

/// Everything that can be cut by now; stops at an error.
std::vector<Bytes> cut_all(FrameReader& reader) {
  std::vector<Bytes> payloads;
  for (;;) {
    const auto payload = reader.next();
    if (!payload || !*payload) return payloads;
    payloads.emplace_back(**payload);
  }
}

}  // namespace

TEST_CASE("frames come back whole, wherever the stream is cut") {
  Random random{1};
  for (const size_t piece_max : {1, 7, 8, 9, 100, 70'000}) {
    std::vector<Bytes> sent;
    Bytes stream;
    for (const size_t size : {1, 2, 8, 300, 65'536, 1}) {
      sent.push_back(random_bytes(random, size));
      codec::append_frame(stream, sent.back());
    }
    FrameReader reader{1 << 20};
    std::vector<Bytes> received;
    for (size_t at = 0; at < stream.size();) {
      const size_t size = std::min(1 + random.below(piece_max), stream.size() - at);
      feed(reader, BytesView{stream}.substr(at, size));
      at += size;
      for (auto& payload : cut_all(reader)) received.push_back(std::move(payload));
    }
    CHECK(received == sent);
    CHECK(reader.buffered() == 0);
  }
}

TEST_CASE("a frame may be sealed in place") {
  Bytes out = "before";
  const size_t start = out.size();
  out.append(codec::frame_header_bytes, '\0').append("payload");
  codec::seal_frame(out, start);
  CHECK(out == "before" + frame_of("payload"));
}

TEST_CASE("a frame over the limit is refused by its header alone") {
  FrameReader reader{100};
  feed(reader, BytesView{frame_of(Bytes(101, 'x'))}.substr(0, codec::frame_header_bytes));
  REQUIRE(!reader.next());
  CHECK(reader.next().error().code == Code::bad_data);

  FrameReader exact{100};
  feed(exact, frame_of(Bytes(100, 'x')));
  CHECK(cut_all(exact).size() == 1);
}

TEST_CASE("an empty frame is refused: zeroes are no stream") {
  FrameReader reader{100};
  feed(reader, Bytes(8, '\0'));
  CHECK(reader.next().error().code == Code::bad_data);
}

TEST_CASE("any damaged bit is noticed") {
  const Bytes good = frame_of("some payload");
  for (size_t bit = 32; bit < good.size() * 8; ++bit) {  // beyond the length, which may just ask for more
    Bytes bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    FrameReader reader{1 << 20};
    feed(reader, bad);
    CHECK(!reader.next());
  }
}

TEST_CASE("memory follows what arrives, not what a header promises") {
  FrameReader reader{64 << 20};
  feed(reader, Bytes{"\xff\xff\xff\x03\x00\x00\x00\x00", 8});  // 64 MiB less one byte to come
  REQUIRE(reader.next());
  CHECK(reader.prepare().size() <= 128 << 10);
}

TEST_CASE("random bytes never cut a frame nor break the reader") {
  Random random{2};
  for (int round = 0; round < 20'000; ++round) {
    FrameReader reader{1 << 16};
    Bytes stream = round % 2 == 0 ? frame_of("first") : Bytes{};
    const size_t good = stream.size();
    stream += random_bytes(random, random.below(200));
    feed(reader, stream);
    CHECK(cut_all(reader).size() == (good > 0 ? 1 : 0));
  }
}
