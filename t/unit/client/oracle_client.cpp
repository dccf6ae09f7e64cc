#include "client/oracle_client.hpp"

#include <doctest/doctest.h>
#include <set>

#include "fake_server.hpp"

using namespace ddb;
using namespace ddb::client;
using proto::OracleReply;
using proto::OracleRequest;

namespace {

using FakeOracle = FakeServer<OracleRequest, OracleReply>;

/// Members that share one clock and one history, as a group does.
struct Group {
  explicit Group(net::Loop& loop, size_t size = 3) {
    for (size_t i = 0; i < size; ++i) {
      auto& member = members.emplace_back(std::make_unique<FakeOracle>(loop));
      member->answer = [this, i](const FakeOracle::Call& call) { return answer(i, call); };
    }
  }

  std::optional<OracleReply> answer(size_t member, const FakeOracle::Call& call) {
    CHECK(call.range == proto::oracle_range);
    if (std::holds_alternative<proto::OracleStatusRequest>(call.request)) {
      proto::OracleStatusReply status;
      status.self = member + 1;
      return status;
    }
    if (member != leader) return proto::OracleRedirect{told ? members[leader]->name() : ""};
    if (silent) return std::nullopt;
    if (const auto* timestamps = std::get_if<proto::TimestampRequest>(&call.request)) {
      const Timestamp first = clock;
      clock = Timestamp{clock.value + timestamps->count};
      return proto::TimestampReply{first};
    }
    if (const auto* txn = std::get_if<proto::MetaTxnRequest>(&call.request)) {
      ids.insert(txn->request_id);
      if (forget) return std::nullopt;
      return env::MetaTxnResult{.succeeded = true, .revision = Revision{ids.size()}};
    }
    if (const auto* watch = std::get_if<proto::WatchRequest>(&call.request)) {
      opened.push_back(watch->from);
      watcher = call;
      return std::nullopt;
    }
    return proto::DoneReply{};
  }

  OracleClientOptions options() const {
    OracleClientOptions made{.addresses = {}, .timeout = std::chrono::seconds{3}, .attempt_timeout = std::chrono::milliseconds{100}};
    for (const auto& member : members) made.addresses.push_back(member->address());
    return made;
  }

  void change(uint64_t revision) {
    FakeOracle::reply(*watcher, proto::WatchReply{.revision = Revision{revision}, .events = {env::MetaEvent{}}});
  }

  std::vector<std::unique_ptr<FakeOracle>> members;
  size_t leader = 0;
  bool told = true;      // followers know the leader
  bool silent = false;   // the leader hangs
  bool forget = false;   // transactions happen and nobody hears of it
  Timestamp clock{100};
  std::set<uint64_t> ids;
  std::vector<Revision> opened;
  std::optional<FakeOracle::Call> watcher;
};

struct Fixture {
  net::Loop loop;
  Group group{loop};
  net::Identity identity;
  OracleClient client{loop, identity, group.options()};

  Result<Timestamp> timestamp() {
    return get<Timestamp>(loop, [&](auto done) { client.timestamp(std::move(done)); });
  }
  Result<env::MetaTxnResult> txn() {
    return get<env::MetaTxnResult>(loop, [&](auto done) { client.txn({}, {}, std::move(done)); });
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "the leader is found through redirects, and remembered") {
  group.leader = 2;
  CHECK(timestamp() == Timestamp{100});
  CHECK(timestamp() == Timestamp{101});
  CHECK(group.members[0]->calls.size() == 1);
  CHECK(group.members[1]->calls.empty());
  CHECK(group.members[2]->calls.size() == 2);
  CHECK(identity.cluster == 42);
}

TEST_CASE_FIXTURE(Fixture, "the leader is found when nobody says who it is") {
  group.told = false;
  group.leader = 2;
  CHECK(timestamp() == Timestamp{100});
}

TEST_CASE_FIXTURE(Fixture, "one request carries all who ask in a turn, and answers nobody who came later (O1)") {
  group.silent = true;
  std::vector<Timestamp> got;
  const auto keep = [&](Result<Timestamp> ts) { got.push_back(ts.value()); };
  for (int i = 0; i < 3; ++i) client.timestamp(keep);
  run_until(loop, [&] { return group.members[0]->calls.size() == 1; });
  client.timestamp(keep);  // after the first request left
  client.timestamp(keep);
  group.silent = false;
  const auto call = group.members[0]->calls[0];
  CHECK(std::get<proto::TimestampRequest>(call.request).count == 3);
  FakeOracle::reply(call, proto::TimestampReply{Timestamp{10}});
  run_until(loop, [&] { return got.size() == 5; });
  CHECK(got == std::vector<Timestamp>{Timestamp{10}, Timestamp{11}, Timestamp{12}, Timestamp{100}, Timestamp{101}});
  CHECK(std::get<proto::TimestampRequest>(group.members[0]->calls[1].request).count == 2);
}

TEST_CASE_FIXTURE(Fixture, "a killed leader is replaced without the caller noticing") {
  CHECK(timestamp());
  group.members[0]->stop();
  group.told = false;
  net::Timer election{loop};
  election.after(std::chrono::milliseconds{150}, [&] { group.leader = 1; });
  CHECK(timestamp());
  group.members[0]->start();
  CHECK(timestamp());
  CHECK(group.members[1]->calls.size() >= 2);
}

TEST_CASE_FIXTURE(Fixture, "a hung leader is left after the attempt's time") {
  CHECK(timestamp());
  group.silent = true;
  net::Timer election{loop};
  election.after(std::chrono::milliseconds{50}, [&] {
    group.leader = 1;
    group.silent = false;
    group.members[0]->answer = [](const FakeOracle::Call&) { return std::nullopt; };
  });
  CHECK(timestamp());
}

TEST_CASE("nobody reachable: unavailable within the timeout, every address named with its reason") {
  net::Loop loop;
  Group group{loop, 2};
  net::Identity identity;
  auto options = group.options();
  options.timeout = std::chrono::milliseconds{300};
  group.members[0]->stop();
  group.members[1]->answer = [](const FakeOracle::Call&) { return std::nullopt; };
  OracleClient client{loop, identity, options};
  const Instant start = net::Loop::now();
  const auto result = get<Timestamp>(loop, [&](auto done) { client.timestamp(std::move(done)); });
  CHECK(net::Loop::now() - start < std::chrono::milliseconds{600});
  REQUIRE(!result);
  CHECK(result.error().code == Code::unavailable);
  for (const auto& address : options.addresses)
    CHECK_MESSAGE(result.error().message.find(to_string(address)) != std::string::npos, result.error().message);
  CHECK(result.error().message.find("refused") != std::string::npos);
  CHECK(result.error().message.find("does not answer in time") != std::string::npos);
}

TEST_CASE("an oracle of another cluster is refused at once") {
  net::Loop loop;
  Group group{loop, 1};
  net::Identity identity{.cluster = 43, .store = {}};
  OracleClient client{loop, identity, group.options()};
  const auto result = get<Timestamp>(loop, [&](auto done) { client.timestamp(std::move(done)); });
  CHECK(result.error().code == Code::refused);
}

TEST_CASE_FIXTURE(Fixture, "a transaction is repeated under one request id; another gets another") {
  group.forget = true;
  net::Timer later{loop};
  later.after(std::chrono::milliseconds{250}, [&] { group.forget = false; });
  CHECK(txn()->succeeded);
  CHECK(group.ids.size() == 1);
  CHECK(group.members[0]->calls.size() >= 3);
  CHECK(!group.ids.contains(0));
  CHECK(txn());
  CHECK(group.ids.size() == 2);
}

TEST_CASE("a change that was sent and never confirmed has an unknown outcome; a read does not") {
  net::Loop loop;
  Group group{loop, 1};
  net::Identity identity;
  auto options = group.options();
  options.timeout = std::chrono::milliseconds{250};
  OracleClient client{loop, identity, options};
  group.silent = true;
  const auto txn = get<env::MetaTxnResult>(loop, [&](auto done) { client.txn({}, {}, std::move(done)); });
  CHECK(txn.error().code == Code::unknown_outcome);
  const auto range = get<env::MetaRange>(loop, [&](auto done) { client.range("k", "", std::move(done)); });
  CHECK(range.error().code == Code::unavailable);
  group.members[0]->stop();
  run_for(loop, std::chrono::milliseconds{50});
  const auto unsent = get<env::MetaTxnResult>(loop, [&](auto done) { client.txn({}, {}, std::move(done)); });
  CHECK(unsent.error().code == Code::unavailable);
}

TEST_CASE_FIXTURE(Fixture, "the oracle's own errors arrive as they are; try_again is obeyed") {
  int asked = 0;
  group.members[0]->answer = [&](const FakeOracle::Call&) -> std::optional<OracleReply> {
    if (++asked < 3) return Error{Code::try_again, "busy", {}, {}};
    return Error{Code::not_found, "no such lease", {}, {}};
  };
  const auto result = get<proto::LeaseReply>(loop, [&](auto done) { client.keep_alive(LeaseId{7}, std::move(done)); });
  CHECK(result.error().code == Code::not_found);
  CHECK(asked == 3);
}

TEST_CASE_FIXTURE(Fixture, "a change that a falling leader leaves in doubt is repeated: its request id finds the outcome") {
  int asked = 0;
  group.members[0]->answer = [&](const FakeOracle::Call&) -> std::optional<OracleReply> {
    if (++asked < 3) return Error{Code::unknown_outcome, "the leader changed", {}, {}};
    return env::MetaTxnResult{true, Revision{7}};
  };
  CHECK(txn()->revision == Revision{7});
}

TEST_CASE_FIXTURE(Fixture, "a reply of the wrong kind is bad data") {
  group.members[0]->answer = [](const FakeOracle::Call&) { return proto::DoneReply{}; };
  CHECK(timestamp().error().code == Code::bad_data);
}

TEST_CASE_FIXTURE(Fixture, "status asks the member named, leader or not") {
  const auto status = get<proto::OracleStatusReply>(
      loop, [&](auto done) { client.status(group.members[1]->address(), std::move(done)); });
  CHECK(status->self == 2);
}

TEST_CASE_FIXTURE(Fixture, "a watch resumes where it was, at whoever leads, and reports nothing twice") {
  std::vector<uint64_t> seen;
  client.watch("a", "z", Revision{5}, {.changed = [&](const proto::WatchReply& r) { seen.push_back(r.revision.value); },
                                       .lost = [](const Error&) { FAIL("not lost"); }});
  run_until(loop, [&] { return group.watcher.has_value(); });
  group.change(5);
  group.change(7);
  group.change(7);
  run_until(loop, [&] { return seen.size() == 2; });

  SUBCASE("the connection breaks") { group.members[0]->break_connections(); }
  SUBCASE("the leader dies") {
    group.leader = 1;
    group.members[0]->stop();
  }
  SUBCASE("the leader steps down") {
    group.leader = 1;
    FakeOracle::reply(*group.watcher, proto::OracleRedirect{group.members[1]->name()});
  }
  SUBCASE("the leader hangs, which another call finds out") {
    group.leader = 1;
    group.members[0]->answer = [](const FakeOracle::Call&) { return std::nullopt; };
    CHECK(timestamp());
  }
  run_until(loop, [&] { return group.opened.size() == 2; });
  CHECK(group.opened == std::vector<Revision>{Revision{5}, Revision{8}});
  group.change(7);  // an overlap
  group.change(8);
  run_until(loop, [&] { return seen.size() == 3; });
  CHECK(seen == std::vector<uint64_t>{5, 7, 8});
}

TEST_CASE_FIXTURE(Fixture, "a watch of forgotten history is lost; one that was ended is silent") {
  std::optional<Error> lost;
  int changes = 0;
  const OracleClient::WatchEvents events{.changed = [&](const proto::WatchReply&) { ++changes; },
                                         .lost = [&](const Error& error) { lost = error; }};
  client.watch("a", "", Revision{5}, events);
  run_until(loop, [&] { return group.watcher.has_value(); });
  FakeOracle::reply(*group.watcher, Error{Code::too_old, "compacted", {}, {}});
  run_until(loop, [&] { return lost.has_value(); });
  CHECK(lost->code == Code::too_old);

  group.watcher.reset();
  const auto id = client.watch("a", "", Revision{9}, events);
  run_until(loop, [&] { return group.watcher.has_value(); });
  const auto open = *group.watcher;
  client.unwatch(id);
  FakeOracle::reply(open, proto::WatchReply{.revision = Revision{9}, .events = {}});
  run_for(loop, std::chrono::milliseconds{20});
  CHECK(changes == 0);
  const auto& last = group.members[0]->calls.back().request;
  REQUIRE(std::holds_alternative<proto::WatchCancelRequest>(last));
  CHECK(std::get<proto::WatchCancelRequest>(last).request == open.id);
}
