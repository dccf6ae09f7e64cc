// One store: identity, restart, flush, snapshot, full disk (REPLICAS.md A2, A6, A7, W4, I1).
#include "lmdb/store.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "lmdb/environment.hpp"
#include "lmdb/record.hpp"
#include "unit/lmdb/scratch.hpp"
#include "unit/wal/sim_fs.hpp"

using namespace ddb;
using lmdb::Store;
using test::Scratch;

namespace {

lmdb::StoreOptions small(uint32_t slice_ops = 0) {
  return {.log = {.segment_bytes = 1 << 16, .spares = 1}, .map_bytes = 1 << 28, .slice_ops = slice_ops,
          .reserve_bytes = 0, .fatal = {}};
}

std::unique_ptr<Store> must_open(const std::string& path, const lmdb::StoreOptions& options = small()) {
  auto store = Store::open(path, options);
  if (!store) FAIL(to_string(store.error()));
  return std::move(*store);
}

void put(Store& store, env::Table table, Bytes key, Bytes value) {
  env::WriteBatch batch;
  batch.put(table, std::move(key), std::move(value));
  store.state().apply(batch);
}

void erase(Store& store, Bytes key) {
  env::WriteBatch batch;
  batch.erase(env::Table::data, std::move(key));
  store.state().apply(batch);
}

Result<void> flush(Store& store, lmdb::FlushPoint point = {}) {
  const auto job = store.cut(std::move(point));
  for (;;) {
    const auto done = job->step();
    if (!done) return std::unexpected(done.error());
    if (*done) break;
  }
  store.finish(*job);
  return {};
}

proto::LogRecord one_entry(uint64_t index) {
  return {.key = {RangeId{1}, ReplicaId{1}}, .begin = {},
          .entries = {{Term{1}, LogIndex{index}, proto::EntryKind::command, Bytes(4000, 'x')}}, .hard_state = {}};
}

Bytes key_of(int i) {
  std::string digits = std::to_string(i);
  return "k" + std::string(6 - digits.size(), '0') + digits;
}

}  // namespace

TEST_CASE("a store keeps its id, raises its incarnation, and belongs to one node for ever (A6, Z3)") {
  const Scratch scratch;
  StoreId id;
  std::vector<uint64_t> boots;
  {
    const auto store = must_open(scratch.path() + "/new");
    id = store->identity().store;
    CHECK(id);
    CHECK(store->identity().incarnation == Incarnation{1});
    CHECK(store->identity().cluster == 0);
    CHECK(store->identity().boots.size() == 1);
    REQUIRE(store->adopt(9, NodeId{4}));
    REQUIRE(store->adopt(9, NodeId{4}));
    boots = store->identity().boots;
  }
  for (const uint64_t starts : {2, 3}) {
    const auto store = must_open(scratch.path() + "/new");
    REQUIRE(store->identity().boots.size() == starts);  // since the last that was registered
    CHECK(store->identity().boots[0] == boots[0]);
    CHECK(store->identity().boots[starts - 2] != store->identity().boots[starts - 1]);
  }
  {
    const auto store = must_open(scratch.path() + "/new");
    boots = {store->identity().boots.back()};
    REQUIRE(store->adopt(9, NodeId{4}));
  }
  const auto store = must_open(scratch.path() + "/new");
  boots.push_back(store->identity().boots.back());
  CHECK(store->identity() == lmdb::Identity{id, 9, NodeId{4}, Incarnation{5}, boots});
  const auto other = store->adopt(9, NodeId{5});
  REQUIRE_FALSE(other);
  CHECK(other.error().code == Code::refused);
  CHECK(other.error().message.find("belongs to node 4 of cluster 9") != std::string::npos);
}

TEST_CASE("two processes never share a directory; the message names the pid (A6)") {
  const Scratch scratch;
  const auto store = must_open(scratch.path());
  const auto second = Store::open(scratch.path(), small());
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Code::refused);
  CHECK(second.error().message == scratch.path() + " is in use by process " + std::to_string(::getpid()));
}

TEST_CASE("what is flushed is there after a restart; what is only applied is the log's to bring back") {
  const Scratch scratch;
  {
    const auto store = must_open(scratch.path());
    put(*store, env::Table::data, "a", "1");
    put(*store, env::Table::range, "r", "applied 7");
    REQUIRE(flush(*store));
    put(*store, env::Table::data, "b", "2");
    CHECK(store->state().get(env::Table::data, "b") == "2");
  }
  const auto store = must_open(scratch.path());
  CHECK(store->state().get(env::Table::data, "a") == "1");
  CHECK(store->state().get(env::Table::range, "r") == "applied 7");
  CHECK_FALSE(store->state().get(env::Table::data, "b"));
}

TEST_CASE("the log comes back with the state") {
  const Scratch scratch;
  const proto::LogBatch batch{BatchNumber{1}, {{.key = {RangeId{1}, ReplicaId{1}},
                                               .begin = proto::Base{LogIndex{10}, Term{5}},
                                               .entries = {{Term{6}, LogIndex{11}, proto::EntryKind::command, "x"}},
                                               .hard_state = proto::HardState{Term{6}, ReplicaId{1}, LogIndex{10}}}}};
  {
    const auto store = must_open(scratch.path());
    CHECK(store->recovered().empty());
    CHECK(store->log().next_batch() == BatchNumber{1});
    REQUIRE(store->log().append(batch));
  }
  const auto store = must_open(scratch.path());
  CHECK(store->recovered() == std::vector{batch});
  CHECK(store->recovered().empty());
  CHECK(store->log().next_batch() == BatchNumber{2});
}

TEST_CASE("a deletion reaches LMDB; a row that came and went within a generation never does") {
  const Scratch scratch;
  {
    const auto store = must_open(scratch.path());
    put(*store, env::Table::data, "gone", "1");
    put(*store, env::Table::data, "stays", "1");
    REQUIRE(flush(*store));
    erase(*store, "gone");
    put(*store, env::Table::data, "brief", "1");
    erase(*store, "brief");
    REQUIRE(flush(*store));
    CHECK_FALSE(store->state().get(env::Table::data, "gone"));
  }
  const auto env = lmdb::Environment::open(scratch.path() + "/state", 1 << 28);
  REQUIRE(env);
  MDB_stat stat{};
  const auto txn = lmdb::ReadTxn::begin(**env);
  REQUIRE(txn);
  mdb_stat(txn->handle(), (*env)->table(env::Table::data), &stat);
  CHECK(stat.ms_entries == 1);
}

TEST_CASE("A2: a flush found between two slices is brought to its end from its image") {
  const Scratch scratch;
  for (int steps = 1; steps <= 5; ++steps) {  // the image, then four slices
    const std::string path = scratch.path() + "/" + std::to_string(steps);
    {
      const auto store = must_open(path, small(10));
      put(*store, env::Table::range, "r", "old");
      REQUIRE(flush(*store));
      for (int i = 0; i < 35; ++i) put(*store, env::Table::data, key_of(i), "new");
      put(*store, env::Table::range, "r", "new");
      const auto job = store->cut({.proven = {}, .replicas = {}});
      CHECK_FALSE(store->snapshot());
      for (int i = 0; i < steps; ++i) {
        const auto done = job->step();
        REQUIRE(done);
        CHECK(*done == (i == 4));
      }
      CHECK(store->state().get(env::Table::range, "r") == "new");
    }
    const auto store = must_open(path, small(10));
    CHECK(store->state().get(env::Table::range, "r") == (steps == 1 ? "old" : "new"));
    for (int i = 0; i < 35; ++i) CHECK(store->state().get(env::Table::data, key_of(i)).has_value() == (steps > 1));
    CHECK_FALSE(std::filesystem::exists(path + "/flush"));
  }
}

TEST_CASE("I1: a snapshot is the last flush, in chunks, and nothing later; the range record is of the same moment") {
  const Scratch scratch;
  const auto store = must_open(scratch.path());
  for (int i = 0; i < 100; ++i) put(*store, env::Table::data, key_of(i), Bytes(10, 'a'));
  put(*store, env::Table::lock, key_of(5), "lock");
  put(*store, env::Table::range, "r", "100");
  REQUIRE(flush(*store));
  for (int i = 0; i < 100; ++i) put(*store, env::Table::data, key_of(i), "later");
  const auto snapshot = store->snapshot();
  REQUIRE(snapshot);
  put(*store, env::Table::range, "r", "200");
  REQUIRE(flush(*store));

  CHECK((*snapshot)->get(env::Table::range, "r") == "100");
  std::vector<env::TableSpan> spans{{env::Table::data, key_of(10), key_of(60)}, {env::Table::lock, {}, {}}};
  env::WriteBatch rows;
  int chunks = 0;
  for (; !spans.empty(); ++chunks) {
    const size_t had = rows.ops.size();
    REQUIRE((*snapshot)->read(spans, 100, rows));
    CHECK(rows.ops.size() - had <= 7);
  }
  CHECK(chunks > 5);
  REQUIRE(rows.ops.size() == 51);
  for (int i = 0; i < 50; ++i) CHECK(rows.ops[static_cast<size_t>(i)] == env::StateOp{env::Table::data, key_of(i + 10), Bytes(10, 'a')});
  CHECK(rows.ops[50] == env::StateOp{env::Table::lock, key_of(5), "lock"});
}

TEST_CASE("test 8: flush in flight when a snapshot is installed: no older row comes back") {
  const Scratch scratch;
  {
    const auto store = must_open(scratch.path());
    put(*store, env::Table::data, "row", "old");
    const auto job = store->cut({});
    put(*store, env::Table::data, "row", "installed");
    REQUIRE(job->step());
    CHECK(store->state().get(env::Table::data, "row") == "installed");
    store->finish(*job);
    CHECK(store->state().get(env::Table::data, "row") == "installed");
    REQUIRE(flush(*store));
  }
  CHECK(must_open(scratch.path())->state().get(env::Table::data, "row") == "installed");
}

TEST_CASE("W4: a full map aborts the flush, which is tried again once there is room; reads go on") {
  const Scratch scratch;
  auto options = small();
  options.map_bytes = 1 << 20;
  const auto store = must_open(scratch.path(), options);
  put(*store, env::Table::data, "small", "1");
  REQUIRE(flush(*store));
  for (int i = 0; i < 300; ++i) put(*store, env::Table::data, key_of(i), Bytes(4000, 'x'));
  const auto job = store->cut({});
  for (int tries = 0; tries < 3; ++tries) {
    const auto done = job->step();
    REQUIRE_FALSE(done);
    CHECK(done.error().code == Code::store_full);
    CHECK(store->state().get(env::Table::data, "small") == "1");
    CHECK(store->state().get(env::Table::data, key_of(7))->size() == 4000);
  }
}

/// Runs `body` in another process, since limits are the process's. True: it returned true.
bool in_child(const std::function<bool()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::_exit(body() ? 0 : 1);
  }
  int status = 1;
  ::waitpid(child, &status, 0);
  return status == 0;
}

/// How far this process may write into any file; none: as far as it likes.
void limit_files(std::optional<rlim_t> bytes) {
  rlimit limit{};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = bytes.value_or(limit.rlim_max);
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

TEST_CASE("W4: a file system that takes no more aborts the flush, and the log keeps all; it succeeds once there is space") {
  const Scratch scratch;
  CHECK(in_child([&] {
    auto store = must_open(scratch.path());
    for (int i = 0; i < 300; ++i) put(*store, env::Table::data, key_of(i), Bytes(4000, 'x'));
    for (uint64_t i = 1; i <= 40; ++i)
      if (!store->log().append({BatchNumber{i}, {one_entry(i)}})) return false;
    const auto job = store->cut({BatchNumber{40}, {{one_entry(40).key, LogIndex{40}}}});
    limit_files(1 << 17);
    const auto refused = job->step();
    const bool kept = store->log().segments() > 2;
    limit_files({});
    const auto done = job->step();
    return !refused && refused.error().code == Code::store_full && kept && done && *done && store->log().segments() == 1;
  }));
  const auto store = must_open(scratch.path());
  for (int i = 0; i < 300; ++i) CHECK(store->state().get(env::Table::data, key_of(i)));
}

/// A disk on which LMDB finds space once the reserve is given up.
class DiskWithReserve final : public test::SimFs {
 public:
  Result<void> remove(const std::string& path) override {
    if (path.ends_with("/reserve")) limit_files({});
    return SimFs::remove(path);
  }
};

TEST_CASE("A7: a flush that finds the disk full goes into the reserve, which is made anew when there is space") {
  const Scratch scratch;
  std::filesystem::create_directory(scratch.path() + "/state");
  CHECK(in_child([&] {
    DiskWithReserve disk;
    auto options = small();
    options.reserve_bytes = 1 << 20;
    auto store = Store::open(scratch.path(), options, disk);
    if (!store || (*store)->maintain() != lmdb::SpaceState::ample) return false;
    for (int i = 0; i < 300; ++i) put(**store, env::Table::data, key_of(i), Bytes(4000, 'x'));
    const auto job = (*store)->cut({});
    disk.space = 0;
    limit_files(1 << 17);
    const auto done = job->step();
    if (!done || !*done || (*store)->maintain() != lmdb::SpaceState::none) return false;
    disk.space.reset();
    return (*store)->maintain() == lmdb::SpaceState::ample;
  }));
}

TEST_CASE("A7: a store on a full disk starts in its reserve") {
  const Scratch scratch;
  std::filesystem::create_directory(scratch.path() + "/state");
  test::SimFs disk;
  auto options = small();
  options.log.spares = 0;
  options.reserve_bytes = 1 << 20;
  {
    auto store = Store::open(scratch.path(), options, disk);
    REQUIRE(store);
    REQUIRE((*store)->log().append({BatchNumber{1}, {one_entry(1)}}));
    CHECK((*store)->maintain() == lmdb::SpaceState::ample);
  }
  disk.space = (1 << 20) + (1 << 16);  // just what is there
  const auto store = Store::open(scratch.path(), options, disk);
  REQUIRE(store);
  CHECK((*store)->recovered().size() == 1);
  CHECK((*store)->maintain() == lmdb::SpaceState::none);
}

TEST_CASE("A7: marks of space: low, none, and back") {
  const Scratch scratch;
  test::SimFs disk;
  std::filesystem::create_directory(scratch.path() + "/state");
  auto options = small();
  options.reserve_bytes = 1 << 20;
  auto opened = Store::open(scratch.path(), options, disk);
  REQUIRE(opened);
  Store& store = **opened;
  CHECK(store.maintain() == lmdb::SpaceState::ample);
  disk.space = (1 << 20) + (1 << 17) + (1 << 16);
  CHECK(store.maintain() == lmdb::SpaceState::low);
  for (uint64_t i = 1; i <= 20; ++i) {  // fills the segment, and takes the spare
    REQUIRE(store.log().append({store.log().next_batch(), {one_entry(i)}}));
  }
  disk.space = 0;
  CHECK(store.maintain() == lmdb::SpaceState::none);
  disk.space.reset();
  CHECK(store.maintain() == lmdb::SpaceState::ample);
}

TEST_CASE("damage to the store's record is named; so is another format, a cut file, a log without its state") {
  const Scratch scratch;
  const std::string path = scratch.path() + "/s";
  { const auto store = must_open(path); }
  const auto edit = [&](const std::function<void(lmdb::Environment&, lmdb::WriteTxn&)>& change) {
    const auto env = lmdb::Environment::open(path + "/state", 1 << 28);
    REQUIRE(env);
    auto txn = lmdb::WriteTxn::begin(**env);
    REQUIRE(txn);
    change(**env, *txn);
    REQUIRE(txn->commit());
  };
  SUBCASE("a flipped bit") {
    edit([](lmdb::Environment& env, lmdb::WriteTxn& txn) {
      const auto value = txn.get(env.store_table(), "store");
      REQUIRE(value);
      Bytes bytes{**value};
      bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
      REQUIRE(txn.put(env.store_table(), "store", bytes));
    });
    const auto store = Store::open(path, small());
    REQUIRE_FALSE(store);
    CHECK(store.error().code == Code::bad_data);
    CHECK(store.error().message.find("record of its store is damaged") != std::string::npos);
  }
  SUBCASE("another format") {
    edit([](lmdb::Environment& env, lmdb::WriteTxn& txn) {
      lmdb::StoreRecord record;
      record.format = 9;
      REQUIRE(lmdb::save(env, txn, record));
    });
    const auto store = Store::open(path, small());
    REQUIRE_FALSE(store);
    CHECK(store.error().code == Code::refused);
    CHECK(store.error().message == "the store has format 9, not 1");
  }
  SUBCASE("cut short") {
    std::filesystem::resize_file(path + "/state/data.mdb", 3 * 4096);
    const auto store = Store::open(path, small());
    REQUIRE_FALSE(store);
    CHECK(store.error().code == Code::bad_data);
    CHECK(store.error().message.find("data.mdb was cut short") != std::string::npos);
  }
  SUBCASE("state gone") {
    std::filesystem::remove_all(path + "/state");
    const auto store = Store::open(path, small());
    REQUIRE_FALSE(store);
    CHECK(store.error().message == path + " has a log but no state");
  }
  SUBCASE("log gone") {
    std::filesystem::remove_all(path + "/log");
    const auto store = Store::open(path, small());
    REQUIRE_FALSE(store);
    CHECK(store.error().message.find(".log is missing") != std::string::npos);
  }
}

TEST_CASE("a directory that cannot be made is an error that says so") {
  const auto store = Store::open("/proc/nothing/here", small());
  REQUIRE_FALSE(store);
  CHECK(store.error().code == Code::cannot_create);
  CHECK(store.error().message.find("/proc/nothing/here") != std::string::npos);
}
