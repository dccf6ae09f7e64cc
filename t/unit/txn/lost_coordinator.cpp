// A commit whose coordinator is lost at any step, with any of its requests delivered, lost or late, in any order: who meets
// what it left finds one outcome, and if the client heard of the commit, that is it (V1 to V5, P9).
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "base/overloaded.hpp"
#include "env/span.hpp"
#include "txn/coordinator.hpp"

using namespace ddb;
using namespace ddb::txn;
using env::Write;
using env::WriteKind;
using proto::RangeReply;
using proto::RecordKind;
using proto::RecoverReply;

namespace {

/// Two ranges: below and from "m" on.
class Halves final : public Ranges {
 public:
  env::KeySpan range_of(BytesView key) const override { return key < "m" ? env::KeySpan{{}, "m"} : env::KeySpan{"m", {}}; }
};

const Halves halves;

/// What ranges keep of a transaction, as the rules have it: one request after the other, each applied at once.
class Model {
 public:
  RangeReply answer(const proto::RangeRequestBody& body) {
    return std::visit([this](const auto& request) { return this->on(request); }, body);
  }

  std::map<Bytes, Bytes> values() const { return values_; }
  std::optional<proto::Attempt> recorded() const { return record_ ? std::optional{record_->attempt} : std::nullopt; }
  bool clean() const { return locks_.empty() && records_.empty(); }
  Timestamp min_commit_ts{};  // of locks at "z", if above C0: somebody has read there

 private:
  struct Lock {
    proto::Attempt attempt;
    Bytes anchor;
    Timestamp min_commit_ts;
    Bytes value;
  };
  struct Record {
    RecordKind kind;
    proto::Attempt attempt;
    std::vector<Bytes> keys;
    std::optional<Timestamp> commit_ts;
    std::vector<env::KeySpan> spans;
  };

  bool holds(const Bytes& key, const proto::Attempt& attempt) const {
    const auto lock = locks_.find(key);
    return lock != locks_.end() && lock->second.attempt == attempt;
  }
  bool closed(const proto::Attempt& attempt) const { return attempt.c0 <= record_floor_; }
  void resolve(const proto::Attempt& attempt, bool committed, const std::vector<Bytes>& keys) {
    for (const Bytes& key : keys) {
      if (!holds(key, attempt)) continue;
      if (committed) CHECK(values_.emplace(key, locks_.at(key).value).second);  // once
      locks_.erase(key);
    }
  }

  RangeReply on(const proto::PrepareRequest& r) {
    if (r.record != RecordKind::none && record_ && record_->commit_ts) return proto::SettleReply{record_->commit_ts};
    if (r.record != RecordKind::none && !record_ && closed(r.attempt)) return aborted;
    const auto held = std::ranges::count_if(r.writes, [&](const Write& write) { return holds(write.key, r.attempt); });
    Timestamp at = r.attempt.c0;
    for (const Write& write : r.writes) {
      if (write.key == "z") at = std::max(at, min_commit_ts);
      at = std::max(at, floor_[write.key].next());
    }
    if (held > 0) return static_cast<size_t>(held) == r.writes.size() ? RangeReply{proto::PrepareReply{locks_.at(r.writes.front().key).min_commit_ts}} : aborted;
    for (const Write& write : r.writes) {
      if (values_.contains(write.key)) return aborted;  // P3: a newer version
    }
    for (const Write& write : r.writes) locks_[write.key] = {r.attempt, r.anchor, at, write.value};
    if (r.record != RecordKind::none) record_ = Record{r.record, r.attempt, r.keys, {}, {}};
    if (r.record != RecordKind::none) records_.insert({r.anchor, true});
    return proto::PrepareReply{at};
  }
  RangeReply on(const proto::DecideRequest& r) {
    if (!record_) return settle_without_record(r.attempt);
    if (!record_->commit_ts) record_->commit_ts = r.commit_ts, record_->spans = r.spans;
    resolve(r.attempt, true, r.keys);
    return proto::SettleReply{record_->commit_ts};
  }
  RangeReply on(const proto::SettleRequest& r) {
    if (record_ && record_->commit_ts) return proto::SettleReply{record_->commit_ts};
    return settle_without_record(r.attempt);
  }
  RangeReply on(const proto::RecoverRequest& r) {
    if (record_ && record_->commit_ts) return RecoverReply{RecoverReply::State::committed, *record_->commit_ts, record_->keys, record_->spans};
    if (record_ && record_->kind == RecordKind::staging) return RecoverReply{RecoverReply::State::staging, {}, record_->keys};
    settle_without_record(r.attempt);  // PENDING: nobody has been heard of for long
    return RecoverReply{};
  }
  RangeReply on(const proto::QueryLocksRequest& r) {
    bool all = true;
    for (const Bytes& key : r.keys) {
      floor_[key] = std::max(floor_[key], r.attempt.c0);
      all = all && holds(key, r.attempt) && locks_.at(key).min_commit_ts <= r.attempt.c0;
    }
    return proto::QueryLocksReply{all};
  }
  RangeReply on(const proto::FindLocksRequest& r) {
    CHECK((record_ && record_->commit_ts));
    proto::FindLocksReply reply;
    for (const auto& [key, lock] : locks_) {  // one at a time
      if (!env::contains(r.span, key)) continue;
      if (!reply.keys.empty()) reply.next = key;
      if (reply.next) break;
      if (lock.attempt == r.attempt) reply.keys.push_back(key);
    }
    return reply;
  }
  RangeReply on(const proto::ResolveRequest& r) {
    if (r.commit_ts) CHECK((record_ && record_->commit_ts));  // P9
    resolve(r.attempt, r.commit_ts.has_value(), r.keys);
    return proto::Done{};
  }
  RangeReply on(const proto::ForgetRequest&) {
    CHECK(locks_.empty());  // P9
    records_.clear();
    return proto::Done{};
  }
  RangeReply on(const proto::ReadRequest& r) {
    const Bytes& key = r.keys.front();
    floor_[key] = std::max(floor_[key], r.read_ts);  // R3
    if (const auto lock = locks_.find(key); lock != locks_.end()) return proto::Locked{lock->second.attempt, lock->second.anchor, {key}};
    const auto value = values_.find(key);
    proto::ReadReply reply;
    reply.values = {value == values_.end() ? std::nullopt : std::optional{value->second}};
    return reply;
  }
  RangeReply on(const proto::ValidateRequest&) { return proto::Done{}; }
  RangeReply on(const auto&) {
    FAIL("not of this protocol");
    return proto::Done{};
  }

  /// V2.
  RangeReply settle_without_record(const proto::Attempt& attempt) {
    record_floor_ = std::max(record_floor_, attempt.c0);
    record_.reset();
    records_.clear();
    return proto::SettleReply{};
  }

  const Error aborted{Code::conflict, "the attempt was settled as aborted", {}, "a"};
  std::map<Bytes, Lock> locks_;
  std::map<Bytes, Bytes> values_;
  std::map<Bytes, Timestamp> floor_;
  std::map<Bytes, bool> records_;  // that nobody has said to be resolved
  std::optional<Record> record_;
  Timestamp record_floor_{};
};

/// One run: which of the requests under way is delivered next, until the coordinator is lost.
struct Run {
  explicit Run(const Options& options) : coordinator{std::in_place, options} {}

  void pump() {
    for (;;) {
      Effects effects = coordinator->take();
      if (effects.want_timestamp) coordinator->timestamp(Timestamp{clock += 10});
      for (auto& send : effects.sends) under_way.push_back(std::move(send));
      if (effects.outcome) outcome = std::move(effects.outcome);
      if (!coordinator->has_effects()) return;
    }
  }
  enum class Fate { answered, answer_lost, repeated };
  static constexpr size_t fates = 3;

  void deliver(size_t which, Fate fate) {
    const Send send = under_way[which];
    under_way.erase(under_way.begin() + static_cast<ptrdiff_t>(which));
    RangeReply reply = model.answer(*send.body);
    if (fate == Fate::answered) coordinator->reply(send.token, std::move(reply));
    if (fate == Fate::repeated) coordinator->no_answer(send.token, {Code::unknown_outcome, "the connection broke", {}, {}});
    pump();
  }

  Model model;
  std::optional<Coordinator> coordinator;
  std::vector<Send> under_way;
  std::optional<Result<Timestamp>> outcome;
  uint64_t clock = 10;
};

/// Reads `key`, finishing whoever is in the way.
std::optional<Bytes> read(Model& model, const Bytes& key) {
  Coordinator reader{Options{.ranges = &halves}};
  proto::ReadRequest request;
  request.keys = {key};
  reader.read(key, request);
  std::optional<Bytes> value;
  for (int steps = 0; reader.has_effects(); ++steps) {
    REQUIRE(steps < 100);
    Effects effects = reader.take();
    if (effects.want_timestamp) reader.timestamp(Timestamp{1000});
    for (const Send& send : effects.sends) reader.reply(send.token, model.answer(*send.body));
    for (const ReadDone& done : effects.reads) {
      REQUIRE(done.reply);
      value = done.reply->values[0];
    }
  }
  return value;
}

struct Case {
  bool staging = true;
  uint64_t min_commit_ts = 0;  // at "z"
};

const std::vector<Bytes> keys{"a", "b", "z"};

std::unique_ptr<Run> start(const Case& with) {
  auto run = std::make_unique<Run>(Options{.ranges = &halves, .staging_keys_max = with.staging ? 8u : 1u});
  run->model.min_commit_ts = Timestamp{with.min_commit_ts};
  std::vector<Write> writes;
  for (const Bytes& key : keys) writes.push_back({WriteKind::put, key, "new"});
  run->coordinator->commit(std::move(writes));
  run->pump();
  return run;
}

/// Makes the choices of `path`: which request, and its fate. Returns how many there are at its end.
size_t follow(Run& run, const std::vector<size_t>& path) {
  for (const size_t choice : path) run.deliver(choice / Run::fates, Run::Fate{static_cast<int>(choice % Run::fates)});
  return Run::fates * run.under_way.size();
}

/// V4: what the leaders find of it is cleared away: locks that were not met, and the record.
void sweep(Model& model) {
  const auto attempt = model.recorded();
  if (!attempt) return;
  Calls calls;
  Recovery recovery{calls, halves};
  recovery.clear_away({*attempt, keys.front(), {keys.front()}}, [] {});
  for (int steps = 0; calls.has_sends(); ++steps) {
    REQUIRE(steps < 100);
    for (const Send& send : calls.take()) calls.reply(send.token, model.answer(*send.body));
  }
}

/// The coordinator is gone. What it had sent may arrive before anyone looks, or after, or never.
void judge(Run& run, bool late, bool swept) {
  const bool told = run.outcome && *run.outcome;
  run.coordinator.reset();
  if (swept) sweep(run.model);
  const auto found = read(run.model, keys.front());
  if (late) {
    for (const Send& send : run.under_way) run.model.answer(*send.body);
  }
  if (told) CHECK(found == "new");
  for (const Bytes& key : keys) CHECK(read(run.model, key) == found);  // all, or nothing
  for (const Bytes& key : keys) CHECK(read(run.model, key) == found);  // for good
  sweep(run.model);
  CHECK(run.model.clean());
}

/// Every path up to `depth` choices, and every way to go on from its end.
size_t explore(const Case& with, std::vector<size_t>& path, size_t depth) {
  size_t runs = 0;
  size_t choices = 0;
  for (const bool late : {false, true}) {
    for (const bool swept : {false, true}) {
      const auto run = start(with);
      choices = follow(*run, path);
      judge(*run, late, swept);
      ++runs;
    }
  }
  if (depth == 0) return runs;
  for (size_t choice = 0; choice < choices; ++choice) {
    path.push_back(choice);
    runs += explore(with, path, depth - 1);
    path.pop_back();
  }
  return runs;
}

}  // namespace

TEST_CASE("V1 to V5: a coordinator lost at any step: one outcome, the one that the client has heard, and nothing is left behind") {
  Case with;
  SUBCASE("STAGING") {}
  SUBCASE("STAGING, a lock above C0 (P7)") { with.min_commit_ts = 25; }
  SUBCASE("PENDING (P2)") { with.staging = false; }
  std::vector<size_t> path;
  CHECK(explore(with, path, 6) > 1'000);
}

TEST_CASE("without any loss all is committed, and nothing is left behind") {
  const auto run = start({});
  while (!run->under_way.empty()) run->deliver(0, Run::Fate::answered);
  REQUIRE(run->outcome);
  CHECK(*run->outcome == Timestamp{20});
  CHECK(run->model.values().size() == keys.size());
  CHECK(run->model.clean());
}
