// Random clients on a range whose leaders fall, whose lease comes and goes and whose answers take any time:
// every history is strictly serializable, and every attempt happens once or not at all.
#include <doctest/doctest.h>

#include <set>

#include "env/random.hpp"
#include "unit/range/data_group.hpp"

using namespace ddb;
using range::test::DataGroup;

namespace {

constexpr int steps = 1500;
constexpr uint64_t keys = 6;

Bytes key_of(uint64_t n) { return Bytes(1 + n % 2, static_cast<char>('a' + n / 2)); }  // a aa b bb c cc

/// A read and what it returned, at the transaction's read_ts.
struct Seen {
  env::KeySpan span;
  std::vector<env::KeyValue> rows;
};

struct Txn {
  enum class Fate { open, committed, aborted, unknown, read_only };
  Fate fate = Fate::open;
  Timestamp read_ts;
  std::vector<Seen> reads;
  proto::CommitRequest commit;
  Timestamp commit_ts;
};

/// One client: one transaction after another, one request at a time.
struct Client {
  size_t txn = 0;
  int reads_left = 0;
  uint64_t request = 0;  // not answered yet; zero: none
  proto::RangeRequestBody sent;
};

class History {
 public:
  explicit History(uint64_t seed) : random_{seed}, group_{options()} {
    group_.now = 1'000'000'000;
    clients_.resize(5);
    for (auto& client : clients_) begin(client);
  }

  void run() {
    for (int step = 0; step < steps; ++step) disturb();
    group_.host().lease = true;
    group_.host().full = false;
    closing_ = true;
    for (int step = 0; step < 200; ++step) {
      group_.settle();
      for (auto& client : clients_) take_answer(client);
    }
    verify();
  }
  size_t committed() const {
    return static_cast<size_t>(std::count_if(txns_.begin(), txns_.end(), [](const Txn& t) { return t.fate == Txn::Fate::committed; }));
  }

 private:
  range::DataOptions options() {
    range::DataOptions options;
    options.recent_writes_max = 8;
    options.collect = {.piece_max = 3};
    return options;
  }

  void disturb() {
    switch (random_.below(20)) {
      case 0: if (random_.one_in(8)) group_.elect(random_.below(2), random_.below(4)); break;
      case 1: group_.host().lease = !random_.one_in(3); break;
      case 2: group_.host().full = random_.one_in(4); break;
      case 3: if (random_.one_in(10)) split(); break;
      case 4: repeat_old_commit(); break;
      case 5: group_.machine().tick(); break;
      case 6: if (young_versions_go_) group_.allow_threshold(Timestamp::of(1, 0).value); break;
      case 7: case 8: case 9: group_.commit(1 + random_.below(3)); break;
      case 10: case 11: group_.confirm(); break;
      case 12: case 13: case 14: if (!group_.host().wanted.empty()) group_.give_one(); break;
      default: take_answer(clients_[random_.below(clients_.size())]);
    }
  }

  /// The same range under a new split version, as if it had split and merged.
  void split() {
    for (size_t i = 0; i < 2; ++i) group_.catch_up(i);
    for (auto& member : group_.members) ++member.host.range.epoch.split;
    splits_.emplace_back(group_.log.size(), group_.epoch().split);
  }

  /// V5: a delayed duplicate, of whatever became of the first.
  void repeat_old_commit() {
    const auto& txn = txns_[random_.below(txns_.size())];
    if (txn.commit.writes.empty()) return;
    group_.send(random_.one_in(4) ? proto::RangeRequestBody{proto::SettleRequest{txn.commit.attempt, txn.commit.writes[0].key}}
                                  : proto::RangeRequestBody{txn.commit});
  }

  env::KeySpan random_span() {
    const Bytes start = key_of(random_.below(keys));
    if (random_.one_in(2)) return env::point_span(start);
    const Bytes end = key_of(random_.below(keys));
    return start < end ? env::KeySpan{start, end} : env::KeySpan{end, start};
  }

  void send(Client& client, proto::RangeRequestBody body) {
    client.sent = body;
    client.request = group_.send(std::move(body));
  }

  void begin(Client& client) {
    client.txn = txns_.size();
    client.request = 0;
    client.reads_left = closing_ ? 0 : static_cast<int>(random_.below(3));
    txns_.push_back({});
    txns_.back().read_ts = group_.next_timestamp();
    if (!closing_) go_on(client);
  }

  void go_on(Client& client) {
    Txn& txn = txns_[client.txn];
    if (client.reads_left > 0) {
      txn.reads.push_back({random_span(), {}});
      const env::KeySpan& span = txn.reads.back().span;
      proto::ReadRequest read{txn.read_ts, {}, {}, random_.one_in(2), 100, 1000};
      env::is_point(span) ? read.keys.push_back(span.start) : void(read.scan = span);
      return send(client, read);
    }
    if (!txn.reads.empty() && random_.one_in(4)) {
      txn.fate = Txn::Fate::read_only;
      return begin(client);
    }
    std::set<Bytes> written;
    for (uint64_t n = 1 + random_.below(2); n > 0; --n) written.insert(key_of(random_.below(keys)));
    for (const Bytes& key : written) {
      const auto kind = static_cast<env::WriteKind>(1 + random_.below(3));
      const Bytes value = kind == env::WriteKind::erase ? Bytes{} : "txn" + std::to_string(client.txn);
      txn.commit.writes.push_back({kind, key, value});
    }
    for (const Seen& seen : txn.reads) txn.commit.read_spans.push_back(seen.span);
    txn.commit.read_ts = txn.read_ts;
    txn.commit.attempt = {txn.read_ts, group_.next_timestamp()};
    send(client, txn.commit);
  }

  void take_answer(Client& client) {
    if (client.request == 0) return begin(client);
    const auto reply = group_.reply_to(client.request);
    if (reply) std::visit([&](const auto& r) { take(client, txns_[client.txn], r); }, *reply);
  }
  void take(Client& client, Txn& txn, const proto::ReadReply& reply) {
    Seen& seen = txn.reads.back();
    seen.rows = reply.rows;
    if (!reply.values.empty() && reply.values[0]) seen.rows.push_back({seen.span.start, *reply.values[0]});
    std::sort(seen.rows.begin(), seen.rows.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
    --client.reads_left;
    go_on(client);
  }
  void take(Client& client, Txn& txn, const proto::CommitReply& reply) {
    CHECK(reply.commit_ts < group_.next_timestamp());  // real time: who begins now reads above it
    end(client, txn, Txn::Fate::committed, reply.commit_ts);
  }
  void take(Client& client, Txn& txn, const proto::SettleReply& reply) {
    end(client, txn, reply.commit_ts ? Txn::Fate::committed : Txn::Fate::aborted, reply.commit_ts.value_or(Timestamp{}));
  }
  void take(Client&, Txn&, const proto::SplitReply&) { FAIL("nobody splits"); }
  void take(Client& client, Txn& txn, const proto::Redirect&) {
    const bool commits = !std::holds_alternative<proto::ReadRequest>(client.sent);
    if (commits && random_.one_in(2)) {
      send(client, proto::SettleRequest{txn.commit.attempt, txn.commit.writes[0].key});
    } else {
      send(client, client.sent);
    }
  }
  void take(Client&, Txn&, const auto&) { FAIL("an answer that nobody asked for"); }
  void take(Client& client, Txn& txn, const Error& error) {
    if (error.code == Code::try_again) return send(client, client.sent);
    INFO(to_string(error));
    const bool known = error.code == Code::conflict || error.code == Code::exists ||
                       error.code == Code::too_old || error.code == Code::unknown_outcome;
    REQUIRE(known);
    if (error.code == Code::too_old) txn.reads.pop_back();
    end(client, txn, error.code == Code::unknown_outcome ? Txn::Fate::unknown : Txn::Fate::aborted, {});
  }
  void end(Client& client, Txn& txn, Txn::Fate fate, Timestamp commit_ts) {
    txn.fate = fate;
    txn.commit_ts = commit_ts;
    begin(client);
  }

  /// All commits that took effect, by timestamp.
  std::map<Timestamp, range::CommitCommand> effects() {
    std::map<Timestamp, range::CommitCommand> effects;
    std::set<proto::Attempt> attempts;
    for (size_t i = 0; i < group_.log.size(); ++i) {
      const auto command = codec::decode<range::DataCommand>(group_.log[i]);
      REQUIRE(command);
      uint64_t split = 1;
      for (const auto& [from, version] : splits_) split = from <= i ? version : split;
      const auto* commit = std::get_if<range::CommitCommand>(&command->body);
      if (commit == nullptr || command->split != split) continue;
      REQUIRE(attempts.insert(commit->attempt).second);  // once
      REQUIRE(effects.emplace(commit->commit_ts, *commit).second);
    }
    return effects;
  }

  void verify() {
    group_.check_replicas_agree();
    const auto effects_by_time = effects();
    const auto rows_at = [&](const env::KeySpan& span, Timestamp ts) {
      std::map<Bytes, Bytes> rows;
      for (const auto& [at, commit] : effects_by_time) {
        if (at > ts) break;
        for (const auto& write : commit.writes) {
          if (!env::contains(span, write.key)) continue;
          rows.erase(write.key);
          if (write.row) rows.emplace(write.key, *write.row);
        }
      }
      std::vector<env::KeyValue> list;
      for (const auto& [key, value] : rows) list.push_back({key, value});
      return list;
    };
    for (const Txn& txn : txns_) {
      for (const Seen& seen : txn.reads) {
        if (txn.fate == Txn::Fate::open) continue;
        REQUIRE(seen.rows == rows_at(seen.span, txn.read_ts));  // a snapshot
        // ... that still held when it committed: nothing came between.
        if (txn.fate == Txn::Fate::committed) REQUIRE(seen.rows == rows_at(seen.span, txn.commit_ts.prev()));
      }
      const auto effect = effects_by_time.find(txn.commit_ts);
      const bool took_effect = std::any_of(effects_by_time.begin(), effects_by_time.end(), [&](const auto& entry) {
        return entry.second.attempt == txn.commit.attempt;
      });
      if (txn.fate == Txn::Fate::aborted) REQUIRE_FALSE(took_effect);
      if (txn.fate != Txn::Fate::committed) continue;
      REQUIRE(effect != effects_by_time.end());
      REQUIRE(effect->second.attempt == txn.commit.attempt);
      for (const auto& write : txn.commit.writes) {
        const auto before = rows_at(env::point_span(write.key), txn.commit_ts.prev());
        if (write.kind == env::WriteKind::insert) REQUIRE(before.empty());
      }
    }
    const Timestamp now = group_.next_timestamp();
    CHECK(group_.ask<proto::ReadReply>(DataGroup::scan(now, "", "x")).rows == rows_at({"", "x"}, now));
    CHECK(group_.machine().record().rows == rows_at({"", "x"}, now).size());
  }

  Random random_;
  const bool young_versions_go_ = random_.one_in(2);
  DataGroup group_;
  std::vector<Txn> txns_;
  std::vector<Client> clients_;
  std::vector<std::pair<size_t, uint64_t>> splits_;  // from this length of the log on
  bool closing_ = false;
};

}  // namespace

TEST_CASE("random histories are strictly serializable, and no attempt happens twice") {
  size_t committed = 0;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    CAPTURE(seed);
    History history{seed};
    history.run();
    committed += history.committed();
  }
  CHECK(committed > 3000);
}
