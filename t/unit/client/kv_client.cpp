#include "client/kv_client.hpp"

#include <doctest/doctest.h>

#include "fake_cluster.hpp"

using namespace ddb;
using namespace ddb::client;
using env::KeySpan;
using env::KeyValue;
using env::Write;
using env::WriteKind;

namespace {

struct Fixture {
  explicit Fixture(Duration timeout = std::chrono::seconds{5}) : cluster{loop, fake.options(timeout)} {}

  net::Loop loop;
  FakeCluster fake{loop};
  Cluster cluster;
  LoopExecutor executor{loop};
  KvClient kv{cluster, executor};

  std::unique_ptr<env::KvTxn> begin() { return std::move(*kv.begin({})); }
  Result<Timestamp> put(Bytes key, Bytes value) { return begin()->commit({{WriteKind::put, std::move(key), std::move(value)}}); }
  Result<std::vector<std::optional<Bytes>>> get(std::vector<Bytes> keys) { return begin()->get(keys); }

  std::vector<KeyValue> scan_all(KeySpan span, bool reverse, uint32_t rows_max) {
    std::vector<KeyValue> rows;
    const auto txn = begin();
    for (std::optional<KeySpan> rest = span; rest;) {
      const auto page = txn->scan({.span = *rest, .reverse = reverse, .rows_max = rows_max});
      REQUIRE(page);
      CHECK(page->rows.size() <= rows_max);
      rows.insert(rows.end(), page->rows.begin(), page->rows.end());
      rest = page->rest;
    }
    return rows;
  }
};

struct Impatient : Fixture {
  Impatient() : Fixture{std::chrono::milliseconds{300}} {}
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "what is put is got; a point read costs one request once the way is known") {
  CHECK(put("k", "v"));
  CHECK(get({"k", "none"}) == std::vector<std::optional<Bytes>>{"v", std::nullopt});
  const size_t before = fake.node_calls();
  CHECK(get({"k"}));
  CHECK(fake.node_calls() == before + 1);
  CHECK(get({})->empty());
  CHECK(fake.node_calls() == before + 1);
}

TEST_CASE_FIXTURE(Fixture, "the way is learnt from redirects, then remembered") {
  CHECK(put("k", "v"));
  fake.ranges[1].leader = ReplicaId{3};  // and the metadata do not know
  CHECK(get({"k"}));
  CHECK(fake.nodes[2]->calls.size() == 1);
  CHECK(cluster.figures().requests_misrouted == 1);
  CHECK(put("k", "w"));
  CHECK(cluster.figures().requests_misrouted == 1);
  CHECK(cluster.figures().requests == 4);
  CHECK(fake.nodes[2]->calls.size() == 2);
  CHECK(fake.nodes[1]->calls.empty());
}

TEST_CASE_FIXTURE(Fixture, "the way is learnt from the watch, before a request goes astray") {
  CHECK(put("k", "v"));
  run_until(loop, [&] { return fake.watchers.size() == 2; });
  fake.ranges[1].leader = ReplicaId{2};
  fake.ranges[1].term = Term{2};
  fake.report(1);
  run_for(loop, std::chrono::milliseconds{20});
  const size_t before = fake.nodes[0]->calls.size();
  CHECK(get({"k"}));
  CHECK(fake.nodes[0]->calls.size() == before);
  CHECK(fake.nodes[1]->calls.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "a killed leader is replaced without the caller noticing") {
  CHECK(put("k", "v"));
  fake.nodes[0]->stop();
  fake.told = false;
  net::Timer election{loop};
  election.after(std::chrono::milliseconds{100}, [&] { fake.ranges[1].leader = ReplicaId{2}; });
  CHECK(put("k", "w"));
  CHECK(get({"k"})->at(0) == "w");
}

TEST_CASE_FIXTURE(Fixture, "a hung leader is left after the attempt's time") {
  CHECK(put("k", "v"));
  fake.nodes[0]->answer = [](const FakeNode::Call&) { return std::nullopt; };
  fake.ranges[1].leader = ReplicaId{3};
  CHECK(get({"k"})->at(0) == "v");
}

TEST_CASE_FIXTURE(Fixture, "a hung leader is not asked again because the others have yet to notice") {
  CHECK(put("k", "v"));
  const size_t before = fake.nodes[0]->calls.size();
  fake.nodes[0]->hang();
  net::Timer election{loop};
  election.after(std::chrono::milliseconds{250}, [&] { fake.ranges[1].leader = ReplicaId{3}; });
  const Instant start = net::Loop::now();
  CHECK(get({"k"})->at(0) == "v");
  CHECK(fake.nodes[0]->calls.size() == before + 1);
  CHECK(net::Loop::now() - start < std::chrono::milliseconds{450});
}

TEST_CASE_FIXTURE(Fixture, "a commit whose answer was lost happens once (V5)") {
  CHECK(put("k", "v"));
  fake.break_once = true;
  const auto committed = put("k", "w");
  REQUIRE(committed);
  CHECK(fake.records.size() == 2);
  CHECK(fake.records.rbegin()->second == *committed);
}

TEST_CASE_FIXTURE(Fixture, "a conflict is heard of by those who read, once the attempt is settled and what they read has changed (P11, K2)") {
  const auto txn = begin();
  const std::vector<Bytes> keys{"k"};
  CHECK(txn->get(keys));
  CHECK(txn->read_ts() > Timestamp{});
  fake.refusals = 1;
  const auto result = txn->commit({{WriteKind::put, "k", "v"}});
  CHECK(result.error().code == Code::conflict);
  const auto& calls = fake.nodes[0]->calls;
  CHECK(std::holds_alternative<proto::SettleRequest>(std::prev(calls.end(), 2)->request.body));
  CHECK(std::holds_alternative<proto::ValidateRequest>(calls.back().request.body));

  fake.refusals = 3;
  CHECK(put("k", "v"));  // had read nothing
}

TEST_CASE_FIXTURE(Fixture, "reads go to every range that holds a key, answers keep the order of the keys") {
  fake.ranges.clear();
  fake.add_range(1, "", "h", 2, 0);
  fake.add_range(2, "h", "p", 2, 1);
  fake.add_range(3, "p", "", 2, 2);
  for (const char* key : {"a", "g", "h", "o", "p", "z"}) fake.data[key] = Bytes{"value of "} + key;
  const auto values = get({"z", "h", "a", "none", "p"});
  REQUIRE(values);
  CHECK(*values == std::vector<std::optional<Bytes>>{"value of z", "value of h", "value of a", std::nullopt, "value of p"});
  CHECK(fake.node_calls() == 3);
}

TEST_CASE_FIXTURE(Fixture, "a scan crosses ranges and pages in either direction, and skips what is empty") {
  fake.ranges.clear();
  fake.add_range(1, "", "c", 2, 0);
  fake.add_range(2, "c", "d", 2, 1);  // empty
  fake.add_range(3, "d", "p", 2, 2);
  fake.add_range(4, "p", "", 2, 0);
  for (const char* key : {"a", "b", "d", "e", "f", "p", "x"}) fake.data[key] = key;
  std::vector<KeyValue> all(7);
  std::ranges::transform(fake.data, all.begin(), [](const auto& row) { return KeyValue{row.first, row.second}; });
  for (const uint32_t rows_max : {1, 2, 100}) {
    CHECK(scan_all({"", ""}, false, rows_max) == all);
    CHECK(scan_all({"b", "p"}, false, rows_max) == std::vector<KeyValue>(all.begin() + 1, all.begin() + 5));
    auto reversed = scan_all({"", ""}, true, rows_max);
    std::ranges::reverse(reversed);
    CHECK(reversed == all);
    reversed = scan_all({"b", "p"}, true, rows_max);
    std::ranges::reverse(reversed);
    CHECK(reversed == std::vector<KeyValue>(all.begin() + 1, all.begin() + 5));
  }
  CHECK(scan_all({"x", "x"}, false, 1).empty());
}

TEST_CASE_FIXTURE(Fixture, "a scan reads ahead, at one timestamp; what is left of it holds up neither commit nor end") {
  fake.ranges.clear();
  fake.add_range(1, "", "c", 2, 0);
  fake.add_range(2, "c", "p", 2, 1);
  fake.add_range(3, "p", "", 2, 2);
  for (const char* key : {"a", "b", "d", "p", "x"}) fake.data[key] = key;
  const auto txn = begin();
  const auto page = txn->scan({.span = {"", ""}, .rows_max = 1, .ahead = 2});
  REQUIRE(page);
  run_until(loop, [&] { return fake.node_calls() == 4; });
  for (const auto& node : fake.nodes)
    for (const auto& call : node->calls) CHECK(std::get<proto::ReadRequest>(call.request.body).read_ts == txn->read_ts());
  const size_t before = fake.node_calls();
  SUBCASE("gone on with") {
    const auto next = txn->scan({.span = *page->rest, .rows_max = 1});
    REQUIRE(next);
    CHECK(next->rows == std::vector<KeyValue>{{"b", "b"}});
    CHECK(fake.node_calls() == before);
  }
  SUBCASE("left") {
    txn->leave(*page->rest);
    REQUIRE(txn->scan({.span = *page->rest, .rows_max = 1}));
    CHECK(fake.node_calls() == before + 1);
  }
  SUBCASE("committed, with a request under way") {
    fake.silent = true;
    REQUIRE(txn->scan({.span = *page->rest, .rows_max = 1, .ahead = 2}));
    fake.silent = false;
    CHECK(txn->commit({}));
  }
}

TEST_CASE_FIXTURE(Fixture, "ranges that split under a client are found again") {
  for (const char* key : {"a", "h", "z"}) CHECK(put(key, key));
  fake.ranges.clear();
  fake.add_range(1, "", "h", 2, 0);  // the watch tells, but maybe too late
  fake.add_range(2, "h", "", 2, 1);
  SUBCASE("read by key") { CHECK(get({"z", "a"}) == std::vector<std::optional<Bytes>>{"z", "a"}); }
  SUBCASE("read by span") { CHECK(scan_all({"", ""}, false, 10).size() == 3); }
  SUBCASE("written") { CHECK(put("z", "w")); }
}

TEST_CASE_FIXTURE(Fixture, "a commit over several ranges takes a request to each of them; the rest is done behind the caller's back") {
  fake.ranges.clear();
  fake.add_range(1, "", "h", 2, 0);
  fake.add_range(2, "h", "", 2, 1);
  const auto result = begin()->commit({{WriteKind::put, "a", "1"}, {WriteKind::put, "z", "2"}});
  REQUIRE(result);
  run_until(loop, [&] { return fake.data.size() == 2; });
  CHECK(fake.data == std::map<Bytes, Bytes>{{"a", "1"}, {"z", "2"}});
  CHECK(fake.records.begin()->second == *result);
}

TEST_CASE_FIXTURE(Fixture, "a transfer between two ranges: a timestamp to start, one for C0, a request to each range before the caller hears") {
  fake.ranges.clear();
  fake.add_range(1, "", "h", 2, 0);
  fake.add_range(2, "h", "", 2, 1);
  REQUIRE(get({"a"}));  // the way is known
  const Figures before = cluster.figures();
  const auto txn = begin();
  const std::vector<Bytes> keys{"a", "z"};
  REQUIRE(txn->get(keys));
  const Figures read = cluster.figures();
  CHECK(read.timestamp_requests - before.timestamp_requests == 1);
  CHECK(read.requests - before.requests == 2);
  const size_t calls = fake.node_calls();
  REQUIRE(txn->commit({{WriteKind::put, "a", "1"}, {WriteKind::put, "z", "2"}}));
  CHECK(fake.node_calls() - calls == 2);
  for (const size_t node : {0, 1}) CHECK(std::holds_alternative<proto::PrepareRequest>(fake.nodes[node]->calls.back().request.body));
  const Figures after = cluster.figures();
  CHECK(after.requests - read.requests == 3);  // COMMITTED is on its way to the anchor
  CHECK(after.timestamp_requests - read.timestamp_requests == 1);
  CHECK(after.timestamps - read.timestamps == 1);
  CHECK(after.commits_several_ranges == 1);
  CHECK(after.commits_one_range == 0);
  CHECK(after.requests_misrouted == before.requests_misrouted);
}

TEST_CASE_FIXTURE(Fixture, "commits are counted by how they ended, conflicts that nobody hears of as restarts") {
  REQUIRE(put("k", "v"));
  fake.refusals = 3;
  REQUIRE(put("k", "v"));
  CHECK(cluster.figures().commits_one_range == 2);
  CHECK(cluster.figures().commits_several_ranges == 0);
  const auto txn = begin();
  const std::vector<Bytes> keys{"k"};
  REQUIRE(txn->get(keys));
  fake.refusals = 1;
  CHECK_FALSE(txn->commit({{WriteKind::put, "k", "w"}}));
  CHECK(cluster.figures().commits_failed == 1);
  REQUIRE(begin()->commit({}));
  CHECK(cluster.figures().commits_one_range == 2);
  run_until(loop, [&] { return cluster.figures().restarts > 0; });
}

TEST_CASE_FIXTURE(Fixture, "a commit that no frame can hold is refused, and nothing breaks") {
  CHECK(put("k", "v"));
  const auto result = put("k", Bytes(proto::frame_bytes_max, 'x'));
  CHECK(result.error().code == Code::too_long);
  CHECK(get({"k"})->at(0) == "v");
  CHECK(get({Bytes(proto::frame_bytes_max, 'x')}).error().code == Code::too_long);
}

TEST_CASE_FIXTURE(Impatient, "no oracle reachable: unavailable within the timeout, naming it") {
  fake.oracle.stop();
  const Instant start = net::Loop::now();
  const auto result = put("k", "v");
  CHECK(net::Loop::now() - start < std::chrono::milliseconds{1000});
  CHECK(result.error().code == Code::unavailable);
  CHECK(result.error().message.find(fake.oracle.name()) != std::string::npos);
}

TEST_CASE_FIXTURE(Impatient, "no node reachable: unavailable, and certain, for nothing was sent") {
  for (auto& node : fake.nodes) node->stop();
  const Instant start = net::Loop::now();
  const auto written = put("k", "v");
  CHECK(written.error().code == Code::unavailable);
  CHECK_MESSAGE(written.error().message.find("127.0.0.1:") != std::string::npos, written.error().message);
  CHECK(get({"k"}).error().code == Code::unavailable);
  CHECK(net::Loop::now() - start < std::chrono::milliseconds{1500});
}

TEST_CASE_FIXTURE(Impatient, "a commit that is never answered has an unknown outcome, a read has not") {
  CHECK(put("k", "v"));
  fake.forget = true;
  fake.silent = true;
  CHECK(put("k", "w").error().code == Code::unknown_outcome);
  CHECK(get({"k"}).error().code == Code::unavailable);
}

TEST_CASE_FIXTURE(Impatient, "no range yet: says what is missing") {
  fake.meta.clear();
  const auto result = get({"k"});
  CHECK(result.error().code == Code::unavailable);
  CHECK(result.error().message.find("range") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "metadata looks synchronous as well") {
  MetaClient meta{cluster.oracle(), executor};
  const auto nodes = meta.range(proto::node_prefix, prefix_end(proto::node_prefix));
  REQUIRE(nodes);
  CHECK(nodes->entries.size() == 3);
}
