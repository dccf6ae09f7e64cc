// Stops the log after every single file operation, by kill and by power loss, also while it recovers from that,
// and compares what comes back with what was acknowledged (REPLICAS.md W1-W8, A6, B1).
//
// LMDB is a modelled step here: a commit happens whole or not at all, as LMDB's own commits do.
#include <doctest/doctest.h>

#include <map>

#include "unit/wal/sim_fs.hpp"
#include "wal/log.hpp"

using namespace ddb;
using proto::ReplicaKey;
using test::SimFs;

namespace {

constexpr StoreId store{5};
constexpr wal::Options options{.segment_bytes = 4 * wal::block_bytes, .spares = 1};
constexpr ReplicaKey keys[] = {{RangeId{1}, ReplicaId{1}}, {RangeId{2}, ReplicaId{7}}};
constexpr int workload_steps = 16;
constexpr size_t segments_max = 4;

/// A replica as its Raft would know it.
struct Model {
  std::map<LogIndex, proto::Entry> log;
  proto::HardState hard;
  LogIndex last() const { return log.empty() ? LogIndex{} : log.rbegin()->first; }
};
using Models = std::map<ReplicaKey, Model>;

struct Lmdb {
  wal::Position position;
  std::map<ReplicaKey, LogIndex> bases;
  std::map<ReplicaKey, proto::HardState> hard;
};

void merge(proto::HardState& into, const proto::HardState& other) {  // W6; nobody votes here
  into.term = std::max(into.term, other.term);
  into.commit = std::max(into.commit, other.commit);
}

void take(Model& model, const proto::LogRecord& record) {  // W5
  if (record.begin) model.log.clear();
  if (!record.entries.empty()) model.log.erase(model.log.lower_bound(record.entries.front().index), model.log.end());
  for (const auto& entry : record.entries) model.log[entry.index] = entry;
  if (record.hard_state) merge(model.hard, *record.hard_state);
}

/// One machine over several lives of its process.
struct World {
  SimFs disk;
  Lmdb lmdb;
  std::map<BatchNumber, Models> history;  // what the replicas are after each batch that was ever begun
  BatchNumber proven;                     // acknowledged, or found by a recovery that finished
};

Models replay(const std::vector<proto::LogBatch>& batches, const Lmdb& lmdb) {
  Models models;
  for (const auto& batch : batches)
    for (const auto& record : batch.records) take(models[record.key], record);
  for (const ReplicaKey& key : keys) {
    Model& model = models[key];
    const auto base = lmdb.bases.find(key);
    if (base != lmdb.bases.end()) model.log.erase(model.log.begin(), model.log.upper_bound(base->second));
    const auto hard = lmdb.hard.find(key);
    if (hard != lmdb.hard.end()) merge(model.hard, hard->second);
  }
  return models;
}

/// One life of the process.
class Session {
 public:
  explicit Session(World& world) : world_{world} {}

  /// False when the process stopped meanwhile. Checks what it finds.
  bool open() {
    std::vector<proto::LogBatch> recovered;
    auto opened = wal::Log::open(world_.disk, "log", store, world_.lmdb.position, options, recovered);
    if (!opened) {
      if (!world_.disk.stopped() && !world_.disk.failing_sync) FAIL(opened.error().message);
      return false;
    }
    log_ = std::move(*opened);
    if (!world_.disk.step()) return false;  // the transaction that raises the incarnation (A6)
    world_.lmdb.position = log_->position();
    check(recovered);
    if (!log_->release(world_.lmdb.position)) return false;
    return true;
  }

  /// False when the process stopped.
  bool work(uint64_t seed, int steps) {
    Random random{seed};
    for (int i = 0; i < steps; ++i)
      if (!step(random)) return false;
    return true;
  }

 private:
  void check(const std::vector<proto::LogBatch>& recovered) {
    const BatchNumber found = log_->next_batch().prev();
    REQUIRE(found >= world_.proven);
    REQUIRE(found <= world_.proven.next());
    for (size_t i = 1; i < recovered.size(); ++i) REQUIRE(recovered[i].number == recovered[i - 1].number.next());
    models_ = world_.history[found];
    Models models = replay(recovered, world_.lmdb);
    for (const ReplicaKey& key : keys) {
      auto expected = models_[key].log;
      expected.erase(expected.begin(), expected.upper_bound(world_.lmdb.bases[key]));
      REQUIRE(models[key].log == expected);
      REQUIRE(models[key].hard == models_[key].hard);
    }
    world_.proven = found;  // from here on the store acts upon it
  }

  bool append(std::vector<proto::LogRecord> records) {
    const BatchNumber number = log_->next_batch();
    for (const auto& record : records) take(models_[record.key], record);
    world_.history[number] = models_;
    if (!log_->append({number, std::move(records)})) return false;
    world_.proven = number;
    return true;
  }

  proto::LogRecord draw_record(const ReplicaKey& key, Random& random) {
    Model& model = models_[key];
    proto::LogRecord record{.key = key, .begin = {}, .entries = {}, .hard_state = {}};
    LogIndex first = model.last().next();
    if (random.one_in(6) && model.last() > model.hard.commit) first = model.last();  // a conflict
    for (uint64_t i = 0; i < random.below(3); ++i)
      record.entries.push_back({Term{model.hard.term.value + 1}, first.plus(i), proto::EntryKind::command,
                                Bytes(random.below(2500), static_cast<char>('a' + random.below(26)))});
    if (random.one_in(3))
      record.hard_state = proto::HardState{model.hard.term.next(), {}, std::max(model.hard.commit, first.prev().value ? first.prev() : LogIndex{})};
    return record;
  }

  bool step(Random& random) {
    switch (random.below(8)) {
      case 0: return append({});
      case 1:
      case 2: return flush(random);
      case 3: {
        const auto made = log_->prepare_spares();
        return made.has_value();
      }
      default: {
        std::vector<proto::LogRecord> records;
        for (const ReplicaKey& key : keys)
          if (random.below(3) != 0) records.push_back(draw_record(key, random));
        return append(std::move(records));
      }
    }
  }

  bool flush(Random& random) {
    std::vector<proto::FlushedReplica> flushed;
    Lmdb next = world_.lmdb;
    for (const ReplicaKey& key : keys) {
      const Model& model = models_[key];
      next.hard[key] = model.hard;
      if (key == keys[1] && random.below(4) != 0) continue;  // the second one lags, and pins
      next.bases[key] = std::max(next.bases[key], model.hard.commit);
      flushed.push_back({key, next.bases[key], false});
    }
    next.position = log_->flushing(world_.proven, flushed);
    if (!world_.disk.step()) return false;
    world_.lmdb = next;
    if (!log_->release(next.position)) return false;
    return rewrite_pins();
  }

  bool rewrite_pins() {  // W8
    for (const ReplicaKey& key : log_->pins(segments_max)) {
      const LogIndex base = world_.lmdb.bases[key];
      proto::LogRecord whole{.key = key, .begin = proto::Base{base, Term{1}}, .entries = {}, .hard_state = {}};
      for (const auto& [index, entry] : models_[key].log)
        if (index > base) whole.entries.push_back(entry);
      if (!append({whole})) return false;
    }
    return true;
  }

  World& world_;
  std::unique_ptr<wal::Log> log_;
  Models models_;
};

constexpr SimFs::Crash crashes[] = {SimFs::Crash::kill, SimFs::Crash::power_drop, SimFs::Crash::power_keep,
                                    SimFs::Crash::power_tear};

/// Runs a first life until it stops, or to its end. Returns the operations it took.
uint64_t live(World& world, uint64_t seed) {
  Session session{world};
  if (session.open()) session.work(seed, workload_steps);
  return world.disk.operations();
}

/// Comes back, checks, works a little, loses power, comes back and checks again.
void check_lives_on(World world, uint64_t seed) {
  Random random{seed};
  {
    Session session{world};
    REQUIRE(session.open());
    REQUIRE(session.work(seed, 3));
  }
  world.disk.crash(SimFs::Crash::power_drop, random);
  Session session{world};
  REQUIRE(session.open());
}

/// The recovery itself is stopped after each of its operations.
void check_recovery_stops(const World& world, uint64_t seed) {
  World whole = world;
  REQUIRE(Session{whole}.open());
  const uint64_t operations = whole.disk.operations();
  for (uint64_t stop = 1; stop < operations; ++stop) {
    CAPTURE(stop);
    World again = world;
    again.disk.stop_after = stop;
    CHECK_FALSE(Session{again}.open());
    Random random{seed + stop};
    again.disk.crash(crashes[random.below(4)], random);
    Session session{again};
    REQUIRE(session.open());
  }
}

}  // namespace

TEST_CASE("stopped after every operation, killed or without power, also while recovering: nothing acknowledged is lost") {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    World whole;
    const uint64_t operations = live(whole, seed);
    REQUIRE(operations > 50);
    for (uint64_t stop = 1; stop <= operations; ++stop) {
      for (const bool tear : {false, true}) {
        for (const SimFs::Crash how : crashes) {
          if (tear && how != SimFs::Crash::kill) continue;
          CAPTURE(seed);
          CAPTURE(stop);
          CAPTURE(tear);
          CAPTURE(static_cast<int>(how));
          World world;
          world.disk.stop_after = stop;
          world.disk.tear_last_write = tear;
          live(world, seed);
          Random random{seed * 1000 + stop};
          world.disk.crash(how, random);
          check_lives_on(world, seed + stop);
          check_recovery_stops(world, seed + stop);
        }
      }
    }
  }
}

TEST_CASE("a sync that fails stops the store; after a restart and a power loss nothing acknowledged is lost (W4)") {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    for (uint64_t sync = 1; sync <= 40; ++sync) {
      CAPTURE(seed);
      CAPTURE(sync);
      World world;
      Random random{seed};
      world.disk.failing_sync = sync;
      {
        Session session{world};
        if (session.open()) session.work(seed, workload_steps);
      }
      world.disk.crash(SimFs::Crash::kill, random);
      check_lives_on(world, seed);
    }
  }
}

TEST_CASE("many lives, one after another, each cut off at random") {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Random random{seed};
    World world;
    for (int life = 0; life < 25; ++life) {
      CAPTURE(life);
      world.disk.stop_after = 5 + random.below(80);
      world.disk.tear_last_write = random.one_in(2);
      Session session{world};
      if (session.open()) session.work(random.next(), workload_steps);
      world.disk.crash(crashes[random.below(4)], random);
    }
  }
}
