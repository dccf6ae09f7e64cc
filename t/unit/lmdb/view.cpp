// The overlay over a snapshot against an ordered map, step by step (A3).
#include <doctest/doctest.h>

#include <map>

#include "env/random.hpp"
#include "lmdb/store.hpp"
#include "unit/lmdb/scratch.hpp"

using namespace ddb;

namespace {

using Model = std::map<Bytes, Bytes>;

const lmdb::StoreOptions options{.log = {.segment_bytes = 1 << 16, .spares = 0}, .map_bytes = 1 << 28, .slice_ops = 0,
                                 .reserve_bytes = 0, .fatal = {}};

Bytes draw_key(Random& random) {
  Bytes key(1 + random.below(3), '\0');
  for (char& c : key) c = static_cast<char>("\x00\x01mz\xff"[random.below(5)]);
  return key;
}

void check_at(env::Cursor& cursor, const Model& model, Model::const_iterator at, bool found) {
  CHECK(found == (at != model.end()));
  CHECK(cursor.valid() == found);
  if (!found || at == model.end()) return;
  CHECK(cursor.key() == at->first);
  CHECK(cursor.value() == at->second);
}

Model::const_iterator before(const Model& model, Model::const_iterator at) {
  return at == model.begin() ? model.end() : std::prev(at);
}

/// A random walk, turning around at random.
void walk(env::State& state, const Model& model, Random& random) {
  const auto cursor = state.cursor(env::Table::data);
  Model::const_iterator at;
  const Bytes key = draw_key(random);
  if (random.one_in(2)) {
    at = model.lower_bound(key);
    check_at(*cursor, model, at, cursor->seek(key));
  } else {
    at = before(model, model.lower_bound(key));
    check_at(*cursor, model, at, cursor->seek_before(key));
  }
  for (int i = 0; i < 12 && at != model.end(); ++i) {
    if (random.one_in(3)) {
      at = before(model, at);
      check_at(*cursor, model, at, cursor->prev());
    } else {
      ++at;
      check_at(*cursor, model, at, cursor->next());
    }
  }
}

void check_whole(env::State& state, const Model& model) {
  Model forward;
  const auto cursor = state.cursor(env::Table::data);
  for (bool more = cursor->seek({}); more; more = cursor->next())
    CHECK(forward.emplace(cursor->key(), cursor->value()).second);  // each row once
  CHECK(forward == model);
  Model backward;
  for (bool more = cursor->seek_before(Bytes(8, '\xff')); more; more = cursor->prev())
    CHECK(backward.emplace(cursor->key(), cursor->value()).second);
  CHECK(backward == model);
}

void change(env::State& state, Model& model, Random& random) {
  env::WriteBatch batch;
  for (uint64_t i = 0; i <= random.below(4); ++i) {
    const Bytes key = draw_key(random);
    if (random.one_in(3)) {
      batch.erase(env::Table::data, key);
      model.erase(key);
    } else {
      const Bytes value = random.one_in(8) ? Bytes{} : std::to_string(random.next());
      batch.put(env::Table::data, key, value);
      model[key] = value;
    }
  }
  state.apply(batch);
}

/// `slice_ops` as in StoreOptions; steps of a flush happen between reads and writes.
void run(uint64_t seed, uint32_t slice_ops) {
  CAPTURE(seed);
  const test::Scratch scratch;
  auto how = options;
  how.slice_ops = slice_ops;
  auto store = lmdb::Store::open(scratch.path(), how);
  REQUIRE(store);
  env::State& state = (*store)->state();
  Random random{seed};
  Model model;
  std::shared_ptr<lmdb::Flush> flush;
  bool flushed = false;
  for (int i = 0; i < 600; ++i) {
    change(state, model, random);
    walk(state, model, random);
    const Bytes key = draw_key(random);
    const auto got = state.get(env::Table::data, key);
    CHECK(got.has_value() == model.contains(key));
    if (got && model.contains(key)) CHECK(*got == model[key]);
    if (i % 50 == 0) check_whole(state, model);

    if (!flush && random.one_in(10)) {
      flush = (*store)->cut({});
      flushed = false;
    } else if (flush && !flushed && random.one_in(3)) {
      const auto done = flush->step();
      REQUIRE(done);
      flushed = *done;
    } else if (flushed && random.one_in(3)) {
      (*store)->finish(*flush);
      flush.reset();
      flushed = false;
      check_whole(state, model);
    }
  }
}

}  // namespace

TEST_CASE("test 10: reads, whatever a flush is doing, see each row once and as it is (A3)") {
  for (uint64_t seed = 1; seed <= 6; ++seed) run(seed, 0);
}

TEST_CASE("the same while the flush goes in slices (A2)") {
  for (uint64_t seed = 11; seed <= 16; ++seed) run(seed, 3);
}

TEST_CASE("seek_version finds a version where there is one, in whatever generation, and goes on from there") {
  const test::Scratch scratch;
  auto store = lmdb::Store::open(scratch.path(), options);
  REQUIRE(store);
  env::State& state = (*store)->state();
  Random random{5};
  Model model;
  const auto draw = [&] { return std::string(1, static_cast<char>('a' + random.below(20))) + "-------" + std::to_string(random.below(9)); };
  std::shared_ptr<lmdb::Flush> flush;
  for (int i = 0; i < 3000; ++i) {
    env::WriteBatch batch;
    const Bytes written = draw();
    if (random.one_in(2)) {
      batch.erase(env::Table::data, written);
      model.erase(written);
    } else {
      batch.put(env::Table::data, written, model[written] = std::to_string(i));
    }
    state.apply(batch);

    const Bytes key = draw();
    Model::const_iterator at = model.lower_bound(key);
    const bool there = at != model.end() && at->first[0] == key[0];
    const auto cursor = state.cursor(env::Table::data);
    CHECK(cursor->seek_version(key) == there);
    CHECK(cursor->valid() == there);
    if (there) {
      check_at(*cursor, model, at, true);
      const bool back = random.one_in(2);
      at = back ? before(model, at) : std::next(at);
      check_at(*cursor, model, at, back ? cursor->prev() : cursor->next());
    }
    if (i % 100 == 0) flush = (*store)->cut({});
    if (i % 100 == 50) {
      REQUIRE(flush->step());
      (*store)->finish(*flush);
    }
  }
}

TEST_CASE("tables do not mix; an empty store is empty") {
  const test::Scratch scratch;
  auto store = lmdb::Store::open(scratch.path(), options);
  REQUIRE(store);
  env::State& state = (*store)->state();
  CHECK_FALSE(state.cursor(env::Table::data)->seek({}));
  CHECK_FALSE(state.cursor(env::Table::data)->seek_before("x"));
  env::WriteBatch batch;
  batch.put(env::Table::lock, "k", "lock");
  state.apply(batch);
  CHECK_FALSE(state.get(env::Table::data, "k"));
  CHECK(state.get(env::Table::lock, "k") == "lock");
  CHECK_FALSE(state.cursor(env::Table::txn)->seek({}));
}

TEST_CASE("seek_before with an empty key finds nothing; a key over LMDB's limit is a place to seek") {
  const test::Scratch scratch;
  auto store = lmdb::Store::open(scratch.path(), options);
  REQUIRE(store);
  env::WriteBatch batch;
  batch.put(env::Table::data, Bytes(env::table_key_bytes_max, 'k'), "v");
  (*store)->state().apply(batch);
  auto flush = (*store)->cut({});
  REQUIRE(flush->step());
  (*store)->finish(*flush);
  const auto cursor = (*store)->state().cursor(env::Table::data);
  CHECK_FALSE(cursor->seek_before({}));
  CHECK_FALSE(cursor->valid());
  CHECK(cursor->seek_before(Bytes(600, 'k')));
  CHECK_FALSE(cursor->seek(Bytes(600, 'k')));
}
