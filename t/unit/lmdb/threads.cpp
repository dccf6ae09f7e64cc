// The store's three threads at once, and a snapshot's (lmdb/store.hpp says who calls what). For thread sanitizers.
#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <thread>

#include "env/random.hpp"
#include "lmdb/store.hpp"
#include "unit/lmdb/scratch.hpp"

using namespace ddb;

namespace {

const lmdb::StoreOptions options{.log = {.segment_bytes = 1 << 16, .spares = 1}, .map_bytes = 1 << 28, .slice_ops = 100,
                                 .reserve_bytes = 1 << 16, .fatal = {}};
constexpr proto::ReplicaKey key{RangeId{1}, ReplicaId{1}};

/// Appends batches until told to stop; the last one proven is `proven`.
void write_log(wal::Log& log, const std::atomic<bool>& stop, std::atomic<uint64_t>& proven) {
  for (uint64_t i = 1; !stop; ++i) {
    const proto::LogBatch batch{log.next_batch(), {{.key = key, .begin = {},
                                                    .entries = {{Term{1}, LogIndex{i}, proto::EntryKind::command, Bytes(3000, 'x')}},
                                                    .hard_state = {}}}};
    if (!log.append(batch)) std::abort();
    proven = i;
  }
}

void run_flush(lmdb::Store& store, lmdb::Flush& flush, std::atomic<bool>& done) {
  for (;;) {
    const auto stepped = flush.step();
    if (!stepped) std::abort();
    if (*stepped) break;
  }
  if (!store.maintain()) std::abort();
  done = true;
}

size_t count_rows(lmdb::Snapshot& snapshot) {
  std::vector<env::TableSpan> spans{{env::Table::data, {}, {}}};
  env::WriteBatch rows;
  while (!spans.empty())
    if (!snapshot.read(spans, 1000, rows)) std::abort();
  return rows.ops.size();
}

}  // namespace

TEST_CASE("core, log writer, flusher and a snapshot at the same time: reads are right, the log stays bounded") {
  const test::Scratch scratch;
  auto opened = lmdb::Store::open(scratch.path(), options);
  REQUIRE(opened);
  lmdb::Store& store = **opened;
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> proven = 0;
  std::thread writer{[&] { write_log(store.log(), stop, proven); }};

  Random random{1};
  std::map<Bytes, Bytes> model;
  for (int round = 0; round < 8; ++round) {
    const auto put = [&] {
      env::WriteBatch batch;
      const Bytes row = "k" + std::to_string(random.below(3000));
      batch.put(env::Table::data, row, model[row] = std::to_string(random.next()));
      store.state().apply(batch);
    };
    for (int i = 0; i < 500; ++i) put();
    const auto snapshot = store.snapshot();
    REQUIRE(snapshot);
    auto flush = store.cut({BatchNumber{proven}, {{key, LogIndex{proven}}}});
    std::atomic<bool> flushed = false;
    std::atomic<size_t> rows = 0;
    std::thread flusher{[&] { run_flush(store, *flush, flushed); }};
    std::thread reader{[&] { rows = count_rows(**snapshot); }};
    while (!flushed) {
      put();
      for (const auto& [row, value] : model) {
        if (!random.one_in(50)) continue;
        const auto got = store.state().get(env::Table::data, row);
        REQUIRE(got);
        REQUIRE(*got == value);
      }
    }
    flusher.join();
    reader.join();
    store.finish(*flush);
    CHECK(rows <= model.size());
  }
  stop = true;
  writer.join();
  auto flush = store.cut({BatchNumber{proven}, {{key, LogIndex{proven}}}});
  std::atomic<bool> flushed = false;
  run_flush(store, *flush, flushed);
  store.finish(*flush);
  CHECK(store.log().segments() == 1);
}
