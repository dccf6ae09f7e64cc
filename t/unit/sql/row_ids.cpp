#include "sql/row_ids.hpp"

#include <doctest/doctest.h>

#include <set>
#include <utility>

#include "unit/sql/memory_meta.hpp"

using namespace ddb;
using sql::RowIds;

TEST_CASE("ids are dense from one gateway, unique among several") {
  test::MemoryMeta meta;
  RowIds one{meta, 1};
  RowIds two{meta, 2};
  for (int64_t i = 1; i <= 100; ++i) CHECK(*one.next(7, false) == i);
  std::set<int64_t> seen;
  for (int i = 0; i < 5000; ++i) {
    CHECK(seen.insert(*one.next(7, false)).second);
    CHECK(seen.insert(*two.next(7, false)).second);
  }
  CHECK(*one.next(8, false) == 1);  // a sequence per table
}

TEST_CASE("blocks grow, so that few requests serve many ids") {
  test::MemoryMeta meta;
  RowIds ids{meta, 1};
  for (int i = 0; i < 100'000; ++i) REQUIRE(ids.next(1, false));
  CHECK(meta.requests() < 40);
}

TEST_CASE("after an explicit id the next one is above it, here and elsewhere") {
  test::MemoryMeta meta;
  RowIds one{meta, 1};
  CHECK(*one.next(1, false) == 1);
  REQUIRE(one.observe(1, 5));
  CHECK(*one.next(1, false) == 6);
  REQUIRE(one.observe(1, 3));
  REQUIRE(one.observe(1, -9));
  CHECK(*one.next(1, false) == 7);
  REQUIRE(one.observe(1, 1'000'000));
  CHECK(*one.next(1, false) == 1'000'001);
  RowIds two{meta, 2};
  CHECK(*two.next(1, false) > 1'000'001);
}

namespace {

/// Metadata at which somebody else of the same gateway is faster, every time.
class Overtaken final : public env::Meta {
 public:
  Result<env::MetaRange> range(BytesView key, BytesView end) override { return meta.range(key, end); }
  Result<env::MetaTxnResult> txn(std::vector<env::MetaCompare> compares, std::vector<env::MetaOp> ops) override {
    if (!std::exchange(inside, true)) {
      CHECK(ids->observe(1, id += 1'000'000));
      inside = false;
    }
    return meta.txn(std::move(compares), std::move(ops));
  }
  Result<LeaseId> grant(uint64_t ttl_ms) override { return meta.grant(ttl_ms); }
  Result<void> keep_alive(LeaseId lease) override { return meta.keep_alive(lease); }
  Result<void> revoke(LeaseId lease) override { return meta.revoke(lease); }

  test::MemoryMeta meta;
  RowIds* ids = nullptr;
  int64_t id = 0;
  bool inside = false;
};

}  // namespace

TEST_CASE("many of one gateway that bring ids at the same time do not wear each other out") {
  Overtaken meta;
  RowIds ids{meta, 1};
  meta.ids = &ids;
  CHECK(ids.observe(1, 100));
  CHECK(meta.id == 1'000'000);
  CHECK(ids.observe(1, 2'000'000));
  CHECK(*ids.next(1, false) > 2'000'000);
}

TEST_CASE("ascending explicit ids cost a request per block") {
  test::MemoryMeta meta;
  RowIds ids{meta, 1};
  for (int64_t i = 1; i <= 100'000; ++i) REQUIRE(ids.observe(1, i));
  CHECK(meta.requests() < 40);
  CHECK(*ids.next(1, false) == 100'001);
}

TEST_CASE("the largest id does not exhaust the sequence") {
  test::MemoryMeta meta;
  RowIds ids{meta, 1};
  REQUIRE(ids.observe(1, INT64_MAX));
  std::set<int64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto id = ids.next(1, false);
    REQUIRE(id);
    CHECK(*id >= 1);
    CHECK(*id <= int64_t{1} << 62);
    CHECK(seen.insert(*id).second);
  }
  const auto full = ids.next(1, true);
  REQUIRE_FALSE(full);
  CHECK(full.error().code == Code::store_full);
  RowIds near{meta, 3};
  REQUIRE(near.observe(2, INT64_MAX - 2));
  CHECK(*near.next(2, true) == INT64_MAX - 1);
  CHECK(*near.next(2, true) == INT64_MAX);
  CHECK_FALSE(near.next(2, true));
}

TEST_CASE("an unknown outcome of a lease wastes ids, no more") {
  test::MemoryMeta meta;
  RowIds ids{meta, 1};
  int calls = 0;
  meta.on_request = [&](const char* request) -> Result<void> {
    if (std::string_view{request} == "txn" && ++calls == 1) return fail(Code::unknown_outcome, "timed out");
    return {};
  };
  CHECK(*ids.next(1, false) == 1);
  CHECK(calls == 2);
}

TEST_CASE("gateways one after the other leave no gaps; what others have leased beyond stays a gap") {
  test::MemoryMeta meta;
  for (int64_t i = 1; i <= 5; ++i) {
    RowIds one{meta, 1};
    CHECK(*one.next(7, false) == i);
    CHECK(*one.last(7) == i);
    one.give_back();
    CHECK(*one.last(7) == i);
  }
  RowIds first{meta, 1};
  RowIds second{meta, 2};
  CHECK(*first.next(7, false) == 6);
  const int64_t beyond = *second.next(7, false);
  CHECK(*first.last(7) >= beyond);  // what it may have given
  first.give_back();
  second.give_back();
  CHECK(*RowIds{meta, 3}.next(7, false) == beyond + 1);
}

TEST_CASE("a sequence that was never used is not shown; one that an explicit id moved is") {
  test::MemoryMeta meta;
  RowIds ids{meta, 1};
  CHECK(*ids.last(1) == std::nullopt);
  REQUIRE(ids.observe(1, 41));
  CHECK(*ids.last(1) == 41);
}

TEST_CASE("what is given back after the table has gone stays gone") {
  test::MemoryMeta meta;
  RowIds ids{meta, 1};
  CHECK(*ids.next(1, false) == 1);
  REQUIRE(meta.txn({}, {{.key = "rowid/1", .value = {}, .end = {}, .lease = {}}}));
  ids.give_back();
  CHECK(meta.range("rowid/1", {})->entries.empty());
}
