#include "lmdb/flush_image.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "codec/archive.hpp"
#include "codec/frame.hpp"

namespace ddb::lmdb {

namespace {

constexpr size_t piece_bytes = 1 << 20;  // of one frame, or of a row that is longer: one transaction when it is replayed
constexpr uint32_t frame_bytes_max = 256 << 20;

std::string path_of(const std::string& directory) { return directory + "/flush"; }
std::string draft_of(const std::string& directory) { return directory + "/flush.new"; }

std::unexpected<Error> damaged(const std::string& directory) {
  return fail(Code::bad_data, path_of(directory) + " is damaged, and the state is halfway through it",
              "replace the store by an empty one and let it be rebuilt");
}

/// Appends operations to a file, a frame at a time.
class Writer {
 public:
  explicit Writer(env::File& file) : file_{file} {}

  Result<void> add(env::StateOp op) {
    bytes_ += op.key.size() + (op.value ? op.value->size() : 0);
    piece_.push_back(std::move(op));
    return bytes_ < piece_bytes ? Result<void>{} : flush();
  }
  Result<void> flush() {
    if (piece_.empty()) return {};
    Bytes frame;
    codec::append_frame(frame, codec::encode(piece_));
    piece_.clear();
    bytes_ = 0;
    auto written = file_.write(size_, frame);
    size_ += frame.size();
    return written;
  }
  uint64_t size() const { return size_; }

 private:
  env::File& file_;
  std::vector<env::StateOp> piece_;
  size_t bytes_ = 0;
  uint64_t size_ = 0;
};

Result<void> write_all(Writer& writer, const Generation& generation) {
  for (int i = 0; i < env::table_count; ++i) {
    const auto table = static_cast<env::Table>(i);
    for (const auto& [key, value] : generation.table(table)) {
      env::StateOp op{table, Bytes{key}, std::nullopt};
      if (!value.erased()) op.value = Bytes{value.bytes()};
      if (auto added = writer.add(std::move(op)); !added) return added;
    }
  }
  return writer.flush();
}

Result<uint64_t> write_durably(env::FileSystem& files, const std::string& directory, const Generation& generation) {
  auto file = files.create(draft_of(directory));
  if (!file) return std::unexpected(file.error());
  Writer writer{**file};
  auto done = write_all(writer, generation);
  if (done) done = (*file)->sync();
  if (done) done = files.rename(draft_of(directory), path_of(directory));
  if (done) done = files.sync_directory(directory);
  if (!done) return std::unexpected(done.error());
  return writer.size();
}

Result<void> replay(BytesView payload, const std::string& directory, const Environment& env) {
  const auto ops = codec::decode<std::vector<env::StateOp>>(payload);
  if (!ops) return damaged(directory);
  auto txn = WriteTxn::begin(env);
  if (!txn) return std::unexpected(txn.error());
  for (const auto& op : *ops) {
    auto done = op.value ? txn->put(env.table(op.table), op.key, *op.value) : txn->erase(env.table(op.table), op.key);
    if (!done) return done;
  }
  return txn->commit();
}

}  // namespace

Result<uint64_t> write_flush_image(env::FileSystem& files, const std::string& directory, const Generation& generation) {
  auto written = write_durably(files, directory, generation);
  if (!written) remove_flush_image(files, directory);
  return written;
}

Result<void> replay_flush_image(env::FileSystem& files, const std::string& directory, uint64_t bytes, const Environment& env) {
  auto file = files.open_existing(path_of(directory));
  if (!file && file.error().code == Code::not_found) return damaged(directory);
  if (!file) return std::unexpected(file.error());
  codec::FrameReader reader{frame_bytes_max};
  for (uint64_t at = 0; at < bytes;) {
    const auto room = reader.prepare();
    const auto read = (*file)->read(at, std::min<uint64_t>(room.size(), bytes - at));
    if (!read) return std::unexpected(read.error());
    if (read->empty()) return damaged(directory);
    std::memcpy(room.data(), read->data(), read->size());
    reader.commit(read->size());
    at += read->size();
    for (;;) {
      const auto payload = reader.next();
      if (!payload) return damaged(directory);
      if (!*payload) break;
      if (auto done = replay(**payload, directory, env); !done) return done;
    }
  }
  return reader.buffered() == 0 ? Result<void>{} : damaged(directory);
}

void remove_flush_image(env::FileSystem& files, const std::string& directory) {
  (void)files.remove(path_of(directory));
  (void)files.remove(draft_of(directory));
}

}  // namespace ddb::lmdb
