// One log, operation by operation: framing, recovery, damage, release (REPLICAS.md W1-W5, W7, W8).
#include "wal/log.hpp"

#include <doctest/doctest.h>

#include "unit/wal/sim_fs.hpp"
#include "wal/format.hpp"
#include "wal/recovery.hpp"

using namespace ddb;
using test::SimFs;

namespace {

constexpr StoreId store{77};
constexpr wal::Options options{.segment_bytes = 8 * wal::block_bytes, .spares = 1};
constexpr proto::ReplicaKey one{RangeId{1}, ReplicaId{1}};
constexpr proto::ReplicaKey two{RangeId{2}, ReplicaId{1}};

proto::LogRecord entries(proto::ReplicaKey key, uint64_t from, uint64_t to, size_t bytes = 10) {
  proto::LogRecord record{.key = key, .begin = {}, .entries = {}, .hard_state = {}};
  for (uint64_t i = from; i <= to; ++i)
    record.entries.push_back({Term{1}, LogIndex{i}, proto::EntryKind::command, Bytes(bytes, 'x')});
  return record;
}

proto::LogRecord hard(proto::ReplicaKey key, uint64_t term) {
  return {.key = key, .begin = {}, .entries = {}, .hard_state = proto::HardState{Term{term}, ReplicaId{1}, LogIndex{}}};
}

/// A log on a simulated disk, as a process has it.
struct Process {
  explicit Process(SimFs& disk, wal::Position known = {}, wal::Options how = options) {
    auto opened = wal::Log::open(disk, "log", store, known, how, recovered);
    if (opened) {
      log = std::move(*opened);
    } else {
      error = opened.error();
    }
  }
  Result<void> append(std::vector<proto::LogRecord> records) { return log->append({log->next_batch(), std::move(records)}); }
  void must(std::vector<proto::LogRecord> records) { REQUIRE(append(std::move(records))); }

  std::vector<proto::LogBatch> recovered;
  std::unique_ptr<wal::Log> log;
  std::optional<Error> error;
};

std::string last_segment(const SimFs& disk) {
  std::string name;
  for (const auto& [path, bytes] : disk.contents())
    if (path.ends_with(".log")) name = path;
  return name;
}

void flip(SimFs& disk, const std::string& path, size_t at) {
  Bytes bytes = disk.contents().at(path);
  bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
  disk.put(path, bytes);
}

}  // namespace

TEST_CASE("batches come back as they were written, over segments") {
  SimFs disk;
  std::vector<proto::LogBatch> written;
  {
    Process p{disk};
    for (uint64_t i = 1; i <= 30; ++i) {
      written.push_back({p.log->next_batch(), {entries(one, i, i, 2000), hard(two, i)}});
      REQUIRE(p.log->append(written.back()));
    }
    CHECK(p.log->segments() > 3);
  }
  Process p{disk};
  REQUIRE_FALSE(p.error);
  CHECK(p.recovered == written);
  CHECK(p.log->next_batch() == BatchNumber{31});
}

TEST_CASE("W3: recovery appends to no segment that it found, and copies the last batch") {
  SimFs disk;
  { Process{disk}.must({entries(one, 1, 1)}); }
  const Bytes before = disk.contents().at("log/" + wal::segment_name(1));
  {
    Process p{disk};
    p.must({entries(one, 2, 2)});
  }
  CHECK(disk.contents().at("log/" + wal::segment_name(1)) == before);
  const auto read = wal::read_log(disk, "log", store, {});
  REQUIRE(read);
  REQUIRE(read->segments.size() == 2);
  CHECK(read->segments[0].batches.empty());  // ends before the copied batch
  CHECK(read->segments[1].batches.size() == 2);
}

TEST_CASE("a batch larger than a segment gets a segment of its own size") {
  SimFs disk;
  {
    Process p{disk};
    p.must({entries(one, 1, 1)});
    p.must({entries(one, 2, 100, 1000)});
    p.must({entries(one, 101, 101)});
  }
  Process p{disk};
  REQUIRE_FALSE(p.error);
  REQUIRE(p.recovered.size() == 3);
  CHECK(p.recovered[1].records[0].entries.size() == 99);
}

TEST_CASE("test 1: recycled segment, short batch, power loss: no stale record") {
  SimFs disk;
  Random random{1};
  wal::Position position;
  {
    Process p{disk};
    for (uint64_t i = 1; i <= 40; ++i) {
      p.must({entries(one, i, i, 3000)});
      position = p.log->flushing(p.log->next_batch().prev(), {{one, LogIndex{i}}});
      REQUIRE(p.log->release(position));
    }
    p.must({entries(one, 41, 41)});  // short, in a recycled file full of longer, valid-looking batches
  }
  disk.crash(SimFs::Crash::power_drop, random);
  Process p{disk, position};
  REQUIRE_FALSE(p.error);
  REQUIRE_FALSE(p.recovered.empty());
  CHECK(p.recovered.back().records == std::vector{entries(one, 41, 41)});
  for (size_t i = 1; i < p.recovered.size(); ++i)
    CHECK(p.recovered[i].number == p.recovered[i - 1].number.next());
}

TEST_CASE("test 2: any byte flipped below a later batch is found, and named (W2)") {
  SimFs clean;
  {
    Process p{clean};
    for (uint64_t i = 1; i <= 9; ++i) p.must({entries(one, i, i, 5000)});
    p.must({});
  }
  const auto read = wal::read_log(clean, "log", store, {});
  REQUIRE(read);
  for (const auto& [path, bytes] : clean.contents()) {
    if (!path.ends_with(".log")) continue;
    const bool last = path == last_segment(clean);
    const auto number = wal::segment_number(path.substr(4));
    const bool whole = number && *number < read->segments.back().header.number;
    const size_t end = whole ? read->segments[*number].header.previous_end : read->last_start;
    for (size_t at = 0; at < end; at += last ? 61 : 127) {
      SimFs disk = clean;
      flip(disk, path, at);
      const Process p{disk};
      REQUIRE(p.error);
      CHECK((p.error->code == Code::bad_data || p.error->code == Code::refused));
      CHECK(p.error->message.find(path) != std::string::npos);
    }
  }
}

TEST_CASE("a flipped byte in the very last batch passes for a torn tail, unless LMDB knows of the batch (W2)") {
  SimFs clean;
  wal::Position position;
  {
    Process p{clean};
    p.must({entries(one, 1, 1)});
    p.must({entries(one, 2, 2)});
    position = p.log->position();
  }
  flip(clean, last_segment(clean), 2 * wal::block_bytes + 50);
  SimFs disk = clean;
  Process unknown{disk};
  CHECK_FALSE(unknown.error);
  CHECK(unknown.recovered.size() == 1);
  Process known{clean, position};
  REQUIRE(known.error);
  CHECK(known.error->message.find("damaged batch at offset 8192") != std::string::npos);
}

TEST_CASE("W7: a missing segment is damage, wherever it was") {
  SimFs clean;
  wal::Position position;
  {
    Process p{clean};
    for (uint64_t i = 1; i <= 30; ++i) p.must({entries(one, i, i, 5000)});
    position = p.log->position();
  }
  for (const auto& [path, bytes] : clean.contents()) {
    if (!path.ends_with(".log")) continue;
    SimFs disk = clean;
    disk.drop(path);
    const Process p{disk, position};
    REQUIRE(p.error);
    CHECK(p.error->message == path + " is missing");
  }
}

TEST_CASE("a segment cut short is damage, and another store's is refused") {
  SimFs clean;
  { Process{clean}.must({entries(one, 1, 1)}); }
  SimFs disk = clean;
  const std::string path = last_segment(disk);
  disk.put(path, disk.contents().at(path).substr(0, 5 * wal::block_bytes));
  const Process cut{disk};
  REQUIRE(cut.error);
  CHECK(cut.error->message == path + " was cut short");

  std::vector<proto::LogBatch> recovered;
  const auto other = wal::Log::open(clean, "log", StoreId{78}, {}, options, recovered);
  REQUIRE_FALSE(other);
  CHECK(other.error().code == Code::refused);
}

TEST_CASE("test 3: kill in sync, restart, acknowledge, power loss: kept") {
  SimFs disk;
  Random random{3};
  {
    Process p{disk};
    p.must({entries(one, 1, 1)});
    disk.stop_after = disk.operations() + 1;  // the batch is written, its sync never starts
    CHECK_FALSE(p.append({entries(one, 2, 2)}));
  }
  disk.crash(SimFs::Crash::kill, random);
  {
    Process p{disk};  // finds batch 2 in the page cache, and acts on it
    REQUIRE(p.recovered.size() == 2);
  }
  disk.crash(SimFs::Crash::power_drop, random);
  const Process p{disk};
  REQUIRE_FALSE(p.error);
  REQUIRE(p.recovered.size() == 2);
  CHECK(p.recovered.back().records == std::vector{entries(one, 2, 2)});
}

TEST_CASE("test 4: sync fails, restart, power loss: nothing acknowledged lost, nothing retried (W4)") {
  SimFs disk;
  Random random{4};
  {
    Process p{disk};
    p.must({entries(one, 1, 1)});
    disk.failing_sync = disk.syncs() + 1;
    const auto failed = p.append({entries(one, 2, 2)});
    REQUIRE_FALSE(failed);
    const uint64_t operations = disk.operations();
    const auto again = p.append({entries(one, 2, 2)});
    REQUIRE_FALSE(again);
    CHECK(again.error() == failed.error());
    CHECK(disk.operations() == operations);
  }
  disk.crash(SimFs::Crash::kill, random);
  {
    Process p{disk};  // batch 2 is readable, but its pages are marked clean: no sync would ever write them
    REQUIRE(p.recovered.size() == 2);
    p.must({entries(one, 3, 3)});
  }
  disk.crash(SimFs::Crash::power_drop, random);
  const Process p{disk};
  REQUIRE_FALSE(p.error);
  CHECK(p.recovered.size() == 3);
}

TEST_CASE("a full disk stops an append for good, and says so") {
  SimFs disk;
  Process p{disk};
  p.must({entries(one, 1, 1)});
  disk.space = 0;
  Result<void> done;
  for (uint64_t i = 2; done; ++i) done = p.append({entries(one, i, i, 5000)});
  CHECK(done.error().code == Code::store_full);
  disk.space.reset();
  CHECK_FALSE(p.append({entries(one, 9, 9)}));
}

TEST_CASE("A7: the spares kept ready carry the log on when the disk takes no more") {
  SimFs disk;
  Process p{disk};
  REQUIRE(p.log->prepare_spares());
  disk.space = 0;
  for (uint64_t i = 1; i <= 2 * 7; ++i) p.must({entries(one, i, i, 1)});  // this segment and one spare
  CHECK_FALSE(p.append({entries(one, 15, 15, 1)}));
  const auto made = p.log->prepare_spares();
  REQUIRE_FALSE(made);
  CHECK(made.error().code == Code::store_full);
}

TEST_CASE("W7: segments go, oldest first, once nothing in them is needed") {
  SimFs disk;
  Process p{disk};
  for (uint64_t i = 1; i <= 20; ++i) p.must({entries(one, i, i, 5000), hard(two, i)});
  const auto segments = p.log->segments();
  CHECK(segments > 4);

  // The entries alone, or the hard states alone, still pin everything.
  CHECK(p.log->flushing(BatchNumber{0}, {{one, LogIndex{20}}}).first_segment == 1);
  SUBCASE("hard states flushed") {
    const auto position = p.log->flushing(BatchNumber{20}, {});
    CHECK(position.first_segment == segments);
    REQUIRE(p.log->release(position));
    CHECK(p.log->segments() == 1);
  }
  SUBCASE("half of them") {
    const auto position = p.log->flushing(BatchNumber{10}, {});
    CHECK(position.first_segment > 1);
    CHECK(position.first_segment < segments);
    REQUIRE(p.log->release(position));
    Process again{disk, position};
    REQUIRE_FALSE(again.error);
    CHECK(again.recovered.front().number <= BatchNumber{11});
  }
}

TEST_CASE("a busy log recycles what it uses between two flushes, an idle one lets it go") {
  SimFs disk;
  Process p{disk};
  uint64_t index = 0;
  const auto round = [&](int batches) {
    for (int i = 0; i < batches; ++i) {
      ++index;
      p.must({entries(one, index, index, 9000)});
    }
    REQUIRE(p.log->release(p.log->flushing(p.log->next_batch().prev(), {{one, LogIndex{index}}})));
  };
  round(20);
  const size_t files = disk.contents().size();
  for (int i = 0; i < 10; ++i) round(20);
  CHECK(disk.contents().size() <= files + 1);
  const uint64_t zeroes = disk.created();
  for (int i = 0; i < 10; ++i) round(20);
  CHECK(disk.created() == zeroes);
  for (int i = 0; i < 60; ++i) REQUIRE(p.log->prepare_spares());
  for (int i = 0; i < 2; ++i) round(2);
  for (int i = 0; i < 60; ++i) REQUIRE(p.log->prepare_spares());
  CHECK(disk.contents().size() <= 3);
}

TEST_CASE("W7: a tombstone frees a replica's records; voided entries need no flush") {
  SimFs disk;
  Process p{disk};
  p.must({entries(two, 1, 1, 20000)});
  for (uint64_t i = 1; i <= 20; ++i) p.must({entries(one, i, i, 5000)});
  CHECK(p.log->flushing(BatchNumber{21}, {{one, LogIndex{20}}}).first_segment == 1);
  CHECK(p.log->flushing(BatchNumber{21}, {{two, {}, true}}).first_segment == p.log->segments());
}

TEST_CASE("test 9: quorum lost, 100 segments: log bounded, entries kept (W8)") {
  SimFs disk;
  std::vector<proto::Entry> uncommitted = entries(one, 1, 3).entries;
  wal::Position position;
  {
    Process p{disk};
    p.must({{one, {}, uncommitted, {}}});
    for (uint64_t i = 1; i <= 400; ++i) {
      p.must({entries(two, i, i, 8000)});
      position = p.log->flushing(p.log->next_batch().prev(), {{two, LogIndex{i}}});
      REQUIRE(p.log->release(position));
      for (const auto& key : p.log->pins(4)) {
        CHECK(key == one);
        p.must({{one, proto::Base{}, uncommitted, {}}});
      }
      CHECK(p.log->segments() <= 6);
    }
    CHECK(p.log->position().last_segment > 100);
  }
  const Process p{disk, position};
  REQUIRE_FALSE(p.error);
  std::vector<proto::Entry> kept;
  for (const auto& batch : p.recovered)
    for (const auto& record : batch.records)
      if (record.key == one) kept = record.entries;
  CHECK(kept == uncommitted);
}

TEST_CASE("rubbish below the first segment needed stays until LMDB has proven itself, then goes (A6)") {
  SimFs disk;
  wal::Position position;
  {
    Process p{disk};
    for (uint64_t i = 1; i <= 20; ++i) p.must({entries(one, i, i, 5000)});
    position = p.log->flushing(BatchNumber{20}, {{one, LogIndex{20}}});
  }
  Process p{disk, position};
  REQUIRE_FALSE(p.error);
  CHECK(disk.contents().contains("log/" + wal::segment_name(1)));
  REQUIRE(p.log->release(p.log->position()));
  CHECK_FALSE(disk.contents().contains("log/" + wal::segment_name(1)));
}

TEST_CASE("an idle restart loop does not fill the disk") {
  SimFs disk;
  wal::Position position;
  for (int i = 0; i < 50; ++i) {
    Process p{disk, position};
    REQUIRE_FALSE(p.error);
    position = p.log->flushing(p.log->next_batch().prev(), {});
    REQUIRE(p.log->release(position));
  }
  CHECK(disk.contents().size() <= 3);
}
