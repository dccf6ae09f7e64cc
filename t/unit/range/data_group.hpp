// A range without Raft, network or oracle: machines on one log; elections, commits and timestamps by decree.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "codec/archive.hpp"
#include "mvcc/key.hpp"
#include "range/data_machine.hpp"
#include "unit/support/memory_state.hpp"

namespace ddb::range::test {

/// What one replica's machine sees of the world. Everything asked for waits until the test grants it.
class FakeHost final : public MachineHost {
 public:
  struct Proposal {
    Bytes command;
    uint64_t cookie;
  };

  Instant now() const override { return clock; }
  uint64_t wall_millis() const override {
    FAIL("P10: no clock");
    return 0;
  }
  uint64_t random() override {
    FAIL("nothing here is left to chance");
    return 0;
  }
  env::State& state() override { return rows; }
  const proto::RangeDescriptor& descriptor() const override { return range; }
  bool leads() const override { return leading; }
  Term term() const override { return Term{1}; }
  ReplicaId leader() const override { return known_leader; }
  bool lease_valid() const override { return leading && lease; }
  bool space_low() const override { return disk_full; }
  bool config_settled() const override { return settled; }
  const Allowance& allowance() const override { return allowed; }
  void cleared(const env::KeySpan& span) override { clear.push_back(span); }
  bool has_trace(RangeId other) const override { return other == range.id || traces.contains(other); }
  const proto::RangeDescriptor* holder_of(BytesView key) const override {
    const auto holder = std::find_if(neighbours.begin(), neighbours.end(),
                                     [&](const auto& other) { return env::contains(other.span, key); });
    return holder == neighbours.end() ? nullptr : &*holder;
  }
  void split(const proto::RangeDescriptor& left, const proto::RangeDescriptor& right) override {
    shrunk = left;
    neighbours.push_back(right);
  }
  Result<LogIndex> propose(Bytes command, uint64_t cookie) override {
    REQUIRE(leading);
    if (full) return fail(Code::try_again, "too much uncommitted");
    proposals.push_back({std::move(command), cookie});
    return LogIndex{applied + proposals.size()};
  }
  void orphaned(proto::Locked locked) override { orphans.push_back(std::move(locked)); }
  void confirm(uint64_t cookie) override { confirms.push_back(cookie); }
  void want_timestamp(uint64_t cookie) override { wanted.push_back(cookie); }
  void reply(RequestToken to, Bytes body) override {
    if (silent) return;
    auto reply = codec::decode<proto::RangeReply>(body);
    REQUIRE(reply);
    REQUIRE(replies.emplace(to.request, std::move(*reply)).second);  // one answer each
  }

  Instant clock{std::chrono::hours{5}};
  ddb::test::MemoryState rows;
  proto::RangeDescriptor range;
  bool leading = false;
  bool lease = false;
  bool full = false;
  bool disk_full = false;
  bool silent = false;  // answers are thrown away
  bool settled = true;
  Allowance allowed;
  std::vector<env::KeySpan> clear;  // as the machine said
  std::set<RangeId> traces;
  std::vector<proto::RangeDescriptor> neighbours;
  std::optional<proto::RangeDescriptor> shrunk;  // in force once the entry's writes are
  ReplicaId known_leader;
  uint64_t applied = 0;
  std::deque<Proposal> proposals;
  std::vector<uint64_t> confirms;
  std::vector<uint64_t> wanted;
  std::vector<proto::Locked> orphans;
  std::map<uint64_t, proto::RangeReply> replies;
};

class DataGroup {
 public:
  struct Member {
    FakeHost host;
    std::unique_ptr<DataMachine> machine;
  };

  explicit DataGroup(const DataOptions& with = {}) : options{with} {
    const proto::RangeDescriptor range{RangeId{7}, {"", "x"}, {1, 1}, {}, ReplicaId{3}};
    for (auto& member : members) {
      member.host.range = range;
      member.machine = std::make_unique<DataMachine>(member.host, options);
      member.machine->loaded();
    }
    elect(0);
    give();
  }

  FakeHost& host() { return members[leader].host; }
  DataMachine& machine() { return *members[leader].machine; }
  const proto::Epoch& epoch() { return host().range.epoch; }

  // The oracle: rises by 10, so that tests can name times between.
  Timestamp next_timestamp() { return Timestamp{now += 10}; }
  /// Answers the leader's questions for timestamps, those included that the answers lead to.
  void give() {
    while (!host().wanted.empty()) give_one();
  }
  void give_one() {
    const uint64_t cookie = host().wanted.front();
    host().wanted.erase(host().wanted.begin());
    machine().timestamp(cookie, next_timestamp());
  }

  /// Commits and applies at the leader the first `count` of its proposals, as one group.
  void commit(size_t count = SIZE_MAX) {
    count = std::min(count, host().proposals.size());
    if (count == 0) return;
    for (; count > 0; --count) {
      const auto proposal = host().proposals.front();
      host().proposals.pop_front();
      log.push_back(proposal.command);
      apply_next(leader, proposal.cookie);
    }
    machine().applied();
  }
  void confirm() {
    for (const uint64_t cookie : std::exchange(host().confirms, {})) machine().confirmed(cookie);
  }
  /// Grants everything until nothing is wanted.
  void settle() {
    while (!host().wanted.empty() || !host().proposals.empty() || !host().confirms.empty()) {
      give();
      commit();
      confirm();
    }
  }
  void catch_up(size_t i) {
    if (members[i].host.applied == log.size()) return;
    while (members[i].host.applied < log.size()) apply_next(i, std::nullopt);
    members[i].machine->applied();
  }

  /// `i` leads from now on. Of what the last leader proposed, the first `surviving` entries were replicated.
  void elect(size_t i, size_t surviving = 0) {
    auto proposals = host().proposals;
    if (host().leading) depose();
    for (size_t n = 0; n < surviving && n < proposals.size(); ++n) log.push_back(proposals[n].command);
    leader = i;
    catch_up(i);
    for (auto& member : members) member.host.known_leader = ReplicaId{i + 1};
    host().leading = host().lease = true;
    machine().became_leader();
  }
  void depose() {
    FakeHost& old = host();
    old.leading = old.lease = false;
    old.wanted.clear();
    for (const auto& proposal : std::exchange(old.proposals, {})) machine().dropped(proposal.cookie);
    for (const uint64_t cookie : std::exchange(old.confirms, {})) machine().dropped(cookie);
    machine().lost_leadership();
  }

  // Requests. send() returns what answer() takes.
  uint64_t send(proto::RangeRequestBody body) { return send({epoch(), std::move(body)}); }
  uint64_t send(const proto::RangeRequest& request) {
    machine().request({ConnectionId{1}, ++last_request}, codec::encode(request));
    return last_request;
  }
  std::optional<proto::RangeReply> reply_to(uint64_t request) {
    const auto* reply = found(request);
    return reply == nullptr ? std::nullopt : std::optional{*reply};
  }
  bool answered(uint64_t request) { return found(request) != nullptr; }
  template <class T>
  T answer(uint64_t request) {
    const auto* reply = found(request);
    REQUIRE(reply != nullptr);
    const auto* error = std::get_if<Error>(reply);
    INFO((error != nullptr ? to_string(*error) : ""));
    REQUIRE(std::holds_alternative<T>(*reply));
    return std::get<T>(*reply);
  }
  Code refusal(uint64_t request) { return answer<Error>(request).code; }

  /// Sends, grants everything, and wants an answer of this type.
  template <class T>
  T ask(proto::RangeRequestBody body) {
    const uint64_t request = send(std::move(body));
    settle();
    return answer<T>(request);
  }

  static proto::ReadRequest get(Timestamp ts, std::vector<Bytes> keys) { return {ts, std::move(keys), {}, false, 0, 0}; }
  static proto::ReadRequest scan(Timestamp ts, Bytes start, Bytes end, uint32_t rows_max = 100) {
    return {ts, {}, env::KeySpan{std::move(start), std::move(end)}, false, rows_max, 1 << 20};
  }
  static env::Write put(Bytes key, Bytes value) { return {env::WriteKind::put, std::move(key), std::move(value)}; }
  static env::Write insert(Bytes key, Bytes value) { return {env::WriteKind::insert, std::move(key), std::move(value)}; }
  static env::Write erase(Bytes key) { return {env::WriteKind::erase, std::move(key), {}}; }

  /// A transaction that begins and takes its C0 now.
  proto::CommitRequest txn(std::vector<env::Write> writes, std::vector<env::KeySpan> read_spans = {}) {
    const Timestamp read_ts = next_timestamp();
    return {{read_ts, next_timestamp()}, read_ts, std::move(writes), std::move(read_spans)};
  }
  /// The same, begun at `read_ts`.
  proto::CommitRequest txn_since(Timestamp read_ts, std::vector<env::Write> writes,
                                 std::vector<env::KeySpan> read_spans = {}) {
    return {{next_timestamp(), next_timestamp()}, read_ts, std::move(writes), std::move(read_spans)};
  }
  Timestamp commit_now(std::vector<env::Write> writes) {
    return ask<proto::CommitReply>(txn(std::move(writes))).commit_ts;
  }
  std::optional<Bytes> value(const Bytes& key) { return value(key, next_timestamp()); }
  std::optional<Bytes> value(const Bytes& key, Timestamp ts) { return ask<proto::ReadReply>(get(ts, {key})).values[0]; }

  /// What the oracle's log allows by now: thresholds up to `age` ago.
  void allow_threshold(uint64_t age) {
    for (auto& member : members) member.host.allowed.threshold = Timestamp{now - std::min(now, age)};
  }

  /// What all members' states must agree on at equal log positions.
  void check_replicas_agree() {
    for (size_t i = 0; i < members.size(); ++i) catch_up(i);
    CHECK(members[0].host.rows == members[1].host.rows);
    CHECK(members[0].machine->record() == members[1].machine->record());
  }

  const DataOptions options;
  std::array<Member, 2> members;
  size_t leader = 0;
  uint64_t now = 1000;
  std::vector<Bytes> log;
  uint64_t last_request = 0;

 private:
  const proto::RangeReply* found(uint64_t request) {
    for (const auto& member : members) {
      if (const auto reply = member.host.replies.find(request); reply != member.host.replies.end()) return &reply->second;
    }
    return nullptr;
  }
  void apply_next(size_t i, std::optional<uint64_t> cookie) {
    FakeHost& at = members[i].host;
    env::WriteBatch out;
    const uint64_t index = at.applied++;
    members[i].machine->apply(LogIndex{index + 1}, Term{1}, log[index], cookie, out);
    at.rows.apply(out);
    if (at.shrunk) at.range = *std::exchange(at.shrunk, std::nullopt);
  }
};

}  // namespace ddb::range::test
