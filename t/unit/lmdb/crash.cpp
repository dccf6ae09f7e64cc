// Log, overlay and LMDB as one store, stopped after every operation on the log's files and every LMDB transaction:
// rows, applied index and log never disagree, and nothing acknowledged is lost (REPLICAS.md A2, A6, W7).
#include <doctest/doctest.h>

#include <map>

#include "env/random.hpp"
#include "lmdb/store.hpp"
#include "unit/lmdb/scratch.hpp"
#include "unit/wal/sim_fs.hpp"

using namespace ddb;
using test::SimFs;

namespace {

constexpr proto::ReplicaKey key{RangeId{1}, ReplicaId{1}};
constexpr BytesView applied_key = "applied";

lmdb::StoreOptions options_with(uint32_t slice_ops) {
  return {.log = {.segment_bytes = 4 * wal::block_bytes, .spares = 1}, .map_bytes = 1 << 26, .slice_ops = slice_ops,
          .reserve_bytes = 0, .fatal = {}};
}

using Rows = std::map<Bytes, Bytes>;

/// What one process or several in turn did to a store. Entry i sets or erases one row.
struct World {
  explicit World(uint32_t slices) : slice_ops{slices} { std::filesystem::create_directory(scratch.path() + "/state"); }

  const uint32_t slice_ops;
  test::Scratch scratch;
  SimFs disk;
  std::vector<Rows> history{{}};  // after entry i, of all that were ever begun
  uint64_t acknowledged = 0;      // the last entry that was
};

void apply_to(Rows& rows, BytesView entry) {
  const size_t at = entry.find('=');
  if (at == BytesView::npos) {
    rows.erase(Bytes{entry});
  } else {
    rows[Bytes{entry.substr(0, at)}] = entry.substr(at + 1);
  }
}

env::WriteBatch writes_of(BytesView entry) {
  env::WriteBatch batch;
  const size_t at = entry.find('=');
  if (at == BytesView::npos) {
    batch.erase(env::Table::data, Bytes{entry});
  } else {
    batch.put(env::Table::data, Bytes{entry.substr(0, at)}, Bytes{entry.substr(at + 1)});
  }
  return batch;
}

uint64_t applied_of(env::State& state) {
  const auto value = state.get(env::Table::range, applied_key);
  return value ? std::stoull(Bytes{*value}) : 0;
}

Rows rows_of(env::State& state) {
  Rows rows;
  const auto cursor = state.cursor(env::Table::data);
  for (bool more = cursor->seek({}); more; more = cursor->next()) rows.emplace(cursor->key(), cursor->value());
  return rows;
}

class Session {
 public:
  explicit Session(World& world) : world_{world} {}

  /// False when the process stopped. Checks what is there.
  bool open() {
    auto opened = lmdb::Store::open(world_.scratch.path(), options_with(world_.slice_ops), world_.disk);
    if (!opened) {
      if (!world_.disk.stopped()) FAIL(to_string(opened.error()));
      return false;
    }
    store_ = std::move(*opened);
    recover();
    return true;
  }

  /// False when the process stopped.
  bool work(Random& random, int steps) {
    for (int i = 0; i < steps; ++i)
      if (!(random.one_in(4) ? flush(random) : append(random))) return false;
    return true;
  }

 private:
  void recover() {
    env::State& state = store_->state();
    last_ = applied_of(state);
    REQUIRE(rows_of(state) == world_.history[last_]);  // A2: a whole flush, never a part
    for (const auto& batch : store_->recovered()) {
      for (const auto& record : batch.records) {
        for (const auto& entry : record.entries) {
          if (entry.index.value <= last_) continue;
          REQUIRE(entry.index.value == last_ + 1);
          state.apply(writes_of(entry.data));
          last_ = entry.index.value;
        }
      }
    }
    REQUIRE(last_ >= world_.acknowledged);
    REQUIRE(last_ < world_.history.size());
    REQUIRE(rows_of(state) == world_.history[last_]);
    world_.acknowledged = last_;
  }

  bool append(Random& random) {
    std::vector<proto::Entry> entries;
    Rows rows = world_.history[last_];
    world_.history.resize(last_ + 1);
    for (uint64_t i = 0; i <= random.below(3); ++i) {
      Bytes data = "k" + std::to_string(random.below(12));
      if (!random.one_in(3)) data += "=" + Bytes(random.below(900), static_cast<char>('a' + random.below(26)));
      apply_to(rows, data);
      world_.history.push_back(rows);
      entries.push_back({Term{1}, LogIndex{last_ + 1 + i}, proto::EntryKind::command, data});
    }
    const auto& log = store_->log().next_batch();
    if (!store_->log().append({log, {{.key = key, .begin = {}, .entries = entries, .hard_state = {}}}})) return false;
    for (const auto& entry : entries) store_->state().apply(writes_of(entry.data));  // A1: proven first
    last_ += entries.size();
    world_.acknowledged = last_;
    return true;
  }

  bool flush(Random& random) {
    env::WriteBatch record;
    record.put(env::Table::range, Bytes{applied_key}, std::to_string(last_));
    store_->state().apply(record);
    const uint64_t base = last_ - std::min<uint64_t>(last_, random.below(4));
    const auto job = store_->cut({.proven = store_->log().next_batch().prev(),
                                  .replicas = {{key, LogIndex{base}}}});
    for (bool done = false; !done;) {
      if (!world_.disk.step()) return false;
      const auto stepped = job->step();
      if (!stepped) {
        REQUIRE(world_.disk.stopped());
        return false;
      }
      done = *stepped;
      if (random.one_in(2) && !append(random)) return false;  // life goes on during a flush
    }
    store_->finish(*job);
    return store_->maintain().has_value();
  }

  World& world_;
  std::unique_ptr<lmdb::Store> store_;
  uint64_t last_ = 0;
};

constexpr SimFs::Crash crashes[] = {SimFs::Crash::kill, SimFs::Crash::power_drop, SimFs::Crash::power_tear};

uint64_t live(World& world, uint64_t seed) {
  Random random{seed};
  Session session{world};
  if (session.open()) session.work(random, 14);
  return world.disk.operations();
}

void stop_everywhere(uint64_t seed, uint32_t slice_ops) {
  World whole{slice_ops};
  const uint64_t operations = live(whole, seed);
  REQUIRE(operations > 40);
  for (uint64_t stop = 1; stop <= operations; ++stop) {
    for (const SimFs::Crash how : crashes) {
      CAPTURE(seed);
      CAPTURE(stop);
      CAPTURE(static_cast<int>(how));
      World world{slice_ops};
      world.disk.stop_after = stop;
      live(world, seed);
      Random random{seed + stop};
      for (int life = 0; life < 2; ++life) {
        world.disk.crash(how, random);
        if (life == 0 && random.one_in(2)) {  // in the middle of recovery, too
          world.disk.stop_after = world.disk.operations() + 1 + random.below(12);
          if (Session cut_short{world}; cut_short.open()) continue;
          world.disk.crash(how, random);
        }
        Session session{world};
        REQUIRE(session.open());
        REQUIRE(session.work(random, 4));
      }
    }
  }
}

}  // namespace

TEST_CASE("stopped after every operation: rows, applied index and log agree, and hold all that was acknowledged") {
  stop_everywhere(1, 0);
  stop_everywhere(2, 0);
}

TEST_CASE("the same with flushes in slices: a store found between two has all of them (A2)") {
  stop_everywhere(3, 2);
  stop_everywhere(4, 3);
}
