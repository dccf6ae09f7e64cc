// Commits over several ranges: P2 to P7, P11, K1, and what is left for others to finish: V1 to V3.
#include <doctest/doctest.h>

#include <algorithm>
#include <deque>

#include "txn/coordinator.hpp"

using namespace ddb;
using namespace ddb::txn;
using env::Write;
using env::WriteKind;
using proto::RecordKind;
using proto::RecoverReply;
using proto::SettleReply;

namespace {

constexpr uint64_t c0 = 20;

/// Ends of ranges; the last one is open.
class Cuts final : public Ranges {
 public:
  std::vector<Bytes> at{"m"};

  env::KeySpan range_of(BytesView key) const override {
    env::KeySpan range;
    for (const Bytes& cut : at) {
      if (cut <= key) range.start = cut;
      else if (range.end.empty()) range.end = cut;
    }
    return range;
  }
};

Write put(Bytes key) { return {WriteKind::put, std::move(key), "v"}; }
Error conflict_at(Bytes key) { return {Code::conflict, "a newer version", {}, std::move(key)}; }
const Error wrong_range{Code::wrong_range, "the range has been split", {}, {}};

/// Plays the ranges: takes what is sent in order, and checks what it is.
struct World {
  explicit World(Options options = {}) : coordinator{with(options)} {}

  Options with(Options options) {
    options.ranges = &cuts;
    return options;
  }
  void pump() {
    Effects effects = coordinator.take();
    for (auto& send : effects.sends) sent.push_back(std::move(send));
    wants_timestamp = wants_timestamp || effects.want_timestamp;
    if (effects.outcome) {
      CHECK(!outcome);
      outcome = effects.outcome;
    }
    for (auto& read : effects.reads) reads.push_back(std::move(read));
  }
  void give(uint64_t ts) {
    pump();
    CHECK(std::exchange(wants_timestamp, false));
    coordinator.timestamp(Timestamp{ts});
    pump();
  }
  /// A read of `key` at 10, and a commit whose C0 is 20.
  void begin(std::vector<Bytes> read_keys, std::vector<Write> writes) {
    for (const Bytes& key : read_keys) {
      proto::ReadRequest request;
      request.keys = {key};
      coordinator.read(key, std::move(request));
      if (!coordinator.read_ts()) give(10);
      pump();
      answer<proto::ReadRequest>(proto::ReadReply{{"old"}, {}, {}});
    }
    coordinator.commit(std::move(writes));
    give(c0);
  }
  /// The first request under way of this kind, to the range of `key`, where one is named.
  template <class T>
  Send take(BytesView key = {}) {
    pump();
    for (auto it = sent.begin(); it != sent.end(); ++it) {
      if (!std::holds_alternative<T>(*it->body) || (!key.empty() && it->key != key)) continue;
      Send found = *it;
      sent.erase(it);
      return found;
    }
    FAIL("no such request was sent");
    return {};
  }
  template <class T>
  bool has() {
    pump();
    return std::ranges::any_of(sent, [](const Send& send) { return std::holds_alternative<T>(*send.body); });
  }
  template <class T>
  T answer(proto::RangeReply reply, BytesView key = {}) {
    const Send send = take<T>(key);
    coordinator.reply(send.token, std::move(reply));
    pump();
    return std::get<T>(*send.body);
  }
  auto prepared(BytesView key, uint64_t min_commit_ts = c0) {
    return answer<proto::PrepareRequest>(proto::PrepareReply{Timestamp{min_commit_ts}}, key);
  }

  Cuts cuts;
  Coordinator coordinator;
  std::deque<Send> sent;
  std::optional<Result<Timestamp>> outcome;
  std::vector<ReadDone> reads;
  bool wants_timestamp = false;
};

}  // namespace

TEST_CASE("P2, P7: all locks at C0: the client hears of the commit at once; record, locks and forgetting follow") {
  World world;
  world.begin({"a"}, {put("a"), put("z"), put("b")});
  CHECK(world.sent.size() == 2);  // in parallel
  const auto anchor = world.prepared("a");
  CHECK(anchor.record == RecordKind::staging);
  CHECK(anchor.keys == std::vector<Bytes>{"a", "z", "b"});
  CHECK(anchor.writes == std::vector<Write>{put("a"), put("b")});
  CHECK(anchor.read_spans == std::vector{span_of("a")});
  CHECK(anchor.read_ts == Timestamp{10});
  CHECK(anchor.attempt == proto::Attempt{Timestamp{10}, Timestamp{c0}});
  CHECK(!world.outcome);
  const auto other = world.prepared("z");
  CHECK(other.record == RecordKind::none);
  CHECK(other.anchor == "a");
  CHECK(other.keys.empty());
  REQUIRE(world.outcome);
  CHECK(*world.outcome == Timestamp{c0});

  CHECK(!world.has<proto::ResolveRequest>());  // P9: not before COMMITTED is applied
  const auto decide = world.answer<proto::DecideRequest>(SettleReply{Timestamp{c0}});
  CHECK(decide.commit_ts == Timestamp{c0});
  CHECK(decide.keys == std::vector<Bytes>{"a", "b"});
  world.answer<proto::ResolveRequest>(proto::Done{}, "a");
  CHECK(!world.has<proto::ForgetRequest>());
  CHECK(world.answer<proto::ResolveRequest>(proto::Done{}, "z").commit_ts == Timestamp{c0});
  CHECK(!world.coordinator.idle());
  world.answer<proto::ForgetRequest>(proto::Done{});
  CHECK(world.coordinator.idle());
}

TEST_CASE("P2: STAGING leaves only when all that was merely read is validated; other locks need not wait") {
  World world;
  world.cuts.at = {"g", "m", "t"};
  world.begin({"h", "u"}, {put("a"), put("n")});
  const Send locks = world.take<proto::PrepareRequest>("n");
  CHECK(!world.has<proto::PrepareRequest>());
  const auto first = world.answer<proto::ValidateRequest>(proto::Done{}, "h");
  CHECK(first.at == Timestamp{c0});
  CHECK(first.read_ts == Timestamp{10});
  CHECK(!world.has<proto::PrepareRequest>());
  SUBCASE("it passes") {
    world.answer<proto::ValidateRequest>(proto::Done{}, "u");
    world.prepared("a");
    world.coordinator.reply(locks.token, proto::PrepareReply{Timestamp{c0}});
    world.pump();
    CHECK(world.outcome == Timestamp{c0});
  }
  SUBCASE("it fails: settled, and the locks are taken back") {
    world.answer<proto::ValidateRequest>(conflict_at("u"), "u");
    CHECK(!world.outcome);
    world.answer<proto::SettleRequest>(SettleReply{});
    REQUIRE(world.outcome);
    CHECK(world.outcome->error().code == Code::conflict);
    CHECK(world.answer<proto::ResolveRequest>(proto::Done{}, "n").commit_ts == std::nullopt);
  }
}

TEST_CASE("P7: a lock above C0: a fresh timestamp, and all that was read is validated there, before COMMITTED") {
  World world;
  world.begin({"b", "y"}, {put("a"), put("z")});
  world.prepared("a");
  world.prepared("z", 25);
  CHECK(!world.outcome);
  world.give(24);  // below an answer: taken again
  world.give(30);
  CHECK(world.answer<proto::ValidateRequest>(proto::Done{}, "b").at == Timestamp{30});
  CHECK(!world.has<proto::DecideRequest>());
  SUBCASE("unchanged") {
    world.answer<proto::ValidateRequest>(proto::Done{}, "y");
    CHECK(!world.outcome);  // the record decides
    CHECK(world.answer<proto::DecideRequest>(SettleReply{Timestamp{30}}).commit_ts == Timestamp{30});
    CHECK(world.outcome == Timestamp{30});
  }
  SUBCASE("changed") {
    world.answer<proto::ValidateRequest>(conflict_at("y"), "y");
    world.answer<proto::SettleRequest>(SettleReply{});
    CHECK(world.outcome->error().code == Code::conflict);
  }
  SUBCASE("somebody gave it up for dead") {
    world.answer<proto::ValidateRequest>(proto::Done{}, "y");
    world.answer<proto::DecideRequest>(SettleReply{});
    CHECK(!world.outcome);
    world.answer<proto::SettleRequest>(SettleReply{});
    CHECK(!world.outcome);
    CHECK(world.answer<proto::ResolveRequest>(proto::Done{}, "a").commit_ts == std::nullopt);
    world.answer<proto::ResolveRequest>(proto::Done{}, "z");
    world.give(40);  // K2
    CHECK(world.answer<proto::ValidateRequest>(proto::Done{}, "b").at == Timestamp{40});
    world.answer<proto::ValidateRequest>(proto::Done{}, "y");
    world.give(50);
    CHECK(world.prepared("a", 50).read_ts == Timestamp{40});
  }
}

TEST_CASE("P2: too many keys to list: PENDING, and the client waits for COMMITTED") {
  Options options;
  options.staging_keys_max = 1;
  World world{options};
  world.begin({}, {put("a"), put("z")});
  const auto anchor = world.prepared("a");
  CHECK(anchor.record == RecordKind::pending);
  CHECK(anchor.keys.empty());
  world.prepared("z");
  CHECK(!world.outcome);
  world.answer<proto::DecideRequest>(SettleReply{Timestamp{c0}});
  CHECK(world.outcome == Timestamp{c0});
}

TEST_CASE("P11: a conflict is no verdict: the anchor's word is") {
  World world;
  world.begin({"z"}, {put("a"), put("z")});
  const Send late = world.take<proto::PrepareRequest>("a");
  world.answer<proto::PrepareRequest>(conflict_at("z"), "z");
  SUBCASE("committed: somebody finished it (V3)") {
    world.answer<proto::SettleRequest>(SettleReply{Timestamp{c0}});
    CHECK(world.outcome == Timestamp{c0});
  }
  SUBCASE("aborted") {
    world.answer<proto::SettleRequest>(SettleReply{});
    CHECK(world.outcome->error().code == Code::conflict);
  }
  world.coordinator.reply(late.token, proto::PrepareReply{Timestamp{c0}});  // V5
  world.pump();
  CHECK(!world.has<proto::DecideRequest>());
}

TEST_CASE("where nothing was read, a conflict starts over: settled, its locks gone, a new C0, the same id") {
  World world;
  world.begin({}, {put("a"), put("z")});
  world.prepared("a");
  world.answer<proto::PrepareRequest>(conflict_at("z"), "z");
  world.answer<proto::SettleRequest>(SettleReply{});
  CHECK(!world.outcome);
  world.answer<proto::ResolveRequest>(proto::Done{}, "a");
  CHECK(!world.wants_timestamp);
  world.answer<proto::ResolveRequest>(proto::Done{}, "z");
  world.give(40);
  const auto again = world.prepared("a", 40);
  CHECK(again.attempt == proto::Attempt{Timestamp{c0}, Timestamp{40}});
  world.prepared("z", 40);
  CHECK(world.outcome == Timestamp{40});
}

TEST_CASE("K1: the older of two recovers who is in its way, the younger gives way") {
  World world;
  world.begin({"z"}, {put("a"), put("z")});
  world.prepared("a");
  SUBCASE("younger") {
    const proto::Locked locked{{Timestamp{5}, Timestamp{6}}, "q", {"z"}};
    world.answer<proto::PrepareRequest>(locked, "z");
    world.answer<proto::SettleRequest>(SettleReply{});
    CHECK(world.outcome->error().code == Code::conflict);
    CHECK(world.outcome->error().detail == "z");
    CHECK(!world.has<proto::RecoverRequest>());
  }
  SUBCASE("older") {
    const proto::Attempt other{Timestamp{15}, Timestamp{16}};
    world.answer<proto::PrepareRequest>(proto::Locked{other, "q", {"z"}}, "z");
    CHECK(world.answer<proto::RecoverRequest>(RecoverReply{}, "q").attempt == other);
    CHECK(world.answer<proto::ResolveRequest>(proto::Done{}, "z").attempt == other);
    world.prepared("z");
    CHECK(world.outcome == Timestamp{c0});
  }
}

TEST_CASE("V1 to V3: a reader finishes the transaction whose lock it meets") {
  World world;
  proto::ReadRequest request;
  request.keys = {"b"};
  world.coordinator.read("b", request);
  world.give(50);
  const proto::Attempt other{Timestamp{15}, Timestamp{16}};
  world.answer<proto::ReadRequest>(proto::Locked{other, "z", {"b"}});
  const auto resolved = [&](std::optional<Timestamp> commit_ts, BytesView key) {
    const auto resolve = world.answer<proto::ResolveRequest>(proto::Done{}, key);
    CHECK(resolve.attempt == other);
    CHECK(resolve.commit_ts == commit_ts);
  };
  const RecoverReply staging{RecoverReply::State::staging, {}, {"z", "b", "c"}};
  SUBCASE("V1: committed") {
    world.answer<proto::RecoverRequest>(RecoverReply{RecoverReply::State::committed, Timestamp{17}, {}}, "z");
    resolved(Timestamp{17}, "b");
  }
  SUBCASE("V1: committed, and where else it may hold locks is known: all go, and the reader waits only for those it met") {
    world.answer<proto::RecoverRequest>(RecoverReply{RecoverReply::State::committed, Timestamp{17}, {"b", "c", "x"}}, "z");
    const Send elsewhere = world.take<proto::ResolveRequest>("x");
    CHECK(world.take<proto::ResolveRequest>("c").key == "c");
    resolved(Timestamp{17}, "b");
    CHECK(std::get<proto::ResolveRequest>(*elsewhere.body).commit_ts == Timestamp{17});
  }
  SUBCASE("V2: no record") {
    world.answer<proto::RecoverRequest>(RecoverReply{}, "z");
    resolved(std::nullopt, "b");
  }
  SUBCASE("V3: STAGING with all its locks is a commit") {
    world.answer<proto::RecoverRequest>(staging, "z");
    CHECK(world.answer<proto::QueryLocksRequest>(proto::QueryLocksReply{true}, "b").keys == std::vector<Bytes>{"b", "c"});
    CHECK(!world.has<proto::DecideRequest>());
    world.answer<proto::QueryLocksRequest>(proto::QueryLocksReply{true}, "z");
    CHECK(world.answer<proto::DecideRequest>(SettleReply{Timestamp{16}}, "z").commit_ts == Timestamp{16});
    resolved(Timestamp{16}, "b");
    resolved(Timestamp{16}, "z");
  }
  SUBCASE("V3: STAGING without one of them is not; whoever wrote the record first is right") {
    world.answer<proto::RecoverRequest>(staging, "z");
    world.answer<proto::QueryLocksRequest>(proto::QueryLocksReply{true}, "b");
    world.answer<proto::QueryLocksRequest>(proto::QueryLocksReply{false}, "z");
    world.answer<proto::SettleRequest>(SettleReply{Timestamp{18}}, "z");
    resolved(Timestamp{18}, "b");
    resolved(Timestamp{18}, "z");
  }
  SUBCASE("PENDING: the range makes it wait again") {
    world.answer<proto::RecoverRequest>(RecoverReply{RecoverReply::State::pending, {}, {}}, "z");
  }
  world.answer<proto::ReadRequest>(proto::ReadReply{{"seen"}, {}, {}});
  REQUIRE(world.reads.size() == 1);
  CHECK(world.reads[0].reply->values[0] == "seen");
}

TEST_CASE("a range that has been split under a commit: its parts, those that were only read first") {
  World world;
  world.begin({"b", "y"}, {put("a"), put("z")});
  world.prepared("a");
  world.cuts.at = {"m", "z"};
  world.answer<proto::PrepareRequest>(wrong_range, "z");
  CHECK(!world.has<proto::PrepareRequest>());
  world.answer<proto::ValidateRequest>(proto::Done{}, "y");
  CHECK(!world.outcome);
  world.prepared("z");
  CHECK(world.outcome == Timestamp{c0});
  world.cuts.at = {"m", "n", "z"};
  world.answer<proto::DecideRequest>(wrong_range);
  world.answer<proto::DecideRequest>(SettleReply{Timestamp{c0}});
  world.answer<proto::ResolveRequest>(wrong_range, "z");
  world.answer<proto::ResolveRequest>(proto::Done{}, "a");
  world.answer<proto::ResolveRequest>(proto::Done{}, "z");
  world.answer<proto::ForgetRequest>(proto::Done{});
  CHECK(world.coordinator.idle());
}

TEST_CASE("P8: a range that has been split under a commit in one range: P11 where a copy is in doubt, then anew") {
  World world;
  world.cuts.at = {};
  world.begin({"b"}, {put("a"), put("z")});
  const Send commit = world.take<proto::CommitRequest>();
  world.cuts.at = {"m"};
  SUBCASE("in doubt") {
    world.coordinator.no_answer(commit.token, {Code::unknown_outcome, "connection broke", {}, {}});
    world.answer<proto::CommitRequest>(wrong_range);
    world.answer<proto::SettleRequest>(SettleReply{});
    world.give(40);
    world.prepared("a", 40);
    world.prepared("z", 40);
    CHECK(world.outcome == Timestamp{40});
  }
  SUBCASE("certain") {
    world.coordinator.reply(commit.token, wrong_range);
    world.prepared("a");
    world.prepared("z");
    CHECK(world.outcome == Timestamp{c0});
  }
}

TEST_CASE("giving up: unknown_outcome once a lock or the record may be there, and nothing more is sent") {
  World world;
  world.begin({"y"}, {put("a")});
  SUBCASE("before") {
    world.coordinator.give_up();
    world.pump();
    CHECK(world.outcome->error().code == Code::unavailable);
  }
  SUBCASE("after") {
    world.answer<proto::ValidateRequest>(proto::Done{}, "y");
    world.coordinator.give_up();
    world.sent.clear();
    world.pump();
    CHECK(world.outcome->error().code == Code::unknown_outcome);
  }
  CHECK(world.coordinator.idle());
}
