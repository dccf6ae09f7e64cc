#include "range/snapshot_format.hpp"

#include "codec/archive.hpp"
#include "codec/crc.hpp"

namespace ddb::range {

namespace {

constexpr size_t header_bytes = 8;
constexpr uint32_t piece_bytes_max = 64 << 20;

void put_u32(Bytes& out, uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(value >> shift));
}

uint32_t get_u32(BytesView in) {
  uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<unsigned char>(in[static_cast<size_t>(i)]);
  return value;
}

std::unexpected<Error> damaged(uint64_t id, uint64_t offset) {
  return fail(Code::bad_data,
              "snapshot file " + std::to_string(id) + " is damaged at byte " + std::to_string(offset));
}

}  // namespace

Bytes encode_snapshot_piece(const env::WriteBatch& rows) {
  const Bytes payload = codec::encode(rows.ops);
  Bytes out;
  out.reserve(header_bytes + payload.size());
  put_u32(out, static_cast<uint32_t>(payload.size()));
  put_u32(out, codec::crc32c(payload));
  return out += payload;
}

Result<SnapshotPiece> read_snapshot_piece(env::SnapshotFiles& files, uint64_t id, uint64_t offset) {
  const auto header = files.read(id, offset, header_bytes);
  if (!header) return std::unexpected(header.error());
  if (header->size() != header_bytes) return damaged(id, offset);
  const uint32_t size = get_u32(*header);
  if (size > piece_bytes_max) return damaged(id, offset);
  const auto payload = files.read(id, offset + header_bytes, size);
  if (!payload) return std::unexpected(payload.error());
  if (payload->size() != size || codec::crc32c(*payload) != get_u32(BytesView{*header}.substr(4)))
    return damaged(id, offset);
  auto rows = codec::decode<std::vector<env::StateOp>>(*payload);
  if (!rows) return damaged(id, offset);
  return SnapshotPiece{{std::move(*rows)}, offset + header_bytes + size};
}

}  // namespace ddb::range
