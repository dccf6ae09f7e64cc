#include "client/readers.hpp"

#include <doctest/doctest.h>

#include "client/cluster.hpp"
#include "fake_server.hpp"
#include "proto/collect.hpp"

using namespace ddb;
using namespace ddb::client;
using std::chrono::milliseconds;

namespace {

using FakeOracle = FakeServer<proto::OracleRequest, proto::OracleReply>;

/// Metadata and leases, as far as readers need them.
struct Fixture {
  Fixture() {
    oracle.answer = [this](const FakeOracle::Call& call) { return answer(call.request); };
  }

  std::optional<proto::OracleReply> answer(const proto::OracleRequest& request) {
    ++requests;
    if (std::holds_alternative<proto::LeaseGrantRequest>(request)) return proto::LeaseReply{lease = lease.next(), 400};
    if (const auto* keep = std::get_if<proto::LeaseKeepAliveRequest>(&request)) {
      ++renewals;
      return keep->lease == lease ? proto::OracleReply{proto::LeaseReply{lease, 400}} : no_lease();
    }
    if (std::holds_alternative<proto::LeaseRevokeRequest>(request)) {
      end_lease();
      return proto::DoneReply{};
    }
    if (std::holds_alternative<proto::MetaRangeRequest>(request)) return range();
    if (const auto* txn = std::get_if<proto::MetaTxnRequest>(&request)) return run(*txn);
    return proto::TimestampReply{};
  }
  static proto::OracleReply no_lease() { return Error{Code::not_found, "the lease has run out", {}, {}}; }
  env::MetaRange range() const {
    env::MetaRange found{revision, {}};
    for (const auto& [key, entry] : rows) found.entries.push_back(entry);
    return found;
  }
  proto::OracleReply run(const proto::MetaTxnRequest& txn) {
    for (const auto& compare : txn.compares) {
      const auto found = rows.find(compare.key);
      if ((found == rows.end() ? Revision{} : found->second.mod_revision) != compare.mod_revision) return env::MetaTxnResult{};
    }
    for (const auto& op : txn.ops) {
      if (op.lease && op.lease != lease) return no_lease();
    }
    revision = revision.next();
    for (const auto& op : txn.ops) rows[op.key] = {op.key, *op.value, revision, revision, 1, op.lease};
    return env::MetaTxnResult{true, revision};
  }
  void end_lease() {
    lease = lease.next();
    std::erase_if(rows, [](const auto& row) { return static_cast<bool>(row.second.lease); });
  }
  void allow(Timestamp ts) {
    auto raise = proto::raise_allowed(*proto::read_collect_state(range()), ts);
    REQUIRE(raise);
    run(raise->request);
  }
  /// What is protected; nullopt: nothing.
  std::optional<Timestamp> guarded() const {
    const auto state = proto::read_collect_state(range());
    REQUIRE(state);
    return state->lowest_reader == Timestamp{UINT64_MAX} ? std::nullopt : std::optional{state->lowest_reader};
  }
  void wait_until_guarded(std::optional<Timestamp> ts) {
    run_until(loop, [&] { return guarded() == ts; });
  }
  static ReadersOptions with(Duration protect_after) {
    return {.protect_after = protect_after, .look_interval = milliseconds{10}, .lease_ttl = milliseconds{400}};
  }
  static std::function<Timestamp()> at(Timestamp ts) {
    return [ts] { return ts; };
  }

  net::Loop loop;
  FakeOracle oracle{loop};
  std::map<Bytes, env::MetaEntry> rows;
  Revision revision{1};
  LeaseId lease{1};
  int requests = 0;
  int renewals = 0;
  net::Identity identity;
  OracleClient client{loop, identity, {.addresses = {oracle.address()}}};
  std::optional<Readers> readers{std::in_place, client, with(milliseconds{50})};
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "F3: a transaction that grows old is protected, and renewed, until it ends") {
  const auto younger_than_it_says = readers->add(at(Timestamp{}));  // has read nothing
  {
    const auto old = readers->add(at(Timestamp{500}));
    wait_until_guarded(Timestamp{500});
    const auto older = readers->add(at(Timestamp{400}));
    wait_until_guarded(Timestamp{400});
    const LeaseId held = lease;
    run_until(loop, [&] { return renewals >= 2; });
    CHECK(lease == held);
  }
  wait_until_guarded(std::nullopt);
}

TEST_CASE_FIXTURE(Fixture, "F3: short transactions ask nobody anything") {
  readers.emplace(client, with(std::chrono::minutes{1}));
  for (int i = 0; i < 20; ++i) {
    const auto brief = readers->add(at(Timestamp{500}));
    run_for(loop, milliseconds{10});
  }
  CHECK(requests == 0);
}

TEST_CASE_FIXTURE(Fixture, "F3: a lease that was lost is taken anew") {
  const auto old = readers->add(at(Timestamp{500}));
  wait_until_guarded(Timestamp{500});
  end_lease();
  wait_until_guarded(Timestamp{500});
}

TEST_CASE_FIXTURE(Fixture, "H2: who is refused does not stand in the way of the others") {
  allow(Timestamp{450});
  const auto lost = readers->add(at(Timestamp{400}));
  const auto old = readers->add(at(Timestamp{500}));
  wait_until_guarded(Timestamp{500});
}

TEST_CASE_FIXTURE(Fixture, "a transaction may outlive its readers") {
  const auto old = readers->add(at(Timestamp{500}));
  run_for(loop, milliseconds{10});
  readers.reset();
  run_for(loop, milliseconds{10});
}
