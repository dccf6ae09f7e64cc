#include "mvcc/reader.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "env/random.hpp"
#include "mvcc/gc.hpp"
#include "unit/support/memory_state.hpp"

using namespace ddb;

namespace {

/// Versions by key, then timestamp; nullopt: a tombstone.
using Model = std::map<Bytes, std::map<Timestamp, std::optional<Bytes>>>;

/// Versions stored and modelled side by side.
struct Versions {
  test::MemoryState state;
  Model model;

  void put(const Bytes& key, Timestamp ts, std::optional<Bytes> row, std::optional<mvcc::Writer> record = {}) {
    const Bytes stored = mvcc::version_key(mvcc::encode_key(key), ts);
    const mvcc::Version version{.ts = ts, .tombstone = !row, .record = record, .row = row ? BytesView{*row} : BytesView{}};
    state[env::Table::data].insert_or_assign(stored, mvcc::encode_version(stored, version));
    model[key][ts] = std::move(row);
  }
  void put_random(Random& random, int count) {
    for (int i = 0; i < count; ++i) {
      const Bytes row = "row" + std::to_string(i);
      put(random_key(random), Timestamp{1 + random.below(40)}, random.one_in(4) ? std::nullopt : std::optional{row});
    }
  }
  static Bytes random_key(Random& random) {
    Bytes key;
    for (uint64_t n = random.below(4); n > 0; --n) key.push_back(static_cast<char>(random.below(3)));
    return key;
  }

  std::vector<env::KeyValue> rows(const env::KeySpan& span, Timestamp ts) const {
    std::vector<env::KeyValue> rows;
    for (const auto& [key, versions] : model) {
      if (!env::contains(span, key)) continue;
      const auto above = versions.upper_bound(ts);
      if (above == versions.begin() || !std::prev(above)->second) continue;
      rows.push_back({key, *std::prev(above)->second});
    }
    return rows;
  }
};

std::optional<Bytes> row_at(Versions& versions, const Bytes& key, uint64_t ts) {
  mvcc::Reader reader{versions.state};
  const auto version = reader.at(key, Timestamp{ts});
  REQUIRE(version);
  if (!*version || (*version)->tombstone) return std::nullopt;
  return Bytes{(*version)->row};
}

env::KeySpan random_span(Random& random) {
  env::KeySpan span{Versions::random_key(random), Versions::random_key(random)};
  if (random.one_in(3)) span.end.clear();
  if (!span.end.empty() && span.end < span.start) std::swap(span.start, span.end);
  return span;
}

}  // namespace

TEST_CASE("R4: a read returns the newest version at or below its timestamp") {
  Versions versions;
  versions.put("k", Timestamp{10}, "a");
  versions.put("k", Timestamp{20}, std::nullopt);
  versions.put("k", Timestamp{30}, "c");
  versions.put(Bytes{"k\0", 2}, Timestamp{15}, "longer key");
  CHECK(row_at(versions, "k", 9) == std::nullopt);
  CHECK(row_at(versions, "k", 10) == "a");
  CHECK(row_at(versions, "k", 19) == "a");
  CHECK(row_at(versions, "k", 20) == std::nullopt);
  CHECK(row_at(versions, "k", 30) == "c");
  CHECK(row_at(versions, "k", UINT64_MAX) == "c");
  CHECK(row_at(versions, Bytes{"k\0", 2}, 15) == "longer key");
}

TEST_CASE("R6: pages in either direction put together are the span at that time") {
  Random random{6};
  for (int round = 0; round < 400; ++round) {
    Versions versions;
    versions.put_random(random, 60);
    const env::KeySpan span = random_span(random);
    const Timestamp ts{random.below(45)};
    const bool reverse = random.one_in(2);
    const mvcc::ScanBounds bounds{.rows_max = 1 + static_cast<uint32_t>(random.below(5)),
                                  .bytes_max = 1 + random.below(40),
                                  .versions_max = 1 + static_cast<uint32_t>(random.below(8))};
    std::vector<env::KeyValue> found;
    std::optional<env::KeySpan> rest = span;
    for (int pages = 0; rest; ++pages) {
      REQUIRE(pages < 100);  // every page gets on
      mvcc::Reader reader{versions.state};
      auto page = reader.scan(*rest, reverse, ts, bounds);
      REQUIRE(page);
      REQUIRE(page->rows.size() <= bounds.rows_max);
      found.insert(found.end(), page->rows.begin(), page->rows.end());
      rest = page->rest;
    }
    auto expected = versions.rows(span, ts);
    if (reverse) std::reverse(expected.begin(), expected.end());
    REQUIRE(found == expected);
  }
}

TEST_CASE("a page ends with the row that reaches its bytes") {
  Versions versions;
  for (const char* key : {"a", "b", "c"}) versions.put(key, Timestamp{1}, Bytes(10, 'x'));
  mvcc::Reader reader{versions.state};
  const auto page = reader.scan({"", ""}, false, Timestamp{1}, {.rows_max = 9, .bytes_max = 12, .versions_max = 99});
  REQUIRE(page);
  CHECK(page->rows.size() == 2);
  CHECK(page->rest == env::KeySpan{"c", ""});
}

TEST_CASE("P4: a newer version in a span is found, a tombstone too") {
  Random random{7};
  for (int round = 0; round < 400; ++round) {
    Versions versions;
    versions.put_random(random, static_cast<int>(random.below(30)));
    const env::KeySpan span = random_span(random);
    const Timestamp ts{random.below(45)};
    bool expected = false;
    for (const auto& [key, history] : versions.model) {
      expected |= env::contains(span, key) && history.rbegin()->first > ts;
    }
    mvcc::Reader reader{versions.state};
    const auto newer = reader.newer_in(span, ts);
    REQUIRE(newer);
    REQUIRE(newer->has_value() == expected);
    if (expected) REQUIRE(versions.model.at(**newer).rbegin()->first > ts);
  }
}

TEST_CASE("P8: the record of an attempt is found under later versions, and told from other attempts") {
  const mvcc::Writer mine{Timestamp{5}, Timestamp{8}};
  Versions versions;
  versions.put("k", Timestamp{9}, "mine", mine);
  versions.put("k", Timestamp{12}, "other", mvcc::Writer{Timestamp{6}, Timestamp{11}});
  versions.put("k", Timestamp{14}, std::nullopt);
  mvcc::Reader reader{versions.state};
  REQUIRE(reader.record("k", mine)->has_value());
  CHECK((*reader.record("k", mine))->ts == Timestamp{9});
  CHECK_FALSE(reader.record("k", {Timestamp{5}, Timestamp{7}})->has_value());
  CHECK_FALSE(reader.record("k", {Timestamp{4}, Timestamp{8}})->has_value());
  CHECK_FALSE(reader.record("j", mine)->has_value());
}

TEST_CASE("a damaged row is refused by every way of reading it, and no other row is") {
  Versions versions;
  versions.put("a", Timestamp{1}, "x");
  versions.put("b", Timestamp{1}, "y");
  auto& rows = versions.state[env::Table::data];
  rows.rbegin()->second[1] ^= 1;
  mvcc::Reader reader{versions.state};
  CHECK(reader.at("a", Timestamp{1}));
  CHECK(reader.at("b", Timestamp{1}).error().detail == "b");
  for (const bool reverse : {false, true}) {
    const auto page = reader.scan({"", ""}, reverse, Timestamp{1}, {.rows_max = 9, .bytes_max = 99, .versions_max = 9});
    CHECK(page.error().code == Code::bad_data);
  }
}

TEST_CASE("F3: collecting in pieces of any size changes no read at or above the threshold, at any step") {
  Random random{8};
  for (int round = 0; round < 200; ++round) {
    Versions versions;
    versions.put_random(random, 60);
    const Timestamp threshold{random.below(45)};
    auto& rows = versions.state[env::Table::data];
    std::optional<Bytes> next = Bytes{};
    for (int pieces = 0; next; ++pieces) {
      REQUIRE(pieces < 300);
      const mvcc::GarbageBounds bounds{.keys_max = 1 + static_cast<uint32_t>(random.below(4)),
                                       .versions_max = 1 + static_cast<uint32_t>(random.below(3))};
      const auto garbage = mvcc::find_garbage(versions.state, {*next, ""}, threshold, bounds);
      for (const auto& version : garbage.versions) rows.erase(version.key);
      next = garbage.next;
      for (uint64_t ts = threshold.value; ts < 45; ++ts) {
        mvcc::Reader reader{versions.state};
        const auto page = reader.scan({"", ""}, false, Timestamp{ts}, {.rows_max = 99, .bytes_max = 9999, .versions_max = 999});
        REQUIRE(page);
        REQUIRE(page->rows == versions.rows({"", ""}, Timestamp{ts}));
      }
    }
    // Nothing is left that only reads below the threshold could see.
    for (const auto& [key, history] : versions.model) {
      const auto above = history.upper_bound(threshold);
      size_t kept = static_cast<size_t>(std::distance(above, history.end()));
      if (above != history.begin() && std::prev(above)->second) ++kept;
      const Bytes encoded = mvcc::encode_key(key);
      size_t found = 0;
      for (auto row = rows.lower_bound(encoded); row != rows.end() && row->first.starts_with(encoded); ++row) ++found;
      REQUIRE(found == kept);
    }
  }
}
