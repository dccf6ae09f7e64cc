// What a read waits for and what it sees: R1-R6.
#include <doctest/doctest.h>

#include "codec/archive.hpp"
#include "codec/selection.hpp"
#include "unit/range/data_group.hpp"

using namespace ddb;
using range::test::DataGroup;

TEST_CASE("R1: a read waits for a commit on its way to its keys, and sees it") {
  DataGroup group;
  const auto commit = group.txn({DataGroup::put("k", "v")});
  const auto write = group.send(commit);
  group.give();
  const Timestamp ts = group.next_timestamp();
  const auto point = group.send(DataGroup::get(ts, {"k"}));
  const auto scan = group.send(DataGroup::scan(ts, "a", "x"));
  const auto other = group.send(DataGroup::get(ts, {"other"}));
  group.give();
  CHECK_FALSE(group.answered(point));
  CHECK_FALSE(group.answered(scan));
  CHECK(group.answered(other));
  group.commit();
  CHECK(group.answered(write));
  CHECK(group.answer<proto::ReadReply>(point).values[0] == "v");
  CHECK(group.answer<proto::ReadReply>(scan).rows == std::vector<env::KeyValue>{{"k", "v"}});
}

TEST_CASE("R1: a read does not wait for commits that queue behind the one it waits for, nor miss them") {
  DataGroup group;
  const Timestamp begin = group.next_timestamp();
  const auto first = group.txn_since(begin, {DataGroup::put("k", "1")});
  const auto second = group.txn_since(begin, {DataGroup::put("k", "2")});
  const Timestamp ts = group.next_timestamp();
  group.value("other");
  group.send(first);
  const auto w2 = group.send(second);
  const auto read = group.send(DataGroup::get(ts, {"k"}));
  REQUIRE(group.host().proposals.size() == 1);
  group.commit();
  CHECK(group.answer<proto::ReadReply>(read).values[0] == "1");
  group.settle();
  CHECK(group.refusal(w2) == Code::conflict);  // it read before `first` committed
  CHECK(group.value("k", ts) == "1");
}

TEST_CASE("R1, R3: who gets the latch that a read waits for commits above the read") {
  DataGroup group;
  const Timestamp begin = group.next_timestamp();
  const auto first = group.txn({DataGroup::put("a", "1"), DataGroup::put("b", "1")});
  const proto::CommitRequest blind{{begin, group.next_timestamp()}, begin, {DataGroup::put("c", "2"), DataGroup::put("a", "2")}, {}};
  const Timestamp ts = group.next_timestamp();
  group.value("other");
  group.send(first);
  const auto read = group.send(DataGroup::get(ts, {"b", "c"}));
  auto free = group.txn({DataGroup::put("c", "3")});
  free.attempt.c0 = ts.prev();
  free.read_ts = begin;
  const auto write = group.send(free);  // nobody holds a latch on c
  group.give();
  group.commit();
  CHECK(group.answer<proto::ReadReply>(read).values == std::vector<std::optional<Bytes>>{"1", std::nullopt});
  group.settle();
  CHECK(group.answer<proto::CommitReply>(write).commit_ts > ts);
  CHECK(group.value("c", ts) == std::nullopt);
}

TEST_CASE("R1: losing leadership fails those who wait") {
  DataGroup group;
  group.send(group.txn({DataGroup::put("k", "v")}));
  const auto read = group.send(DataGroup::get(group.next_timestamp(), {"k"}));
  group.give();
  CHECK_FALSE(group.answered(read));
  group.depose();
  (void)group.answer<proto::Redirect>(read);
}

TEST_CASE("R1: a timestamp that the oracle has not given is refused, after asking once") {
  DataGroup group;
  const auto made_up = group.send(DataGroup::get(Timestamp{1'000'000}, {"k"}));
  CHECK(group.host().wanted.size() == 1);
  const auto honest = group.send(DataGroup::get(group.next_timestamp(), {"k"}));
  CHECK(group.host().wanted.size() == 1);
  group.give();
  CHECK(group.refusal(made_up) == Code::refused);
  CHECK(group.answered(honest));
  (void)group.answer<proto::ReadReply>(honest);

  auto commit = group.txn({DataGroup::put("k", "v")});
  commit.attempt.c0 = Timestamp{1'000'000};
  CHECK(group.ask<Error>(commit).code == Code::refused);
  CHECK(group.ask<Error>(proto::SettleRequest{commit.attempt, "k"}).code == Code::refused);
  CHECK(group.commit_now({DataGroup::put("k", "v")}) < Timestamp{1'000'000});
}

TEST_CASE("R1: who comes while the oracle is being asked is not judged by that answer") {
  DataGroup group;
  const Timestamp early = group.next_timestamp();
  const auto first = group.send(DataGroup::get(early, {"k"}));
  const Timestamp late = Timestamp{group.now + 15};  // given after the answer on its way, and before it arrives
  const auto second = group.send(DataGroup::get(late, {"k"}));
  group.give_one();
  CHECK(group.answered(first));
  CHECK_FALSE(group.answered(second));
  group.give_one();
  (void)group.answer<proto::ReadReply>(second);
}

TEST_CASE("R1: within the slack nobody asks; above it somebody does") {
  range::DataOptions options;
  options.timestamp_slack = std::chrono::milliseconds{1000};
  DataGroup group{options};
  const uint64_t slack = Timestamp::of(1000, 0).value;
  const auto near = group.send(DataGroup::get(Timestamp{group.now + slack}, {"k"}));
  CHECK(group.answered(near));
  CHECK(group.host().wanted.empty());
  group.machine().tick();
  CHECK(group.host().wanted.size() == 1);  // what was heard must not get old
  group.give();
  group.machine().tick();
  CHECK(group.host().wanted.empty());  // nobody needs it
  CHECK(group.refusal([&] {
    const auto far = group.send(DataGroup::get(Timestamp{group.now + slack + 100}, {"k"}));
    group.give();
    return far;
  }()) == Code::refused);
}

TEST_CASE("R3, R4: a selection reads all of its span, whatever it gives out of it") {
  DataGroup group;
  const codec::ValueView cell = int64_t{7};
  group.commit_now({DataGroup::put("s1", codec::encode_row(1, {&cell, 1})), DataGroup::put("s3", codec::encode_row(1, {&cell, 1}))});
  const auto in_span = group.txn({DataGroup::put("s2", codec::encode_row(1, {&cell, 1}))});
  const auto select = [&](const codec::Selection& selection) {
    auto request = DataGroup::scan(group.next_timestamp(), "s", "t");
    request.select = codec::encode(selection);
    return request;
  };
  codec::Selection nothing;
  nothing.condition = {{.op = codec::SelectOp::unknown}};
  const auto empty = select(nothing);
  CHECK(group.ask<proto::ReadReply>(empty).rows.empty());
  CHECK(group.ask<proto::CommitReply>(in_span).commit_ts > empty.read_ts);

  codec::Selection total;
  total.columns = {{.cell = 0, .part = {}, .missing = {}}};
  total.totals = {{.total = codec::SelectTotal::sum, .column = 0}};
  CHECK(group.ask<proto::ReadReply>(select(total)).rows.front().value == [] {
    const codec::ValueView cells[] = {int64_t{3}, int64_t{21}, int64_t{21}};
    return codec::encode_row(0, cells);
  }());
}

TEST_CASE("a selection ends its pages by the keys it has looked at, and by groups") {
  range::DataOptions options;
  options.read.selected_max = 2;
  DataGroup group{options};
  const codec::ValueView cells[] = {int64_t{1}, int64_t{2}, int64_t{3}};
  for (const char* key : {"a", "b", "c"}) group.commit_now({DataGroup::put(key, codec::encode_row(1, {&cells[*key - 'a'], 1}))});
  codec::Selection selection;
  selection.condition = {{.op = codec::SelectOp::unknown}};
  auto request = DataGroup::scan(group.next_timestamp(), "a", "t");
  request.select = codec::encode(selection);
  const auto page = group.ask<proto::ReadReply>(request);
  CHECK(page.rows.empty());
  CHECK(page.rest == env::KeySpan{"c", "t"});
  selection.condition.clear();
  selection.columns = {{.cell = 0, .part = {}, .missing = {}}};
  selection.totals = {{.total = codec::SelectTotal::rows}};
  selection.group_by = {0};
  request.select = codec::encode(selection);
  request.rows_max = 1;
  const auto first = group.ask<proto::ReadReply>(request);
  CHECK(first.rows.size() == 1);
  CHECK(first.rest == env::KeySpan{"b", "t"});
}

TEST_CASE("a selection that makes no sense, or is of no scan, is refused") {
  DataGroup group;
  auto request = DataGroup::scan(group.next_timestamp(), "a", "t");
  request.select = "nonsense";
  CHECK(group.ask<Error>(request).code == Code::usage);
  auto point = DataGroup::get(group.next_timestamp(), {"a"});
  point.select = codec::encode(codec::Selection{});
  CHECK(group.ask<Error>(point).code == Code::usage);
}

TEST_CASE("R3: no commit goes at or below a read of its key, or of a gap that its key falls into") {
  DataGroup group;
  const auto early = [&](const Bytes& key) {
    auto txn = group.txn({DataGroup::put(key, "late")});
    return txn;
  };
  const auto point = early("p");
  const auto in_span = early("s1");
  const auto beside = early("t");
  const Timestamp ts = group.next_timestamp();
  CHECK(group.value("p", ts) == std::nullopt);
  CHECK(group.ask<proto::ReadReply>(DataGroup::scan(ts, "s", "t")).rows.empty());
  CHECK(group.ask<proto::CommitReply>(point).commit_ts > ts);
  CHECK(group.ask<proto::CommitReply>(in_span).commit_ts > ts);
  CHECK(group.ask<proto::CommitReply>(beside).commit_ts == beside.attempt.c0);
  CHECK(group.value("p", ts) == std::nullopt);
  CHECK(group.value("p") == "late");
}

TEST_CASE("R3: a page raises the floor of what it covered, not of the rest") {
  DataGroup group;
  group.commit_now({DataGroup::put("a", ""), DataGroup::put("c", ""), DataGroup::put("e", "")});
  for (const bool reverse : {false, true}) {
    const auto in_page = group.txn({DataGroup::put(reverse ? "d" : "b", "")});
    const auto in_rest = group.txn({DataGroup::put(reverse ? "Z" : "f", "")});
    const Timestamp ts = group.next_timestamp();
    auto scan = DataGroup::scan(ts, "", "x", 2);
    scan.reverse = reverse;
    CHECK(group.ask<proto::ReadReply>(scan).rows.size() == 2);
    CHECK(group.ask<proto::CommitReply>(in_page).commit_ts > ts);
    CHECK(group.ask<proto::CommitReply>(in_rest).commit_ts == in_rest.attempt.c0);
    group.commit_now({DataGroup::erase("b"), DataGroup::erase("d"), DataGroup::erase("f")});
  }
}

TEST_CASE("R4: reads see the versions of their time") {
  DataGroup group;
  const Timestamp first = group.commit_now({DataGroup::put("k", "1"), DataGroup::put("l", "1")});
  const Timestamp second = group.commit_now({DataGroup::put("k", "2"), DataGroup::erase("l")});
  CHECK(group.value("k", first.prev()) == std::nullopt);
  CHECK(group.value("k", first) == "1");
  CHECK(group.value("k", second.prev()) == "1");
  CHECK(group.value("k", second) == "2");
  CHECK(group.ask<proto::ReadReply>(DataGroup::scan(first, "", "x")).rows ==
        std::vector<env::KeyValue>{{"k", "1"}, {"l", "1"}});
  CHECK(group.ask<proto::ReadReply>(DataGroup::scan(second, "", "x")).rows == std::vector<env::KeyValue>{{"k", "2"}});
}

TEST_CASE("R6: pages follow one another through the rest") {
  DataGroup group;
  std::vector<env::Write> writes;
  for (char c = 'a'; c < 'k'; ++c) writes.push_back(DataGroup::put(Bytes(1, c), Bytes(100, c)));
  const Timestamp ts = group.commit_now(writes);
  for (const bool reverse : {false, true}) {
    auto scan = DataGroup::scan(ts, "b", "i", 100);
    scan.reverse = reverse;
    scan.bytes_max = 250;  // three rows reach it
    Bytes seen;
    for (int pages = 0;; ++pages) {
      REQUIRE(pages < 9);
      const auto page = group.ask<proto::ReadReply>(scan);
      CHECK(page.rows.size() <= 3);
      for (const auto& row : page.rows) seen += row.key;
      if (!page.rest) break;
      scan.scan = page.rest;
    }
    CHECK(seen == (reverse ? "hgfedcb" : "bcdefgh"));
  }
}

TEST_CASE("a page is bounded by the range, whatever the client asks for") {
  range::DataOptions options;
  options.read = {.rows_max = 3, .bytes_max = 100, .versions_max = 4};
  DataGroup group{options};
  std::vector<env::Write> writes;
  for (char c = 'a'; c < 'k'; ++c) writes.push_back(DataGroup::put(Bytes(1, c), Bytes(30, c)));
  group.commit_now(writes);
  CHECK(group.ask<proto::ReadReply>(DataGroup::scan(group.next_timestamp(), "", "x")).rows.size() == 3);
  for (auto& write : writes) write = DataGroup::erase(write.key);
  writes.pop_back();
  group.commit_now(writes);
  const auto empty = group.ask<proto::ReadReply>(DataGroup::scan(group.next_timestamp(), "", "x"));
  CHECK(empty.rows.empty());
  CHECK(empty.rest == env::KeySpan{"e", "x"});

  group.commit_now({DataGroup::put("a", Bytes(60, 'a')), DataGroup::put("b", Bytes(60, 'b'))});
  CHECK(group.ask<Error>(DataGroup::get(group.next_timestamp(), {"a", "b"})).code == Code::too_long);
}

TEST_CASE("H1: a damaged row is named and never served") {
  DataGroup group;
  group.commit_now({DataGroup::put("k", "value"), DataGroup::put("l", "fine")});
  auto& rows = group.host().rows[env::Table::data];
  const auto row = rows.lower_bound(mvcc::encode_key("k"));
  row->second[20] ^= 1;
  const auto error = group.ask<Error>(DataGroup::get(group.next_timestamp(), {"k"}));
  CHECK(error.code == Code::bad_data);
  CHECK(error.detail == "k");
  CHECK(group.ask<Error>(DataGroup::scan(group.next_timestamp(), "", "x")).code == Code::bad_data);
  CHECK(group.ask<Error>(group.txn({DataGroup::put("k", "over it")})).code == Code::bad_data);
  CHECK(group.value("l") == "fine");
}
