#include "sql/catalog.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "codec/archive.hpp"
#include "env/dropped.hpp"
#include "env/random.hpp"
#include "env/span.hpp"
#include "sql/index_entries.hpp"
#include "sql/reader.hpp"
#include "sql/rows.hpp"
#include "unit/sql/memory_kv.hpp"
#include "unit/sql/memory_meta.hpp"

using namespace ddb;
using codec::Value;
using codec::ValueView;
using sql::Catalog;
using sql::IndexState;

namespace {

/// A cluster of gateways over one store. Whoever sleeps lets the clock, and then all the others, run.
struct World {
  test::MemoryMeta meta;
  test::MemoryKv kv;
  std::vector<Catalog*> awake;
  std::function<void()> on_sleep;

  std::unique_ptr<Catalog> gateway(const std::string& name) {
    sql::CatalogOptions options;
    options.gateway = name;
    options.now = [this] { return meta.now(); };
    options.sleep = [this](Duration by) {
      meta.advance(by);
      for (Catalog* catalog : awake) (void)catalog->tick();
      if (on_sleep) on_sleep();
    };
    auto opened = Catalog::open(meta, kv, options);
    REQUIRE_MESSAGE(opened, opened.error().message);
    awake.push_back(opened->get());
    return std::move(*opened);
  }
  void stop(std::unique_ptr<Catalog>& catalog) {
    std::erase(awake, catalog.get());
    catalog.reset();
  }
};

void run(Catalog& catalog, const std::string& ddl) {
  const auto done = catalog.execute(ddl);
  REQUIRE_MESSAGE(done, ddl << ": " << done.error().message);
}

Error refused(Catalog& catalog, const std::string& ddl) {
  const auto done = catalog.execute(ddl);
  REQUIRE_MESSAGE(!done.has_value(), ddl);
  return done.error();
}

/// One row of a table t(id, v), as a session on that gateway would write it.
Result<void> write(World& world, Catalog& catalog, int64_t id, const Value& value, bool erase = false) {
  auto pin = catalog.pin();
  if (!pin) return std::unexpected(pin.error());
  const sql::Table& table = *pin->schema()->find_table("t");
  auto txn = std::move(*world.kv.begin({}));
  sql::WriteBuffer buffer;
  auto writer = sql::RowWriter::open(table);
  const std::vector<ValueView> values{id, codec::to_view(value)};
  const sql::RowView row{id, values};
  if (auto done = erase ? writer->erase(row, buffer) : writer->insert(row, buffer); !done) return done;
  if (auto may = pin->enter_commit(); !may) return may;
  const auto committed = txn->commit(buffer.writes());
  if (!committed) return std::unexpected(committed.error());
  return {};
}

size_t entries(World& world, const sql::Table& table, const sql::Index& index) {
  const Bytes prefix = sql::index_prefix(table, index);
  return world.kv.all({prefix, prefix_end(prefix)}).size();
}

/// What schema changes have left to the stores (H3), by metadata key.
std::map<Bytes, env::Dropped> dropped(World& world) {
  std::map<Bytes, env::Dropped> found;
  const auto range = world.meta.range(env::dropped_prefix, prefix_end(env::dropped_prefix));
  REQUIRE(range);
  for (const auto& entry : range->entries) found[entry.key] = *codec::decode<env::Dropped>(entry.value);
  return found;
}

/// Stored rows and entries that are not left to the stores.
size_t kept(World& world) {
  const auto left = dropped(world);
  const auto is_left = [&](const Bytes& key) {
    return std::ranges::any_of(left, [&](const auto& entry) { return env::contains(entry.second.spans.at(0), key); });
  };
  const auto all = world.kv.all();
  return static_cast<size_t>(std::ranges::count_if(all, [&](const auto& row) { return !is_left(row.key); }));
}

}  // namespace

TEST_CASE("a schema survives its gateway, ids and all") {
  World world;
  auto one = world.gateway("one");
  run(*one, "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT COLLATE NOCASE DEFAULT 'x' UNIQUE)");
  run(*one, "CREATE INDEX i ON t(v DESC)");
  run(*one, "CREATE VIEW w AS SELECT v FROM t");
  run(*one, "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET v = 1 WHERE id = new.id; END");
  const auto before = one->schema();
  world.stop(one);
  auto two = world.gateway("two");
  CHECK(two->schema()->version == before->version);
  CHECK(two->schema()->next_id == before->next_id);
  CHECK(two->schema()->tables == before->tables);
  CHECK(two->schema()->views == before->views);
  CHECK(two->schema()->triggers == before->triggers);
  run(*two, "ALTER TABLE t RENAME TO tt");
  CHECK(two->schema()->find_table("tt")->id == before->find_table("t")->id);
}

TEST_CASE("errors are SQLite's, and leave nothing behind") {
  World world;
  auto one = world.gateway("one");
  run(*one, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
  const uint64_t version = one->schema()->version;
  CHECK(refused(*one, "CREATE TABLE t(x)").message == "table t already exists");
  CHECK(refused(*one, "CREATE INDEX i ON t(nope)").message == "no such column: nope");
  CHECK(refused(*one, "DROP TABLE nope").message == "no such table: nope");
  CHECK(refused(*one, "CREATE TABLE x(").message == "incomplete input");
  CHECK(refused(*one, "CREATE TABLE \"$txn\"(a)").message == "object name reserved for internal use: $txn");
  CHECK(refused(*one, "CREATE VIRTUAL TABLE f USING fts5(a)").message == "virtual tables are not supported: f");
  run(*one, "CREATE TABLE IF NOT EXISTS t(x)");
  CHECK(one->schema()->version == version);
}

TEST_CASE("an index on a table with rows is filled, then public") {
  World world;
  auto one = world.gateway("one");
  run(*one, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
  for (int64_t id = 1; id <= 1200; ++id) REQUIRE(write(world, *one, id, id * 2));
  run(*one, "CREATE UNIQUE INDEX i ON t(v)");
  const auto schema = one->schema();
  const sql::Table& table = *schema->find_table("t");
  CHECK(table.indexes.at(0).state == IndexState::public_);
  CHECK(entries(world, table, table.indexes[0]) == 1200);
  run(*one, "DROP INDEX i");
  CHECK(one->schema()->find_table("t")->indexes.empty());
  CHECK(kept(world) == 1200);
}

TEST_CASE("a violation in the backfill names the values and leaves no index") {
  World world;
  auto one = world.gateway("one");
  run(*one, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
  for (int64_t id = 1; id <= 700; ++id) REQUIRE(write(world, *one, id, id == 700 ? int64_t{3} : id));
  const Error error = refused(*one, "CREATE UNIQUE INDEX i ON t(v)");
  CHECK(error.message == "UNIQUE constraint failed: t.v");
  CHECK(error.hint.find("(3)") != std::string::npos);
  CHECK(one->schema()->find_table("t")->indexes.empty());
  CHECK(kept(world) == 700);
  run(*one, "CREATE INDEX i ON t(v)");  // the name is free again
}

TEST_CASE("writers on other gateways at every step leave index and table agreeing") {
  World world;
  auto one = world.gateway("one");
  auto two = world.gateway("two");
  run(*one, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
  Random random{3};
  std::map<int64_t, int64_t> rows;
  for (int64_t id = 1; id <= 600; ++id) {
    REQUIRE(write(world, *one, id, id));
    rows[id] = id;
  }
  // Whenever anybody waits, somebody on some gateway inserts a row and removes another.
  int64_t next = 10'000;
  const auto disturb = [&] {
    for (int i = 0; i < 3; ++i) {
      Catalog& catalog = random.one_in(2) ? *one : *two;
      const int64_t id = next++;
      if (write(world, catalog, id, id)) rows[id] = id;
      const auto victim = std::next(rows.begin(), static_cast<ptrdiff_t>(random.below(rows.size())));
      if (write(world, catalog, victim->first, victim->second, true)) rows.erase(victim);
    }
  };
  bool inside = false;
  world.on_sleep = disturb;
  world.kv.on_request = [&](const char* request) -> Result<void> {
    if (!inside && std::string_view{request} == "commit" && random.one_in(3)) {
      inside = true;
      disturb();
      inside = false;
    }
    return {};
  };
  for (int round = 0; round < 4; ++round) {
    run(*one, "CREATE UNIQUE INDEX i ON t(v)");
    const auto schema = one->schema();
    const sql::Table& table = *schema->find_table("t");
    const sql::Index& index = table.indexes.at(0);
    CHECK(index.state == IndexState::public_);
    CHECK(entries(world, table, index) == rows.size());
    CHECK(kept(world) == 2 * rows.size());
    run(*two, "DROP INDEX i");
    CHECK(kept(world) == rows.size());
  }
}

namespace {

/// The rows of t(id, v) that a gateway would read now, by rowid.
std::map<int64_t, int64_t> seen(World& world, Catalog& catalog) {
  const auto schema = catalog.schema();
  const sql::Table& table = *schema->find_table("t");
  const Bytes prefix = sql::row_prefix(table);
  std::map<int64_t, int64_t> found;
  for (const auto& stored : world.kv.all({prefix, prefix_end(prefix)})) {
    const auto row = sql::decode_row(table, stored.key, stored.value);
    REQUIRE(row);
    CHECK(std::get<int64_t>(row->values[0]) == row->rowid);
    found[row->rowid] = std::get<int64_t>(row->values[1]);
  }
  return found;
}

/// v of a row changes, as a session on that gateway would write it.
bool change(World& world, Catalog& catalog, int64_t id, int64_t from, int64_t to) {
  const auto pin = catalog.pin();
  REQUIRE(pin);
  const sql::Table& table = *pin->schema()->find_table("t");
  auto txn = std::move(*world.kv.begin({}));
  sql::WriteBuffer buffer;
  auto writer = sql::RowWriter::open(table);
  const std::vector<ValueView> before{id, from};
  const std::vector<ValueView> after{id, to};
  const Bytes previous = sql::row_value(table, {id, before});
  REQUIRE(writer->update({id, before}, previous, {id, after}, buffer));
  return const_cast<sql::SchemaPin&>(*pin).enter_commit() && txn->commit(buffer.writes());
}

}  // namespace

TEST_CASE("ADD PRIMARY KEY: whoever reads or writes on whatever gateway at whatever step finds all rows") {
  World world;
  auto one = world.gateway("one");
  auto two = world.gateway("two");
  Random random{5};
  run(*one, "CREATE TABLE t(id INTEGER NOT NULL, v INT)");
  run(*one, "CREATE INDEX i ON t(v)");
  std::map<int64_t, int64_t> rows;
  for (int64_t id = 1; id <= 700; ++id) {
    REQUIRE(write(world, *one, id, id));
    rows[id] = id;
  }
  int64_t next = 10'000;
  int checks = 0;
  const auto disturb = [&] {
    for (Catalog* catalog : {one.get(), two.get()}) {
      const int64_t id = next++;
      if (write(world, *catalog, id, id)) rows[id] = id;
      const auto changed = std::next(rows.begin(), static_cast<ptrdiff_t>(random.below(rows.size())));
      if (change(world, *catalog, changed->first, changed->second, changed->second + 1)) ++changed->second;
      const auto victim = std::next(rows.begin(), static_cast<ptrdiff_t>(random.below(rows.size())));
      if (write(world, *catalog, victim->first, victim->second, true)) rows.erase(victim);
    }
    ++checks;
    CHECK(seen(world, *one) == rows);
    CHECK(seen(world, *two) == rows);
  };
  bool inside = false;
  world.on_sleep = disturb;
  world.kv.on_request = [&](const char* request) -> Result<void> {
    if (inside || std::string_view{request} != "commit" || !random.one_in(2)) return {};
    inside = true;
    disturb();
    inside = false;
    return {};
  };
  run(*one, "ALTER TABLE t ADD CONSTRAINT k PRIMARY KEY (id)");
  CHECK(checks > 5);
  const auto schema = one->schema();
  const sql::Table& table = *schema->find_table("t");
  CHECK(table.second.empty());
  CHECK(table.clustering == sql::Clustering::primary_key);
  CHECK(table.sql == "CREATE TABLE t(id INT NOT NULL, v INT, CONSTRAINT k PRIMARY KEY (id))");
  CHECK(seen(world, *two) == rows);
  CHECK(entries(world, table, table.indexes.at(0)) == rows.size());
  CHECK(kept(world) == 2 * rows.size());
}

TEST_CASE("ADD PRIMARY KEY: what stands against it leaves the table as it was") {
  World world;
  auto one = world.gateway("one");
  run(*one, "CREATE TABLE t(id INT NOT NULL, v INT)");
  for (int64_t id = 1; id <= 700; ++id) REQUIRE(write(world, *one, id, id == 700 ? int64_t{3} : id));
  const sql::Table before = *one->schema()->find_table("t");
  const Error error = refused(*one, "ALTER TABLE t ADD PRIMARY KEY (v)");
  CHECK(error.message == "UNIQUE constraint failed: t.v");
  CHECK(error.hint.find("(3)") != std::string::npos);
  const auto schema = one->schema();
  const sql::Table& after = *schema->find_table("t");
  CHECK(after.second.empty());
  CHECK(after.sql == before.sql);
  CHECK(after.rows == before.rows);
  CHECK(kept(world) == 700);
  CHECK(refused(*one, "ALTER TABLE t ADD PRIMARY KEY (nowhere)").message.find("nowhere") != std::string::npos);
  CHECK(refused(*one, "ALTER TABLE u ADD PRIMARY KEY (v)").message == "no such table: u");
  run(*one, "ALTER TABLE t ADD PRIMARY KEY (id)");
  CHECK(refused(*one, "ALTER TABLE t ADD PRIMARY KEY (id)").message == "table \"t\" has more than one primary key");
}

TEST_CASE("ADD PRIMARY KEY: a gateway that vanishes amid it leaves a table that can be dropped, or finished by another") {
  for (const int commits_before : {0, 1}) {
    for (const bool drop : {false, true}) {
      World world;
      auto one = world.gateway("one");
      auto two = world.gateway("two");
      run(*one, "CREATE TABLE t(id INT NOT NULL, v INT)");
      for (int64_t id = 1; id <= 700; ++id) REQUIRE(write(world, *one, id, id));
      int commits = 0;
      bool cut_off = false;
      world.kv.on_request = [&](const char* request) -> Result<void> {
        cut_off = cut_off || (std::string_view{request} == "commit" && commits++ == commits_before);
        return cut_off ? Result<void>{fail(Code::unavailable, "cut off")} : Result<void>{};
      };
      world.meta.on_request = [&](const char*) -> Result<void> {
        return cut_off ? Result<void>{fail(Code::unavailable, "cut off")} : Result<void>{};
      };
      CHECK(refused(*one, "ALTER TABLE t ADD PRIMARY KEY (id)").code == Code::unavailable);
      world.kv.on_request = nullptr;
      world.meta.on_request = nullptr;
      REQUIRE(two->tick());
      CHECK(!two->schema()->find_table("t")->second.empty());
      CHECK(refused(*two, "ALTER TABLE t RENAME TO tt").code == Code::try_again);
      CHECK(refused(*two, "CREATE INDEX i ON t(v)").code == Code::try_again);
      if (drop) {
        run(*two, "DROP TABLE t");
        CHECK(kept(world) == 0);
        continue;
      }
      REQUIRE(write(world, *two, 701, int64_t{701}));
      run(*two, "ALTER TABLE t ADD PRIMARY KEY (id)");
      CHECK(two->schema()->find_table("t")->clustering == sql::Clustering::primary_key);
      CHECK(seen(world, *two).size() == 701);
      CHECK(kept(world) == 701);
      run(*two, "CREATE INDEX i ON t(v)");
    }
  }
}

TEST_CASE("a change waits for every gateway, and a dead one holds it up until its lease has run out") {
  World world;
  auto one = world.gateway("one");
  auto two = world.gateway("two");
  run(*one, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
  CHECK(two->schema()->version == one->schema()->version);  // execute() came back only then
  std::erase(world.awake, two.get());                       // two hangs
  const Instant before = world.meta.now();
  run(*one, "CREATE TABLE u(a)");
  CHECK(world.meta.now() - before > std::chrono::seconds{5});
  CHECK(two->schema()->find_table("u") == nullptr);
  // It wakes up, and must not go on as if nothing had happened (G3).
  const auto pin = two->pin();
  REQUIRE(pin);
  CHECK(pin->schema()->find_table("u") != nullptr);
}

TEST_CASE("who is told of a change takes it over at once") {
  World world;
  auto one = world.gateway("one");
  auto two = world.gateway("two");
  CHECK(two->tick());
  world.on_sleep = [&] { two->look_soon(); };
  const Instant before = world.meta.now();
  run(*one, "CREATE TABLE t(a)");
  CHECK(world.meta.now() - before < sql::CatalogOptions{}.refresh_interval / 10);
  CHECK(two->schema()->find_table("t") != nullptr);
}

TEST_CASE("a transaction that outlives its schema version or its gateway's lease restarts") {
  World world;
  auto one = world.gateway("one");
  auto two = world.gateway("two");
  run(*one, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
  SUBCASE("another gateway's change gives it its time, no more") {
    auto pin = std::move(*two->pin());
    const Instant before = world.meta.now();
    run(*one, "CREATE TABLE u(a)");
    CHECK(world.meta.now() - before >= std::chrono::seconds{2});
    const auto may = pin.enter_commit();
    REQUIRE_FALSE(may);
    CHECK(may.error().code == Code::conflict);
  }
  SUBCASE("one that is committing is waited for") {
    auto pin = std::make_unique<sql::SchemaPin>(std::move(*two->pin()));
    REQUIRE(pin->enter_commit());
    const Instant before = world.meta.now();
    world.on_sleep = [&] {
      if (world.meta.now() - before > std::chrono::seconds{7}) pin.reset();
    };
    run(*one, "CREATE TABLE u(a)");
    CHECK(world.meta.now() - before > std::chrono::seconds{7});
  }
  SUBCASE("its gateway slept through its lease") {
    auto pin = std::move(*two->pin());
    world.meta.advance(std::chrono::seconds{11});
    const auto may = pin.enter_commit();
    REQUIRE_FALSE(may);
    CHECK(may.error().code == Code::conflict);
    auto again = std::move(*two->pin());
    CHECK(again.enter_commit());
  }
}

TEST_CASE("two gateways change the schema at once: both changes are there") {
  World world;
  auto one = world.gateway("one");
  auto two = world.gateway("two");
  run(*one, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
  // two's change lands between one's reading and writing of the schema.
  bool raced = false;
  world.meta.on_request = [&](const char* request) -> Result<void> {
    if (!raced && std::string_view{request} == "txn") {
      raced = true;
      run(*two, "CREATE TABLE u(a)");
    }
    return {};
  };
  run(*one, "CREATE TABLE x(b)");
  CHECK(raced);
  for (const char* name : {"t", "u", "x"}) {
    CHECK(one->schema()->find_table(name) != nullptr);
    CHECK(two->schema()->find_table(name) != nullptr);
  }
  CHECK(one->schema()->find_table("u")->id != one->schema()->find_table("x")->id);
}

TEST_CASE("an unknown outcome of a change is looked up") {
  World world;
  auto one = world.gateway("one");
  bool lost = false;
  world.meta.on_request = [&](const char* request) -> Result<void> {
    if (std::string_view{request} != "txn" || lost) return {};
    lost = true;
    return fail(Code::unknown_outcome, "timed out");
  };
  run(*one, "CREATE TABLE t(a)");
  CHECK(lost);
  CHECK(one->schema()->find_table("t") != nullptr);
}

TEST_CASE("H3: what was dropped is left to the stores, by the step that drops it") {
  World world;
  auto one = world.gateway("one");
  run(*one, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
  run(*one, "CREATE INDEX i ON t(v)");
  const sql::Table table = *one->schema()->find_table("t");
  REQUIRE(write(world, *one, 1, int64_t{1}));
  CHECK(dropped(world).empty());
  run(*one, "DROP INDEX i");
  const Bytes entries = sql::index_prefix(table, table.indexes.front());
  auto left = dropped(world);
  REQUIRE(left.size() == 1);
  CHECK(left.begin()->second == env::Dropped{{{entries, prefix_end(entries)}}, one->schema()->version, {}});
  int commits = 0;
  world.kv.on_request = [&](const char* request) -> Result<void> {
    commits += std::string_view{request} == "commit";
    return {};
  };
  run(*one, "DROP TABLE t");
  left = dropped(world);
  REQUIRE(left.size() == 2);
  const auto& all = left.begin()->second;
  CHECK(all.schema_version == one->schema()->version);
  REQUIRE(all.spans.size() == 1);
  CHECK(kept(world) == 0);
  CHECK(world.kv.all().size() == 2);  // the row and its entry: the gateway touches neither
  CHECK(commits == 0);
}

TEST_CASE("what rows forbid is refused although the shadow is empty") {
  World world;
  auto one = world.gateway("one");
  run(*one, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
  run(*one, "ALTER TABLE t ADD COLUMN early NOT NULL DEFAULT 5");
  run(*one, "CREATE TABLE e(a TEXT NOT NULL, CHECK(length(a) > 3))");
  run(*one, "ALTER TABLE e ADD COLUMN n DEFAULT CURRENT_TIMESTAMP");  // no rows: SQLite allows it
  run(*one, "DROP TABLE e");
  run(*one, "ALTER TABLE t DROP COLUMN early");
  REQUIRE(write(world, *one, 1, int64_t{1}));
  CHECK(refused(*one, "ALTER TABLE t ADD COLUMN n NOT NULL").message == "Cannot add a NOT NULL column with default value NULL");
  CHECK(refused(*one, "ALTER TABLE t ADD COLUMN n DEFAULT CURRENT_TIMESTAMP").message == "Cannot add a column with non-constant default");
  CHECK(refused(*one, "ALTER TABLE t ADD COLUMN n DEFAULT 1 CHECK (n > 1)").message == "CHECK constraint failed");
  run(*one, "ALTER TABLE t ADD COLUMN n NOT NULL DEFAULT 1 CHECK (n > 0)");
}
