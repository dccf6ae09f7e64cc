#include "txn/coordinator.hpp"

#include <doctest/doctest.h>

using namespace ddb;
using namespace ddb::txn;
using env::KeySpan;
using env::Write;
using env::WriteKind;
using proto::CommitReply;
using proto::CommitRequest;
using proto::ReadReply;
using proto::ReadRequest;
using proto::Redirect;
using proto::SettleReply;
using proto::SettleRequest;

namespace {

const std::vector<Write> one_write{{WriteKind::put, "k", "v"}};
const Error broken{Code::unknown_outcome, "connection broke", {}, {}};
const Error refused_connection{Code::unavailable, "connection refused", {}, {}};
const Error conflict{Code::conflict, "a newer version of k", {}, {}};

ReadRequest point(Bytes key) {
  ReadRequest request;
  request.keys = {std::move(key)};
  return request;
}

ReadRequest scan(Bytes start, Bytes end, bool reverse = false) {
  ReadRequest request;
  request.scan = KeySpan{std::move(start), std::move(end)};
  request.reverse = reverse;
  request.rows_max = 10;
  return request;
}

ReadReply values(std::vector<std::optional<Bytes>> values) {
  ReadReply reply;
  reply.values = std::move(values);
  return reply;
}

/// Plays the world: checks that each step asks for what the test expects.
struct World {
  explicit World(const Options& options = {}) : coordinator{options} {}

  Send sent() {
    Effects effects = coordinator.take();
    CHECK(!effects.outcome);
    CHECK(!effects.want_timestamp);
    REQUIRE(effects.sends.size() == 1);
    last = effects.sends[0];
    return last;
  }
  template <class T>
  T sent_as() {
    return std::get<T>(*sent().body);
  }
  void give_timestamp(uint64_t ts) {
    const Effects effects = coordinator.take();
    CHECK(effects.want_timestamp);
    CHECK(effects.sends.empty());
    coordinator.timestamp(Timestamp{ts});
  }
  void reply(proto::RangeReply reply) { coordinator.reply(last.token, std::move(reply)); }
  Result<Timestamp> outcome() {
    Effects effects = coordinator.take();
    CHECK(effects.sends.empty());
    CHECK(!effects.want_timestamp);
    REQUIRE(effects.outcome);
    CHECK(!coordinator.has_effects());
    return *effects.outcome;
  }
  Result<ReadReply> read_done() {
    Effects effects = coordinator.take();
    REQUIRE(effects.reads.size() == 1);
    return effects.reads[0].reply;
  }
  /// A point read that is answered.
  void read(const Bytes& key, uint64_t read_ts) {
    coordinator.read(key, point(key));
    if (!coordinator.read_ts()) give_timestamp(read_ts);
    sent();
    reply(values({"old"}));
    CHECK(read_done());
  }

  Coordinator coordinator;
  Send last;
};

}  // namespace

TEST_CASE("P1: nothing to write, nothing to send") {
  World world;
  SUBCASE("nothing read either") {
    world.coordinator.commit({});
    CHECK(world.outcome() == Timestamp{});
  }
  SUBCASE("after a read") {
    world.read("a", 10);
    world.coordinator.commit({});
    CHECK(world.outcome() == Timestamp{10});
  }
}

TEST_CASE("all reads are at one read_ts, taken at the first of them") {
  World world;
  const auto first = world.coordinator.read("a", point("a"));
  const auto second = world.coordinator.read("b", point("b"));
  CHECK(first != second);
  CHECK(world.coordinator.take().want_timestamp);
  world.coordinator.timestamp(Timestamp{10});
  const auto effects = world.coordinator.take();
  REQUIRE(effects.sends.size() == 2);
  for (const auto& send : effects.sends) CHECK(std::get<ReadRequest>(*send.body).read_ts == Timestamp{10});
  CHECK(effects.sends[1].key == "b");
  world.coordinator.reply(effects.sends[1].token, values({"value of b"}));
  const auto done = world.coordinator.take();
  REQUIRE(done.reads.size() == 1);
  CHECK(done.reads[0].id == second);
  CHECK(done.reads[0].reply->values[0] == "value of b");
}

TEST_CASE("a read_ts given by the caller is used, and is no id") {
  World world{Options{.read_ts = Timestamp{7}}};
  world.coordinator.read("a", point("a"));
  CHECK(world.sent_as<ReadRequest>().read_ts == Timestamp{7});
  world.reply(values({std::nullopt}));
  CHECK(world.read_done());
  world.coordinator.commit(one_write);
  world.give_timestamp(20);
  const auto request = world.sent_as<CommitRequest>();
  CHECK(request.read_ts == Timestamp{7});
  CHECK(request.attempt == proto::Attempt{Timestamp{20}, Timestamp{20}});
}

TEST_CASE("a read_ts in the future writes nothing") {
  World world{Options{.read_ts = Timestamp{70}}};
  world.read("a", 70);
  world.coordinator.commit(one_write);
  world.give_timestamp(20);
  CHECK(world.outcome().error().code == Code::refused);
}

TEST_CASE("reads are repeated until someone answers") {
  World world;
  world.coordinator.read("a", point("a"));
  world.give_timestamp(10);
  const Send first = world.sent();
  SUBCASE("redirected") { world.reply(Redirect{}); }
  SUBCASE("busy") { world.reply(Error{Code::try_again, "busy", {}, {}}); }
  SUBCASE("not the leader") { world.reply(Error{Code::not_leader, "", {}, {}}); }
  SUBCASE("lost") { world.coordinator.no_answer(first.token, broken); }
  SUBCASE("unsent") { world.coordinator.no_answer(first.token, refused_connection); }
  const Send again = world.sent();
  CHECK(again.repeats == 1);
  CHECK(again.token != first.token);
  CHECK(*again.body == *first.body);
  world.coordinator.reply(first.token, values({"late"}));
  CHECK(!world.coordinator.has_effects());
  world.reply(values({"v"}));
  CHECK(world.read_done()->values[0] == "v");
}

TEST_CASE("a read's own errors end it, and so does a reply of another kind") {
  World world;
  world.coordinator.read("a", point("a"));
  world.give_timestamp(10);
  world.sent();
  Code expected{};
  SUBCASE("too old") {
    world.reply(Error{Code::too_old, "", {}, {}});
    expected = Code::too_old;
  }
  SUBCASE("conflict (K1)") {
    world.reply(conflict);
    expected = Code::conflict;
  }
  SUBCASE("another kind") {
    world.reply(CommitReply{Timestamp{1}});
    expected = Code::bad_data;
  }
  SUBCASE("another number of values") {
    world.reply(values({"a", "b"}));
    expected = Code::bad_data;
  }
  CHECK(world.read_done().error().code == expected);
}

TEST_CASE("no timestamp, no reads; the next read asks again") {
  World world;
  world.coordinator.read("a", point("a"));
  CHECK(world.coordinator.take().want_timestamp);
  world.coordinator.timestamp(fail(Code::unavailable, "no oracle answers"));
  CHECK(world.read_done().error().code == Code::unavailable);
  world.read("a", 12);
}

TEST_CASE("commit carries what was read, gaps included, and C0 (P2, P4)") {
  World world;
  world.read("k5", 10);
  world.coordinator.read("a", scan("a", "f"));
  world.sent();
  ReadReply page;
  page.rest = KeySpan{"c", "f"};
  world.reply(page);
  CHECK(world.read_done());
  world.coordinator.read("p", scan("p", "", true));
  world.sent();
  page.rest = KeySpan{"p", "x"};
  world.reply(page);
  CHECK(world.read_done());
  world.coordinator.read("g", scan("g", "h"));
  world.sent();
  world.reply(ReadReply{});
  CHECK(world.read_done());

  world.coordinator.commit(one_write);
  world.give_timestamp(20);
  const auto request = world.sent_as<CommitRequest>();
  CHECK(request.attempt == proto::Attempt{Timestamp{10}, Timestamp{20}});
  CHECK(request.read_ts == Timestamp{10});
  CHECK(request.writes == one_write);
  CHECK(request.read_spans == std::vector<KeySpan>{{"a", "c"}, {"g", "h"}, {"k5", Bytes{"k5\0", 3}}, {"x", ""}});
  CHECK(world.last.key == "k");
  world.reply(CommitReply{Timestamp{21}});
  CHECK(world.outcome() == Timestamp{21});
}

TEST_CASE("what read nothing reads at C0") {
  World world;
  world.coordinator.commit(one_write);
  world.give_timestamp(20);
  const auto request = world.sent_as<CommitRequest>();
  CHECK(request.attempt == proto::Attempt{Timestamp{20}, Timestamp{20}});
  CHECK(request.read_ts == Timestamp{20});
  CHECK(request.read_spans.empty());
}

TEST_CASE("V5, P8: an unanswered commit is repeated as it was") {
  World world;
  world.read("a", 10);
  world.coordinator.commit(one_write);
  world.give_timestamp(20);
  const Send first = world.sent();
  for (uint32_t repeats = 1; repeats <= 4; ++repeats) {
    if (repeats == 1) world.coordinator.no_answer(world.last.token, broken);
    if (repeats == 2) world.reply(Redirect{.descriptors = {}, .leader = {}, .in_doubt = true});
    if (repeats == 3) world.reply(Error{Code::try_again, "too much waits", {}, {}});
    if (repeats == 4) world.coordinator.no_answer(world.last.token, refused_connection);
    const Send again = world.sent();
    CHECK(*again.body == *first.body);
    CHECK(again.key == first.key);
    CHECK(again.repeats == repeats);
  }
  world.coordinator.reply(first.token, CommitReply{Timestamp{99}});  // late: the copy under way will answer
  CHECK(!world.coordinator.has_effects());
  world.reply(CommitReply{Timestamp{21}});
  CHECK(world.outcome() == Timestamp{21});
}

TEST_CASE("P11: a conflict is no verdict; the anchor says what became of the attempt") {
  World world;
  world.read("a", 10);
  world.coordinator.commit(one_write);
  world.give_timestamp(20);
  world.sent();
  Error reason{Code::conflict, "a newer version of a", {}, "a"};
  SUBCASE("conflict at a key that was read") {}
  SUBCASE("exists") { reason = {Code::exists, "k exists", {}, "k"}; }
  SUBCASE("a failure that says nothing of what was done") { reason = {Code::internal, "oops", {}, {}}; }
  world.reply(reason);
  const auto settle = world.sent_as<SettleRequest>();
  CHECK(settle.attempt == proto::Attempt{Timestamp{10}, Timestamp{20}});
  CHECK(settle.anchor == "k");
  CHECK(world.last.key == "k");
  SUBCASE("aborted: now the reason is told") {
    world.reply(SettleReply{});
    CHECK(world.outcome().error() == reason);
  }
  SUBCASE("an earlier copy had committed: that is the answer") {
    world.reply(SettleReply{Timestamp{21}});
    CHECK(world.outcome() == Timestamp{21});
  }
  SUBCASE("the settling is repeated like anything else") {
    const Send first = world.last;
    world.coordinator.no_answer(world.last.token, broken);
    CHECK(*world.sent().body == *first.body);
    world.reply(Redirect{});
    CHECK(*world.sent().body == *first.body);
    world.reply(SettleReply{});
    CHECK(world.outcome().error() == reason);
  }
  SUBCASE("the anchor no longer knows (P9)") {
    world.reply(Error{Code::unknown_outcome, "the record is gone", {}, {}});
    CHECK(world.outcome().error().code == Code::unknown_outcome);
  }
}

TEST_CASE("P11: what read nothing starts over after a conflict, once the old attempt is settled") {
  World world;
  world.coordinator.commit(one_write);
  for (const uint64_t c0 : {20, 30}) {
    world.give_timestamp(c0);
    CHECK(world.sent_as<CommitRequest>().attempt == proto::Attempt{Timestamp{20}, Timestamp{c0}});
    world.reply(conflict);
    CHECK(world.sent_as<SettleRequest>().attempt.c0 == Timestamp{c0});
    world.reply(SettleReply{});
  }
  CHECK(world.coordinator.restarts() == 2);
  world.give_timestamp(40);
  const auto request = world.sent_as<CommitRequest>();
  CHECK(request.attempt == proto::Attempt{Timestamp{20}, Timestamp{40}});
  CHECK(request.read_ts == Timestamp{40});
  world.reply(CommitReply{Timestamp{41}});
  CHECK(world.outcome() == Timestamp{41});
}

TEST_CASE("K2: a conflict elsewhere than at what was read: read_ts moves up once all that was read is validated there") {
  World world;
  world.read("a", 10);
  world.read("c", 10);
  world.coordinator.commit(one_write);
  world.give_timestamp(20);
  world.sent();
  world.reply(Error{Code::conflict, "a newer version of k", {}, "k"});
  world.sent_as<SettleRequest>();
  world.reply(SettleReply{});
  world.give_timestamp(30);
  const auto validate = world.sent_as<proto::ValidateRequest>();
  CHECK(validate.attempt.id == Timestamp{10});
  CHECK(validate.read_ts == Timestamp{10});
  CHECK(validate.at == Timestamp{30});
  CHECK(validate.read_spans == std::vector{span_of("a"), span_of("c")});
  SUBCASE("unchanged: a new attempt, which reads there") {
    world.reply(proto::Done{});
    CHECK(world.coordinator.read_ts() == Timestamp{30});
    world.give_timestamp(40);
    const auto request = world.sent_as<CommitRequest>();
    CHECK(request.attempt == proto::Attempt{Timestamp{10}, Timestamp{40}});
    CHECK(request.read_ts == Timestamp{30});
    world.reply(CommitReply{Timestamp{40}});
    CHECK(world.outcome() == Timestamp{40});
  }
  SUBCASE("another's lock in the way is found out about (V1), whoever is older") {
    const proto::Attempt other{Timestamp{5}, Timestamp{6}};
    world.reply(proto::Locked{other, "q", {"a"}});
    CHECK(world.sent_as<proto::RecoverRequest>().attempt == other);
    world.reply(proto::RecoverReply{});
    world.sent_as<proto::ResolveRequest>();
    world.reply(proto::Done{});
    CHECK(world.sent_as<proto::ValidateRequest>() == validate);
    world.reply(proto::Done{});
    CHECK(world.coordinator.read_ts() == Timestamp{30});
  }
  SUBCASE("changed: the client hears of the conflict, and read_ts stays") {
    world.reply(Error{Code::conflict, "a newer version of c", {}, "c"});
    CHECK(world.outcome().error().detail == "k");
    CHECK(world.coordinator.read_ts() == Timestamp{10});
  }
  SUBCASE("given up: nothing was done") {
    world.coordinator.give_up();
    CHECK(world.outcome().error().code == Code::conflict);
    world.reply(proto::Done{});
    CHECK(!world.coordinator.has_effects());
  }
}

TEST_CASE("K3: a read for an update that had to wait moves read_ts up, if all that was read before is still so (K2)") {
  World world;
  world.coordinator.read_for_update("k");
  world.give_timestamp(10);
  const auto asked = world.sent_as<ReadRequest>();
  CHECK(asked.update_id == Timestamp{10});
  CHECK(asked.read_ts == Timestamp{10});
  ReadReply fresh = values({"new"});
  fresh.read_ts = Timestamp{30};
  SUBCASE("nothing was read before") {
    world.reply(fresh);
    CHECK(world.read_done()->values[0] == "new");
    CHECK(world.coordinator.read_ts() == Timestamp{30});
    world.coordinator.commit(one_write);
    world.give_timestamp(40);
    const auto request = world.sent_as<CommitRequest>();
    CHECK(request.attempt == proto::Attempt{Timestamp{10}, Timestamp{40}});
    CHECK(request.read_ts == Timestamp{30});
    CHECK(request.read_spans == std::vector{span_of("k")});
    world.reply(CommitReply{Timestamp{40}});
    CHECK(world.outcome() == Timestamp{40});  // which says that its turn is over
  }
  SUBCASE("something was") {
    const Send update = world.last;
    world.read("a", 10);
    world.coordinator.reply(update.token, fresh);
    const auto validate = world.sent_as<proto::ValidateRequest>();
    CHECK(validate.at == Timestamp{30});
    CHECK(validate.read_ts == Timestamp{10});
    CHECK(validate.read_spans == std::vector{span_of("a")});
    SUBCASE("unchanged") {
      world.reply(proto::Done{});
      CHECK(world.read_done()->values[0] == "new");
      CHECK(world.coordinator.read_ts() == Timestamp{30});
    }
    SUBCASE("changed") {
      world.reply(Error{Code::conflict, "a newer version of a", {}, "a"});
      CHECK(world.read_done().error().detail == "a");
      CHECK(world.coordinator.read_ts() == Timestamp{10});
    }
    SUBCASE("what is asked meanwhile waits, and is read where all else is") {
      const Send moving = world.last;
      world.coordinator.read("b", point("b"));
      CHECK(!world.coordinator.has_effects());
      world.coordinator.reply(moving.token, proto::Done{});
      Effects effects = world.coordinator.take();
      CHECK(effects.reads.size() == 1);
      REQUIRE(effects.sends.size() == 1);
      CHECK(std::get<ReadRequest>(*effects.sends[0].body).read_ts == Timestamp{30});
    }
  }
  SUBCASE("what was asked before and is answered later is read again") {
    const Send update = world.last;
    world.coordinator.read("b", point("b"));
    const Send other = world.sent();
    world.coordinator.reply(update.token, fresh);
    CHECK(world.read_done());
    world.coordinator.reply(other.token, values({"of long ago"}));
    CHECK(world.sent_as<ReadRequest>().read_ts == Timestamp{30});
    world.reply(values({"of now"}));
    CHECK(world.read_done()->values[0] == "of now");
  }
}

TEST_CASE("K3: a transaction that does not write what it read for an update says so, so that nobody waits for it") {
  World world;
  world.coordinator.read_for_update("k");
  world.give_timestamp(10);
  world.sent();
  world.reply(values({"v"}));
  CHECK(world.read_done());
  SUBCASE("dropped") { world.coordinator.leave(); }
  SUBCASE("without writes") {
    world.coordinator.commit({});
  }
  SUBCASE("with others") {
    world.coordinator.commit({{WriteKind::put, "l", "v"}});
    world.give_timestamp(20);
    world.sent();
    world.reply(CommitReply{Timestamp{20}});
  }
  const Effects effects = world.coordinator.take();
  REQUIRE(effects.sends.size() == 1);
  CHECK(std::get<proto::LeaveRequest>(*effects.sends[0].body) == proto::LeaveRequest{Timestamp{10}, "k"});
  world.coordinator.leave();
  CHECK(!world.coordinator.has_effects());
}

TEST_CASE("K3: a snapshot that the caller has asked for does not move: no turn is taken") {
  World world{Options{.read_ts = Timestamp{7}}};
  world.coordinator.read_for_update("k");
  CHECK(world.sent_as<ReadRequest>().update_id == Timestamp{});
}

TEST_CASE("K2 is tried so often, and never for a snapshot that the caller has asked for") {
  SUBCASE("bounded") {
    World world;
    world.read("a", 10);
    world.coordinator.commit(one_write);
    uint64_t ts = 10;
    for (int refreshes = 0;; ++refreshes) {
      world.give_timestamp(ts += 10);
      world.sent();
      world.reply(conflict);
      world.sent_as<SettleRequest>();
      world.reply(SettleReply{});
      if (refreshes == 8) break;
      world.give_timestamp(ts += 10);
      world.sent_as<proto::ValidateRequest>();
      world.reply(proto::Done{});
    }
    CHECK(world.outcome().error() == conflict);
  }
  SUBCASE("a given read_ts") {
    World world{Options{.read_ts = Timestamp{7}}};
    world.coordinator.read("a", point("a"));
    world.sent();
    world.reply(values({std::nullopt}));
    CHECK(world.read_done());
    world.coordinator.commit(one_write);
    world.give_timestamp(20);
    world.sent();
    world.reply(conflict);
    world.sent();
    world.reply(SettleReply{});
    CHECK(world.outcome().error() == conflict);
  }
}

TEST_CASE("a key that exists is no reason to start over") {
  World world;
  world.coordinator.commit(one_write);
  world.give_timestamp(20);
  world.sent();
  world.reply(Error{Code::exists, "", {}, "k"});
  world.sent();
  world.reply(SettleReply{});
  CHECK(world.outcome().error().detail == "k");
}

TEST_CASE("a request that is refused as it stands ends the transaction; in doubt, it is settled first") {
  World world;
  world.coordinator.commit(one_write);
  world.give_timestamp(20);
  world.sent();
  const Error too_long{Code::too_long, "key k", {}, {}};
  SUBCASE("no copy under way") {
    world.reply(too_long);
    CHECK(world.outcome().error() == too_long);
  }
  SUBCASE("an earlier copy was lost") {
    world.coordinator.no_answer(world.last.token, broken);
    world.sent();
    world.reply(too_long);
    CHECK(world.sent_as<SettleRequest>().attempt.c0 == Timestamp{20});
    world.reply(SettleReply{Timestamp{22}});
    CHECK(world.outcome() == Timestamp{22});
  }
  SUBCASE("an earlier copy was proposed and lost its leader") {
    world.reply(Redirect{.descriptors = {}, .leader = {}, .in_doubt = true});
    world.sent();
    world.reply(too_long);
    CHECK(world.sent_as<SettleRequest>().attempt.c0 == Timestamp{20});
    world.reply(SettleReply{});
    CHECK(world.outcome().error() == too_long);
  }
}

TEST_CASE("P9: an answer of unknown outcome is passed on") {
  World world;
  world.coordinator.commit(one_write);
  world.give_timestamp(20);
  world.sent();
  world.reply(Error{Code::unknown_outcome, "below the record threshold", {}, {}});
  CHECK(world.outcome().error().code == Code::unknown_outcome);
}

TEST_CASE("giving up says 'unknown' only when it is") {
  World world;
  Code expected = Code::unavailable;
  SUBCASE("before C0: nothing was sent") {
    world.coordinator.commit(one_write);
    CHECK(world.coordinator.take().want_timestamp);
  }
  SUBCASE("no copy ever left") {
    world.coordinator.commit(one_write);
    world.give_timestamp(20);
    world.coordinator.no_answer(world.sent().token, refused_connection);
  }
  SUBCASE("all copies were turned away") {
    world.coordinator.commit(one_write);
    world.give_timestamp(20);
    world.sent();
    SUBCASE("by followers") { world.reply(Redirect{}); }
    SUBCASE("by a busy leader") {
      world.reply(Error{Code::try_again, "busy", {}, {}});
      expected = Code::try_again;
    }
  }
  SUBCASE("a copy is under way") {
    world.coordinator.commit(one_write);
    world.give_timestamp(20);
    world.sent();
    expected = Code::unknown_outcome;
  }
  SUBCASE("a copy was lost, the next was turned away") {
    world.coordinator.commit(one_write);
    world.give_timestamp(20);
    world.coordinator.no_answer(world.sent().token, broken);
    world.sent();
    world.reply(Redirect{});
    expected = Code::unknown_outcome;
  }
  SUBCASE("an unsettled conflict") {
    world.coordinator.commit(one_write);
    world.give_timestamp(20);
    world.sent();
    world.reply(conflict);
    world.sent();
    expected = Code::unknown_outcome;
  }
  world.coordinator.give_up();
  CHECK(world.outcome().error().code == expected);
  world.coordinator.timestamp(Timestamp{50});  // late
  world.coordinator.reply(world.last.token, CommitReply{Timestamp{50}});
  CHECK(!world.coordinator.has_effects());
}

TEST_CASE("giving up ends reads, with the reason of their last trouble") {
  World world;
  world.coordinator.read("a", point("a"));
  world.give_timestamp(10);
  world.coordinator.no_answer(world.sent().token, refused_connection);
  world.coordinator.give_up();
  const auto result = world.read_done();
  CHECK(result.error().code == Code::unavailable);
  CHECK(result.error().message == refused_connection.message);
}
