// Stores with one or more groups over them: real cores, no disk but memory, time and messages by decree.
#pragma once

#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <memory>

#include "range/store.hpp"
#include "unit/support/memory_state.hpp"

namespace ddb::range::test {

/// Answers each request, "yes" or "no", by what its quorum confirms.
class AskingMachine final : public Machine {
 public:
  explicit AskingMachine(MachineHost& host) : host_{host} {}

  void apply(LogIndex, Term, BytesView, std::optional<uint64_t>, env::WriteBatch&) override {}
  void request(RequestToken from, BytesView) override {
    if (!host_.leads()) return host_.reply(from, "elsewhere");
    waiting_[++last_] = from;
    host_.confirm(last_);
  }
  void became_leader() override {}
  void lost_leadership() override {}
  void dropped(uint64_t cookie) override { answer(cookie, "no"); }
  void confirmed(uint64_t cookie) override { answer(cookie, "yes"); }
  std::vector<env::TableSpan> spans(const proto::RangeDescriptor&) const override { return {}; }

 private:
  void answer(uint64_t cookie, Bytes what) {
    if (const auto found = waiting_.extract(cookie)) host_.reply(found.mapped(), std::move(what));
  }

  MachineHost& host_;
  uint64_t last_ = 0;
  std::map<uint64_t, RequestToken> waiting_;
};

class StoreGroup : private env::SnapshotFiles {
 public:
  static constexpr size_t count = 3;
  static constexpr Duration step = std::chrono::milliseconds{5};

  struct Member {
    ddb::test::MemoryState state;         // as of the last flush: what a restart finds
    ddb::test::MemoryState live;
    std::deque<proto::LogBatch> log;
    BatchNumber last_batch;
    Incarnation incarnation;
    std::unique_ptr<Store> store;         // null: down
    std::optional<proto::LogBatch> writing;
    bool disk_stalls = false;
    uint64_t ticks = 0;
    std::deque<std::pair<Bytes, uint64_t>> replies;  // with the requests' numbers
  };

  explicit StoreGroup(size_t ranges = 1, bool has_oracle = false) : has_oracle_{has_oracle} {
    for (size_t i = 0; i < count; ++i) start(i);
    for (auto& member : members) {
      for (size_t r = 1; r <= ranges; ++r) member.store->create(descriptor(RangeId{r}));
    }
  }

  void start(size_t i) {
    Member& member = members[i];
    member.incarnation = member.incarnation.next();
    member.live = member.state;
    StoreOptions options;
    options.seed = 77 + i;
    options.has_oracle = has_oracle_;
    auto store = Store::recover(options, {1, store_id(i), NodeId{i + 1}, member.incarnation}, member.live, *this,
                                {member.log.begin(), member.log.end()}, member.last_batch.next(),
                                [](MachineHost& host) { return std::make_unique<AskingMachine>(host); }, now);
    REQUIRE(store);
    member.store = std::move(*store);
  }
  void kill(size_t i) {
    members[i].store.reset();
    members[i].writing.reset();
  }

  void run(Duration time) {
    for (const Instant end = now + time; now < end; now += step) {
      for (size_t i = 0; i < count; ++i) {
        if (members[i].store) turn(i);
      }
    }
  }
  void request(size_t i, uint64_t number, RangeId range = RangeId{1}) {
    members[i].store->request({ConnectionId{1}, number}, range, "?", now);
  }

  const Replica& replica(size_t i, RangeId range = RangeId{1}) const {
    const Replica* found = members[i].store->replica(range);
    REQUIRE(found != nullptr);
    return *found;
  }
  std::optional<size_t> leader(RangeId range = RangeId{1}) const {
    std::optional<size_t> found;
    for (size_t i = 0; i < count; ++i) {
      if (!members[i].store || !replica(i, range).leads()) continue;
      if (!found || replica(i, range).term() > replica(*found, range).term()) found = i;
    }
    return found;
  }
  size_t quiet(RangeId range = RangeId{1}) const {
    size_t n = 0;
    for (const auto& member : members) n += member.store && member.store->replica(range)->quiet();
    return n;
  }

  Instant now{std::chrono::hours{1}};
  std::array<Member, count> members;
  uint64_t messages = 0;  // delivered, beside empty batches
  bool oracle_answers = true;
  std::function<bool(size_t from, size_t to, const proto::PeerMessage&)> loses;  // may be empty

 private:
  static StoreId store_id(size_t i) { return StoreId{100 + i}; }
  static proto::RangeDescriptor descriptor(RangeId id) {
    const Bytes start(1, static_cast<char>(id.value)), end(1, static_cast<char>(id.value + 1));
    proto::RangeDescriptor range{id, {start, end}, {1, 1}, {}, ReplicaId{count + 1}};
    for (size_t i = 0; i < count; ++i) range.replicas.push_back({ReplicaId{i + 1}, store_id(i), NodeId{i + 1}});
    return range;
  }

  void turn(size_t i) {
    Member& member = members[i];
    Store& store = *member.store;
    if (member.writing && !member.disk_stalls) {
      member.last_batch = member.writing->number;
      member.log.push_back(*std::exchange(member.writing, std::nullopt));
      store.batch_proven(member.last_batch, now);
    }
    for (auto& batch : std::exchange(inbox_[i], {})) deliver(i, std::move(batch));
    if (now >= store.next_tick()) {
      ++member.ticks;
      store.tick(now, 0);
    }
    store.settle(now);
    auto out = store.take();
    REQUIRE_FALSE(out.failed);
    for (auto& batch : out.messages) inbox_[batch.to.value - 100].push_back(std::move(batch));
    for (auto& reply : out.replies) member.replies.emplace_back(std::move(reply.body), reply.to.request);
    for (auto& call : out.oracle_calls) answer(store, call);
    if (!member.writing) member.writing = store.next_batch(now);
    if (store.wants_flush()) flush(member);
  }

  void deliver(size_t to, proto::PeerBatch batch) {
    const size_t from = batch.from.value - 100;
    if (!members[from].store) return;
    if (loses) std::erase_if(batch.messages, [&](const auto& message) { return loses(from, to, message); });
    messages += batch.messages.size();
    members[to].store->peer(batch, now);
  }

  void answer(Store& store, const OracleCall& call) {
    const bool heartbeat = std::holds_alternative<proto::StoreHeartbeatRequest>(call.request);
    if (heartbeat && oracle_answers) return store.oracle_answer(call.token, proto::OracleReply{proto::DoneReply{}}, now);
    store.oracle_answer(call.token, fail(Code::unavailable, "no oracle"), now);
  }

  void flush(Member& member) {
    env::WriteBatch records;
    const Checkpoint checkpoint = member.store->checkpoint(records);
    member.live.apply(records);
    member.state = member.live;
    member.store->flushed(checkpoint, now);
  }

  void make(uint64_t, Bytes, std::vector<env::TableSpan>) override { FAIL("nobody lags here"); }
  void scan(uint64_t, std::vector<env::TableSpan>) override { FAIL("nothing is checked here"); }
  Result<Bytes> read(uint64_t, uint64_t, size_t) override { return fail(Code::io, "no files"); }
  Result<void> write(uint64_t, uint64_t, BytesView) override { return fail(Code::io, "no files"); }
  void seal(uint64_t) override {}
  void drop(uint64_t) override {}

  const bool has_oracle_;
  std::array<std::vector<proto::PeerBatch>, count> inbox_;
};

}  // namespace ddb::range::test
