// A Raft group of oracle machines without Raft: one log, elections and commits by decree.
#pragma once

#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <memory>

#include "env/random.hpp"
#include "oracle/machine.hpp"

namespace ddb::oracle {

/// Ordered tables in memory.
class MemoryState final : public env::State {
 public:
  using Rows = std::map<Bytes, Bytes, std::less<>>;

  std::optional<BytesView> get(env::Table table, BytesView key) override {
    const auto& rows = tables[static_cast<size_t>(table)];
    const auto found = rows.find(key);
    if (found == rows.end()) return std::nullopt;
    return found->second;
  }
  std::unique_ptr<env::Cursor> cursor(env::Table table) override {
    return std::make_unique<RowCursor>(tables[static_cast<size_t>(table)]);
  }
  void apply(const env::WriteBatch& batch) override {
    for (const auto& op : batch.ops) {
      CHECK(op.key.size() <= env::table_key_bytes_max);
      auto& rows = tables[static_cast<size_t>(op.table)];
      if (op.value) {
        rows.insert_or_assign(op.key, *op.value);
      } else {
        rows.erase(op.key);
      }
    }
  }

  std::array<Rows, env::table_count> tables;

 private:
  class RowCursor final : public env::Cursor {
   public:
    explicit RowCursor(const Rows& rows) : rows_{rows}, at_{rows.end()} {}
    bool seek(BytesView key) override { return at_ = rows_.lower_bound(key), valid(); }
    bool seek_before(BytesView key) override {
      at_ = rows_.lower_bound(key);
      return prev();
    }
    bool next() override { return ++at_, valid(); }
    bool prev() override {
      if (at_ == rows_.begin()) return at_ = rows_.end(), false;
      return --at_, true;
    }
    bool valid() const override { return at_ != rows_.end(); }
    BytesView key() const override { return at_->first; }
    BytesView value() const override { return at_->second; }

   private:
    const Rows& rows_;
    Rows::const_iterator at_;
  };
};

struct Answer {
  range::RequestToken to;
  proto::OracleReply reply;
};

/// What one member's machine sees of the world.
class FakeHost final : public range::MachineHost {
 public:
  struct Proposal {
    Bytes command;
    uint64_t cookie;
  };

  Instant now() const override { return clock; }
  uint64_t wall_millis() const override { return wall; }
  uint64_t random() override { return 4; }
  env::State& state() override { return rows; }
  const proto::RangeDescriptor& descriptor() const override { return range; }
  bool leads() const override { return leading; }
  Term term() const override { return at_term; }
  ReplicaId leader() const override { return known_leader; }
  bool lease_valid() const override { return leading && lease; }
  bool space_low() const override { return space_is_low; }
  Result<LogIndex> propose(Bytes command, uint64_t cookie) override {
    if (!leading) return fail(Code::not_leader, "not the leader");
    if (full) return fail(Code::try_again, "too much uncommitted");
    proposals.push_back({std::move(command), cookie});
    return LogIndex{applied + proposals.size()};
  }
  void confirm(uint64_t cookie) override { confirms.push_back(cookie); }
  void want_timestamp(uint64_t) override { FAIL("the oracle asks itself for nothing"); }
  void reply(range::RequestToken to, Bytes body) override {
    auto reply = codec::decode<proto::OracleReply>(body);
    REQUIRE(reply);
    answers.push_back({to, std::move(*reply)});
  }

  Instant clock{std::chrono::hours{5}};
  uint64_t wall = 1'700'000'000'000;
  MemoryState rows;
  proto::RangeDescriptor range;
  bool leading = false;
  bool lease = false;
  bool full = false;
  bool space_is_low = false;
  Term at_term;
  ReplicaId known_leader;
  uint64_t applied = 0;  // entries of the group's log
  std::vector<Proposal> proposals;
  std::vector<uint64_t> confirms;
  std::vector<Answer> answers;
};

inline proto::FoundingRecord three_members() {
  return {77, {{"a:1", StoreId{11}}, {"b:2", StoreId{22}}, {"c:3", StoreId{33}}}};
}

class FakeGroup {
 public:
  static constexpr size_t size = 3;

  struct Member {
    FakeHost host;
    MemoryState durable;  // what a crash leaves of the state, as of `durable_applied`
    uint64_t durable_applied = 0;
    std::unique_ptr<Machine> machine;
  };

  explicit FakeGroup(const Options& with = {}) : options{with} {
    for (size_t i = 0; i < size; ++i) {
      env::WriteBatch birth;
      found(three_members(), 3, birth);
      members[i].durable.apply(birth);
      members[i].host.range = founding_descriptor(three_members());
      restart(i);
    }
    elect(0);
  }

  FakeHost& host() { return members[leader].host; }
  Machine& machine() { return *members[leader].machine; }

  /// Time goes on for all.
  void pass(Duration time) {
    for (auto& member : members) {
      member.host.clock += time;
      member.host.wall += static_cast<uint64_t>(time / std::chrono::milliseconds{1});
    }
  }
  void tick() { machine().tick(); }
  /// A while goes by, in ticks, with everything committed.
  void run(Duration time) {
    for (Duration step{}; step < time; step += std::chrono::milliseconds{100}) {
      pass(std::chrono::milliseconds{100});
      tick();
      commit();
    }
  }

  /// Commits the leader's proposals, those included that applying them leads to; at most `count`.
  void commit(size_t count = SIZE_MAX) {
    for (; count > 0 && !host().proposals.empty(); --count) {
      const auto proposal = host().proposals.front();
      host().proposals.erase(host().proposals.begin());
      log.push_back(proposal.command);
      apply_next(leader, proposal.cookie);
    }
  }
  void confirm() {
    for (const uint64_t cookie : std::exchange(host().confirms, {})) machine().confirmed(cookie);
  }
  void catch_up(size_t i) {
    while (members[i].host.applied < log.size()) apply_next(i, std::nullopt);
  }

  /// `i` leads from now on. Of what the last leader proposed, `surviving` entries get committed all the same.
  /// With `tell` false the last leader does not hear of it: it is cut off, and has no lease any more.
  void elect(size_t i, size_t surviving = 0, bool tell = true) {
    term = term.next();
    auto& last = members[leader].host;
    for (size_t n = 0; n < surviving && n < last.proposals.size(); ++n) log.push_back(last.proposals[n].command);
    if (last.leading && tell) depose(leader);
    last.lease = false;
    leader = i;
    catch_up(i);
    if (members[i].host.leading) depose(i);
    for (auto& member : members) {
      if (!tell && &member.host == &last) continue;
      member.host.known_leader = ReplicaId{i + 1};
      member.host.at_term = term;
    }
    host().leading = host().lease = true;
    machine().became_leader();
  }

  void depose(size_t i) {
    auto& host_ = members[i].host;
    host_.leading = host_.lease = false;
    for (const auto& proposal : std::exchange(host_.proposals, {})) members[i].machine->dropped(proposal.cookie);
    for (const uint64_t cookie : std::exchange(host_.confirms, {})) members[i].machine->dropped(cookie);
    members[i].machine->lost_leadership();
  }

  void flush(size_t i) {
    members[i].durable = members[i].host.rows;
    members[i].durable_applied = members[i].host.applied;
  }
  /// Crash and restart: what was in memory is gone, the log is replayed over what was flushed.
  void restart(size_t i) {
    auto& member = members[i];
    member.host.rows = member.durable;
    member.host.applied = member.durable_applied;
    member.host.leading = member.host.lease = false;
    member.host.proposals.clear();
    member.host.confirms.clear();
    REQUIRE(check(member.host.rows));
    Options own = options;
    own.self = ReplicaId{i + 1};
    member.machine = std::make_unique<Machine>(member.host, own);
    member.machine->loaded();
    catch_up(i);
  }

  // Requests to the leader.
  range::RequestToken send(const proto::OracleRequest& request, uint64_t connection = 1) {
    return send_to(leader, request, connection);
  }
  range::RequestToken send_to(size_t i, const proto::OracleRequest& request, uint64_t connection = 1) {
    const range::RequestToken token{range::ConnectionId{connection}, ++last_request};
    members[i].machine->request(token, codec::encode(request));
    return token;
  }
  /// Takes the answers to one request out of what its member has said.
  std::vector<proto::OracleReply> answers(range::RequestToken to) { return answers_of(leader, to); }
  std::vector<proto::OracleReply> answers_of(size_t i, range::RequestToken to) {
    std::vector<proto::OracleReply> mine;
    std::erase_if(members[i].host.answers, [&](const Answer& answer) {
      if (answer.to.connection != to.connection || answer.to.request != to.request) return false;
      mine.push_back(answer.reply);
      return true;
    });
    return mine;
  }
  /// Sends and commits, and wants one answer of type T.
  template <class T>
  T ask(const proto::OracleRequest& request) {
    const auto token = send(request);
    commit();
    const auto replies = answers(token);
    REQUIRE(replies.size() == 1);
    if (const auto* error = std::get_if<Error>(&replies[0])) INFO(to_string(*error));
    REQUIRE(std::holds_alternative<T>(replies[0]));
    return std::get<T>(replies[0]);
  }
  Code refusal(const proto::OracleRequest& request) { return ask<Error>(request).code; }

  Revision put(const Bytes& key, const Bytes& value, LeaseId lease = {}) {
    const auto result = ask<env::MetaTxnResult>(proto::MetaTxnRequest{{}, {{key, value, {}, lease}}, 0});
    CHECK(result.succeeded);
    return result.revision;
  }
  Revision erase(const Bytes& key, const Bytes& end = {}) {
    return ask<env::MetaTxnResult>(proto::MetaTxnRequest{{}, {{key, std::nullopt, end, {}}}, 0}).revision;
  }
  std::vector<env::MetaEntry> get(const Bytes& key, const Bytes& end = {}) {
    return ask<env::MetaRange>(proto::MetaRangeRequest{key, end}).entries;
  }
  Timestamp timestamp(uint32_t count = 1) { return ask<proto::TimestampReply>(proto::TimestampRequest{count}).first; }

  const Options options;
  std::array<Member, size> members;
  size_t leader = 0;
  Term term;
  std::vector<Bytes> log;
  uint64_t last_request = 0;

 private:
  void apply_next(size_t i, std::optional<uint64_t> cookie) {
    auto& host_ = members[i].host;
    env::WriteBatch out;
    const uint64_t index = host_.applied++;
    members[i].machine->apply(LogIndex{index + 1}, term, log[index], cookie, out);
    host_.rows.apply(out);
    members[i].machine->applied();
  }
};

}  // namespace ddb::oracle
