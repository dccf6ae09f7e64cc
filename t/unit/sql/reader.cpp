#include "sql/reader.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "env/random.hpp"
#include "unit/sql/memory_kv.hpp"

using namespace ddb;

namespace {

Bytes key(uint64_t i) { return "k" + std::to_string(1000 + i); }

struct Fixture {
  test::MemoryKv kv;
  sql::WriteBuffer buffer;
  std::map<Bytes, Bytes> model;

  Fixture(Random& random, uint64_t keys, uint64_t own) {
    std::vector<env::Write> writes;
    for (uint64_t i = 0; i < keys; ++i)
      if (random.one_in(2)) {
        writes.push_back({env::WriteKind::put, key(i), "old"});
        model[key(i)] = "old";
      }
    auto txn = std::move(*kv.begin({}));
    REQUIRE(txn->commit(std::move(writes)));
    for (uint64_t n = own; n > 0; --n) {
      const Bytes at = key(random.below(keys));
      if (random.one_in(3)) {
        buffer.erase(at);
        model.erase(at);
      } else {
        buffer.put(at, "new");
        model[at] = "new";
      }
    }
  }

  std::vector<env::KeyValue> expected(const env::KeySpan& span, bool reverse) const {
    std::vector<env::KeyValue> rows;
    for (const auto& [k, v] : model)
      if (k >= span.start && (span.end.empty() || k < span.end)) rows.push_back({k, v});
    if (reverse) std::ranges::reverse(rows);
    return rows;
  }
};

std::vector<env::KeyValue> read_all(sql::Reader& reader, env::KeySpan span, bool reverse, uint32_t rows_max) {
  std::vector<env::KeyValue> rows;
  for (std::optional<env::KeySpan> rest = std::move(span); rest;) {
    auto page = reader.scan({.span = *rest, .reverse = reverse, .rows_max = rows_max});
    REQUIRE(page);
    rows.insert(rows.end(), page->rows.begin(), page->rows.end());
    rest = page->rest;
  }
  return rows;
}

}  // namespace

TEST_CASE("own writes cover the snapshot, in every direction and page size (R5)") {
  Random random{17};
  for (int round = 0; round < 150; ++round) {
    const uint64_t keys = 1 + random.below(900);
    Fixture f{random, keys, random.below(3) * random.below(900)};
    auto txn = std::move(*f.kv.begin({}));
    sql::Reader reader{*txn, f.buffer};
    env::KeySpan span{key(random.below(keys)), random.one_in(3) ? Bytes{} : key(random.below(keys))};
    if (!span.end.empty() && span.end < span.start) std::swap(span.start, span.end);
    const bool reverse = random.one_in(2);
    const auto rows = read_all(reader, span, reverse, static_cast<uint32_t>(1 + random.below(400)));
    CHECK(rows == f.expected(span, reverse));
    for (int i = 0; i < 20; ++i) {
      const Bytes at = key(random.below(keys));
      const auto value = reader.get(at);
      REQUIRE(value);
      CHECK(*value == (f.model.contains(at) ? std::optional{f.model[at]} : std::nullopt));
    }
  }
}

TEST_CASE("a page takes a bounded part of many own writes") {
  test::MemoryKv kv;
  sql::WriteBuffer buffer;
  for (uint64_t i = 0; i < 5000; ++i) buffer.put(key(i), "new");
  auto txn = std::move(*kv.begin({}));
  sql::Reader reader{*txn, buffer};
  for (const bool reverse : {false, true}) {
    const auto page = reader.scan({.span = {}, .reverse = reverse, .rows_max = 1});
    REQUIRE(page);
    CHECK(page->rows.size() <= 256);
    CHECK(page->rest);
  }
}

TEST_CASE("what is known costs no request") {
  test::MemoryKv kv;
  sql::WriteBuffer buffer;
  buffer.put(key(1), "new");
  buffer.erase(key(2));
  auto txn = std::move(*kv.begin({}));
  sql::Reader reader{*txn, buffer};
  CHECK(**reader.get(key(1)) == "new");
  CHECK_FALSE(*reader.get(key(2)));
  CHECK(reader.requests() == 0);
  const std::vector<Bytes> keys{key(3), key(4), key(3), key(1)};
  REQUIRE(reader.prefetch(keys));
  CHECK(reader.requests() == 1);
  CHECK_FALSE(*reader.get(key(3)));
  CHECK(reader.knows(key(4)));
  CHECK(reader.requests() == 1);
  buffer.put(key(3), "newer");  // an own write after the prefetch wins
  CHECK(**reader.get(key(3)) == "newer");
}
