// Scans over ranges: which pieces are read when, and what becomes of them.
#include "client/scans.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

using namespace ddb;
using namespace ddb::client;
using env::KeySpan;
using env::ScanPage;
using env::ScanRequest;

namespace {

const Error wrong_range{Code::wrong_range, "the range has been split", {}, {}};
const Error silent{Code::unavailable, "no answer in time", {}, {}};

/// Plays the ranges, each of which holds the keys that begin with its first letter: "a" to "f".
struct World {
  World() {
    for (char letter = 'a'; letter <= 'f'; ++letter) learn(letter - 'a' + 1, letter == 'a' ? "" : Bytes(1, letter), letter == 'f' ? "" : Bytes(1, letter + 1));
  }

  void learn(int id, Bytes start, Bytes end, uint64_t split = 1) {
    proto::RangeInfo info;
    info.descriptor.id = RangeId{static_cast<uint64_t>(id)};
    info.descriptor.span = {std::move(start), std::move(end)};
    info.descriptor.epoch = {1, split};
    map.learn(info);
  }

  void scan(ScanRequest request) {
    page.reset();
    scans.scan(std::move(request), [this](Result<ScanPage> got) { page = std::move(got); });
  }
  /// Goes on with the rest of the last page.
  void next(uint32_t ahead) { scan({.span = *page->value().rest, .rows_max = 2, .ahead = ahead}); }

  /// Where the reads under way begin, in the order in which they were asked for.
  std::vector<Bytes> asked() const {
    std::vector<Bytes> starts;
    for (const auto& [id, read] : reads) starts.push_back(read.request.scan->start);
    return starts;
  }
  void answer(BytesView start, Result<proto::ReadReply> reply) {
    const auto read = std::ranges::find_if(reads, [&](const auto& entry) { return entry.second.request.scan->start == start; });
    REQUIRE(read != reads.end());
    auto answered = std::move(read->second.answered);
    reads.erase(read);
    answered(std::move(reply));
  }
  void rows(BytesView start, std::vector<Bytes> keys, std::optional<KeySpan> rest = {}) {
    proto::ReadReply reply;
    for (Bytes& key : keys) reply.rows.push_back({std::move(key), "value"});
    reply.rest = std::move(rest);
    answer(start, std::move(reply));
  }
  std::vector<Bytes> got() const {
    std::vector<Bytes> keys;
    REQUIRE(page);
    REQUIRE(*page);
    for (const auto& row : (*page)->rows) keys.push_back(row.key);
    return keys;
  }

  using Keys = std::vector<Bytes>;
  struct Read {
    proto::ReadRequest request;
    Scans::Answered answered;
  };
  RangeMap map;
  std::map<uint64_t, Read> reads;  // under way
  uint64_t last = 0;
  Scans scans{map, {.start = [this](const Bytes&, proto::ReadRequest request, Scans::Answered answered) {
                      reads.emplace(++last, Read{std::move(request), std::move(answered)});
                      return last;
                    },
                    .drop = [this](uint64_t id) { CHECK(reads.erase(id) == 1); }}};
  std::optional<Result<ScanPage>> page;
};

}  // namespace

TEST_CASE_FIXTURE(World, "who does not want to read ahead pays for one page at a time") {
  scan({.span = {"", ""}, .rows_max = 2});
  CHECK(asked() == Keys{""});
  rows("", {"a1", "a2"}, KeySpan{"a3", "b"});
  CHECK(got() == Keys{"a1", "a2"});
  CHECK((*page)->rest == KeySpan{"a3", ""});
  CHECK(reads.empty());
  next(0);
  CHECK(asked() == Keys{"a3"});
  rows("a3", {});
  CHECK(asked() == Keys{"b"});  // an empty rest is no page
  rows("b", {"b1"});
  CHECK(got() == Keys{"b1"});
  CHECK(reads.empty());
}

TEST_CASE_FIXTURE(World, "ranges are read in parallel, and given in their order") {
  scan({.span = {"", "d1"}, .rows_max = 2, .ahead = 2});
  CHECK(asked() == Keys{"", "b", "c"});
  rows("c", {"c1"});
  rows("b", {"b1"});
  CHECK(!page);
  CHECK(asked() == Keys{""});  // what waits for the caller takes room
  rows("", {"a1"});
  CHECK(got() == Keys{"a1"});
  CHECK(asked() == Keys{"d"});
  CHECK(reads.begin()->second.request.scan == KeySpan{"d", "d1"});
  next(2);
  CHECK(got() == Keys{"b1"});  // at once
  next(2);
  CHECK(got() == Keys{"c1"});
  CHECK((*page)->rest == KeySpan{"d", "d1"});
  next(2);
  CHECK(!page);
  rows("d", {"d0"});
  CHECK(got() == Keys{"d0"});
  CHECK(!(*page)->rest);
}

TEST_CASE_FIXTURE(World, "the next page of a range goes before ranges behind it, and never is more kept than said") {
  scan({.span = {"", ""}, .rows_max = 2, .ahead = 1});
  CHECK(asked() == Keys{"", "b"});
  rows("b", {"b1", "b2"}, KeySpan{"b3", "c"});
  rows("", {"a1", "a2"}, KeySpan{"a3", "b"});
  CHECK(got() == Keys{"a1", "a2"});
  CHECK(asked() == Keys{"a3"});
  next(1);
  rows("a3", {"a3"});
  CHECK(got() == Keys{"a3"});
  CHECK(asked() == Keys{"b3"});
  next(1);
  CHECK(got() == Keys{"b1", "b2"});
  CHECK(asked() == Keys{"b3", "c"});
}

TEST_CASE_FIXTURE(World, "downwards as well") {
  scan({.span = {"b", ""}, .reverse = true, .rows_max = 2, .ahead = 1});
  CHECK(asked() == Keys{"f", "e"});
  rows("e", {"e1"});
  rows("f", {"f9", "f8"}, KeySpan{"f", "f8"});
  CHECK((*page)->rest == KeySpan{"b", "f8"});
  scan({.span = {"b", "f8"}, .reverse = true, .rows_max = 2, .ahead = 1});
  rows("f", {});
  CHECK(got() == Keys{"e1"});
  CHECK((*page)->rest == KeySpan{"b", "e"});
  CHECK(asked() == Keys{"d", "c"});
}

TEST_CASE_FIXTURE(World, "a rest that nobody goes on with: what is under way is dropped, what came is forgotten") {
  scan({.span = {"", ""}, .rows_max = 2, .ahead = 3});
  rows("b", {"b1"});
  rows("", {"a1"});
  REQUIRE((*page)->rest == KeySpan{"b", ""});
  CHECK(asked() == Keys{"c", "d", "e"});
  SUBCASE("left") {
    scans.leave({"c", ""});
    CHECK(reads.size() == 3);  // another one
    scans.leave({"b", ""});
  }
  SUBCASE("left with the transaction") { scans.leave_all(); }
  SUBCASE("somebody goes on with little of it") {
    next(0);
    CHECK(got() == Keys{"b1"});
    CHECK(reads.empty());
    return;
  }
  CHECK(reads.empty());
  scan({.span = {"b", ""}, .rows_max = 2});
  CHECK(asked() == Keys{"b"});
}

TEST_CASE_FIXTURE(World, "of many scans that were left without a word, the oldest go") {
  for (size_t i = 0; i <= Scans::kept_max; ++i) {
    const Bytes start = "a" + std::to_string(i);
    scan({.span = {start, ""}, .rows_max = 2, .ahead = 1});
    rows(start, {start});
    CHECK(reads.size() == 2 * std::min(i + 1, Scans::kept_max));
    scans.leave({"nothing", ""});
  }
}

TEST_CASE_FIXTURE(World, "a range that is found split is read in its parts") {
  scan({.span = {"", "c"}, .rows_max = 2, .ahead = 1});
  learn(1, "", "a5", 2);
  learn(9, "a5", "b", 2);
  answer("", std::unexpected(wrong_range));
  CHECK(asked() == Keys{"b", ""});  // two at a time, as before
  rows("", {"a1"});
  CHECK(got() == Keys{"a1"});
  CHECK((*page)->rest == KeySpan{"a5", "c"});
  CHECK(asked() == Keys{"b", "a5"});
}

TEST_CASE_FIXTURE(World, "an error is told to who wants the page, not ahead of time") {
  scan({.span = {"", ""}, .rows_max = 2, .ahead = 1});
  answer("b", std::unexpected(silent));
  CHECK(!page);
  CHECK(asked() == Keys{""});
  SUBCASE("the next one gets an answer") {
    rows("", {"a1"});
    CHECK(got() == Keys{"a1"});
    CHECK(asked() == Keys{"b", "c"});
    answer("b", std::unexpected(silent));
    next(1);
    rows("b", {"b1"});
    CHECK(got() == Keys{"b1"});
  }
  SUBCASE("or it does not") {
    answer("", std::unexpected(silent));
    REQUIRE(page);
    CHECK(page->error().code == Code::unavailable);
    CHECK(reads.empty());
  }
}
