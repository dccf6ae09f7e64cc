// Snapshot files and putting one in place (I1, I3).
#include <doctest/doctest.h>

#include <map>

#include "range/installer.hpp"
#include "range/snapshot_format.hpp"
#include "unit/support/memory_state.hpp"

using namespace ddb;
using namespace ddb::range;

namespace {

class Files final : public env::SnapshotFiles {
 public:
  void make(uint64_t, Bytes, std::vector<env::TableSpan>) override {}
  void scan(uint64_t, std::vector<env::TableSpan>) override { FAIL("nothing is checked here"); }
  Result<Bytes> read(uint64_t id, uint64_t offset, size_t size) override {
    return data[id].substr(std::min<size_t>(offset, data[id].size()), size);
  }
  Result<void> write(uint64_t, uint64_t, BytesView) override { return {}; }
  void seal(uint64_t) override {}
  void drop(uint64_t) override {}

  std::map<uint64_t, Bytes> data;
};

Bytes key(int i) { return "k" + std::to_string(1000 + i); }

/// Pieces of ten rows each.
Bytes file_of(int rows) {
  Bytes file;
  env::WriteBatch piece;
  for (int i = 0; i < rows; ++i) {
    piece.put(env::Table::data, key(i), "new" + std::to_string(i));
    if (piece.ops.size() == 10) file += encode_snapshot_piece(std::exchange(piece, {}));
  }
  return file + encode_snapshot_piece(piece);
}

const std::vector<env::TableSpan> everything{{env::Table::data, {}, {}}};

}  // namespace

TEST_CASE("a piece comes back whole; any byte flipped is noticed") {
  Files files;
  files.data[1] = file_of(15);
  const auto first = read_snapshot_piece(files, 1, 0);
  REQUIRE(first);
  CHECK(first->rows.ops.size() == 10);
  const auto second = read_snapshot_piece(files, 1, first->end);
  REQUIRE(second);
  CHECK(second->rows.ops.size() == 5);
  CHECK(second->end == files.data[1].size());
  for (size_t i = 0; i < first->end; ++i) {
    Files bad = files;
    bad.data[1][i] = static_cast<char>(bad.data[1][i] ^ 0x10);
    CHECK_FALSE(read_snapshot_piece(bad, 1, 0));
  }
  for (const size_t cut : {size_t{3}, size_t{8}, first->end - 1}) {
    Files bad = files;
    bad.data[1].resize(cut);
    CHECK_FALSE(read_snapshot_piece(bad, 1, 0));
  }
}

TEST_CASE("installing, stopped after every step and resumed from what a flush kept (I3)") {
  Files files;
  files.data[7] = file_of(55);
  // Progress and rows are durable together (A2): a crash takes both back to the last flush.
  for (int flush_every = 1; flush_every <= 4; ++flush_every) {
    test::MemoryState state;
    env::WriteBatch old;
    for (int i = 0; i < 120; i += 3) old.put(env::Table::data, key(i), "old");
    state.apply(old);
    test::MemoryState flushed = state;
    Install progress{7, files.data[7].size(), 0};

    std::optional<Installer> installer{std::in_place, progress, everything};
    for (int step = 1; !installer->done(); ++step) {
      REQUIRE(installer->step(files, state, 60));
      if (step % flush_every == 0) {
        flushed = state;
        progress = installer->progress();
      }
      if (step % (flush_every + 2) == 0) {  // crash
        state = flushed;
        installer.emplace(progress, everything);
      }
      REQUIRE(step < 1000);
    }
    CHECK(state[env::Table::data].size() == 55);
    for (int i = 0; i < 55; ++i) CHECK(state[env::Table::data][key(i)] == "new" + std::to_string(i));
  }
}
