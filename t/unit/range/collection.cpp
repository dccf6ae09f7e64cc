// How far ranges may collect: stores and readers before the oracle's log (F3, H2).
#include <doctest/doctest.h>

#include <map>

#include "codec/archive.hpp"
#include "range/collection.hpp"

using namespace ddb;
using namespace ddb::range;

namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr uint64_t second = Timestamp::of(1000, 0).value;

/// The metadata, and stores that ask it one question at a time.
class Oracle {
 public:
  proto::OracleReply answer(const proto::OracleRequest& request) {
    if (std::holds_alternative<proto::TimestampRequest>(request)) return proto::TimestampReply{Timestamp{now += 10}};
    if (const auto* range = std::get_if<proto::MetaRangeRequest>(&request)) return read(*range);
    return run(std::get<proto::MetaTxnRequest>(request));
  }
  env::MetaTxnResult run(const proto::MetaTxnRequest& txn) {
    for (const auto& compare : txn.compares) {
      const auto found = rows.find(compare.key);
      if ((found == rows.end() ? Revision{} : found->second.mod_revision) != compare.mod_revision) return {};
    }
    revision = revision.next();
    for (const auto& op : txn.ops) {
      if (op.value) put(op.key, *op.value);
      else rows.erase(op.key);
    }
    return {true, revision};
  }
  env::MetaRange read(const proto::MetaRangeRequest& asked) const {
    env::MetaRange found{revision, {}};
    for (const auto& [key, entry] : rows) {
      if (asked.end.empty() ? key == asked.key : key >= asked.key && key < asked.end) found.entries.push_back(entry);
    }
    return found;
  }
  void put(const Bytes& key, Bytes value) { rows[key] = {key, std::move(value), revision, revision, 1, {}}; }
  proto::CollectState state() const {
    const auto state = proto::read_collect_state(read({proto::collect_prefix, prefix_end(proto::collect_prefix)}));
    REQUIRE(state);
    return *state;
  }
  bool protect(const proto::CollectState& seen, Timestamp ts, uint64_t lease) {
    const auto request = proto::protect_reader(seen, ts, LeaseId{lease});
    return request && run(*request).succeeded;
  }
  bool protect(Timestamp ts, uint64_t lease) { return protect(state(), ts, lease); }

  uint64_t now = 1'000'000 * second;
  Revision revision{1};
  std::map<Bytes, env::MetaEntry> rows;
};

struct AskingStore {
  explicit AskingStore(Oracle& the_oracle) : oracle{the_oracle} {}

  /// The questions that are out; answered one after the other by step().
  bool step() {
    timestamps.pump(clock);
    for (auto& call : calls.take()) asked.push_back(std::move(call));
    if (asked.empty()) return false;
    const OracleCall call = asked.front();
    asked.erase(asked.begin());
    calls.answer(call.token, oracle.answer(call.request));
    return true;
  }
  /// A minute later, in the oracle's time as well.
  void look() {
    clock += minutes{1};
    oracle.now += 60 * second;
    collection.tick(clock);
    while (step()) ++questions;
  }
  Timestamp threshold() const { return collection.allowance().threshold; }

  Oracle& oracle;
  Instant clock{std::chrono::hours{1}};
  bool wanted = true;
  int questions = 0;
  OracleCalls calls;
  TimestampQueue timestamps{calls};
  std::vector<OracleCall> asked;
  Collection collection{calls, timestamps, minutes{10}, [this] { return wanted; }};
};

}  // namespace

TEST_CASE("F3: what is allowed follows the oracle's time at the age's distance, in steps that all stores share") {
  Oracle oracle;
  AskingStore one{oracle}, other{oracle};
  one.look();
  CHECK(one.threshold() <= Timestamp{oracle.now - 600 * second});
  CHECK(one.threshold() > Timestamp{oracle.now - 661 * second});
  const Revision raised = oracle.revision;
  oracle.now -= 60 * second;  // which look() passes
  other.look();
  CHECK(other.threshold() == one.threshold());
  CHECK(oracle.revision == raised);  // nothing more was written
  one.look();
  CHECK(one.threshold() == Timestamp{other.threshold().value + 60 * second});
}

TEST_CASE("F3: a store without garbage raises nothing, and hears of what others raised") {
  Oracle oracle;
  AskingStore idle{oracle}, busy{oracle};
  idle.wanted = false;
  idle.look();
  CHECK(oracle.rows.empty());
  busy.look();
  idle.look();
  CHECK(idle.threshold() == busy.threshold());
}

TEST_CASE("F3: nothing above a protected reader is collected until he is gone") {
  Oracle oracle;
  AskingStore store{oracle};
  const Timestamp reading{oracle.now - 5 * second};
  REQUIRE(oracle.protect(reading, 7));
  REQUIRE(oracle.protect(Timestamp{oracle.now}, 8));
  for (int looks = 0; looks < 30; ++looks) store.look();
  CHECK(store.threshold() == reading);
  oracle.rows.erase("collect/reader/00000000000000000007");  // as the end of his lease does
  for (int looks = 0; looks < 30; ++looks) store.look();
  CHECK(store.threshold() > reading);
}

TEST_CASE("H2: who comes too late is refused; at what is allowed he still reads") {
  Oracle oracle;
  AskingStore store{oracle};
  store.look();
  CHECK_FALSE(oracle.protect(store.threshold().prev(), 7));
  CHECK(oracle.protect(store.threshold(), 7));
}

TEST_CASE("H2: of a protection and a raise at the same time one has to look again") {
  Oracle oracle;
  AskingStore store{oracle};
  const Timestamp reading{oracle.now - 700 * second};
  const auto ask_to_raise = [&] {
    store.clock += minutes{1};
    oracle.now += 60 * second;
    store.collection.tick(store.clock);
    for (int answers = 0; answers < 3; ++answers) store.step();  // the age, what stands there, the time
    store.timestamps.pump(store.clock);
  };
  SUBCASE("the protection is first") {
    ask_to_raise();
    CHECK(oracle.protect(reading, 7));
    while (store.step()) {}
    CHECK(store.threshold() == Timestamp{});
    for (int looks = 0; looks < 3; ++looks) store.look();
    CHECK(store.threshold() == reading);
  }
  SUBCASE("the raise is first") {
    const auto seen = oracle.state();
    ask_to_raise();
    while (store.step()) {}
    REQUIRE(store.threshold() > reading);
    CHECK_FALSE(oracle.protect(seen, reading, 7));
    CHECK_FALSE(oracle.protect(reading, 7));
  }
}

TEST_CASE("the age is a setting of the cluster, with a lower bound; nonsense is none") {
  Oracle oracle;
  AskingStore store{oracle};
  oracle.put(proto::config_collect_age, "30");
  store.look();
  CHECK(store.threshold() > Timestamp{oracle.now - 34 * second});
  const auto setting = [&](Bytes text) {
    oracle.put(proto::config_collect_age, std::move(text));
    return proto::read_collect_age(oracle.read({proto::config_collect_age, {}}));
  };
  CHECK(setting("1") == seconds{5});
  CHECK(setting("600") == minutes{10});
  CHECK(setting("10m") == std::nullopt);
  CHECK(setting("") == std::nullopt);
  CHECK(setting("99999999999999999999") == std::nullopt);
}

TEST_CASE("H3: a drop is dated once all gateways are beyond it, and ranges hear of it then") {
  Oracle oracle;
  AskingStore store{oracle};
  const Bytes key = Bytes{env::dropped_prefix} + "64";
  const auto entry = [&] { return *codec::decode<env::Dropped>(oracle.rows.at(key).value); };
  oracle.put(key, codec::encode(env::Dropped{{{"d", "e"}}, 7, {}}));
  const auto stays_undated = [&] {
    store.look();
    CHECK(entry().at == Timestamp{});
    CHECK(store.collection.allowance().dropped.empty());
  };
  oracle.put("gateway/one", codec::encode(uint64_t{8}));
  oracle.put("gateway/two", codec::encode(uint64_t{6}));
  stays_undated();
  oracle.put("gateway/two", "nonsense");
  stays_undated();
  oracle.rows.erase("gateway/two");  // its lease has run out
  const Timestamp before{oracle.now};
  store.look();
  CHECK(entry().at > before);
  const auto dated = entry();
  store.look();
  CHECK(entry() == dated);
  REQUIRE(store.collection.allowance().dropped.size() == 1);
  CHECK(store.collection.allowance().dropped[0].at == dated.at);
  CHECK(store.collection.allowance().dropped[0].span == env::KeySpan{"d", "e"});
}

TEST_CASE("H3: what is clear leaves the list, whoever cleared it; the last span takes the entry") {
  Oracle oracle;
  AskingStore one{oracle}, other{oracle};
  const Bytes key = Bytes{env::dropped_prefix} + "64";
  oracle.put(key, codec::encode(env::Dropped{{{"d", "e"}}, 7, Timestamp{5}}));
  oracle.put(Bytes{env::dropped_prefix} + "66", "of a newer program");
  one.collection.cleared({"df", "dm"});
  one.look();
  const auto left = codec::decode<env::Dropped>(oracle.rows.at(key).value);
  REQUIRE(left);
  CHECK(left->spans == std::vector<env::KeySpan>{{"d", "df"}, {"dm", "e"}});
  CHECK(left->at == Timestamp{5});
  other.collection.cleared({"", "df"});
  other.collection.cleared({"dk", ""});
  other.look();
  CHECK_FALSE(oracle.rows.contains(key));
  CHECK(oracle.rows.size() == 2);  // `allowed`, and what nobody here can read
}

TEST_CASE("F3: what cannot be read protects everything") {
  Oracle oracle;
  AskingStore store{oracle};
  oracle.put("collect/reader/00000000000000000007", "soon");
  store.look();
  CHECK(store.threshold() == Timestamp{});
  oracle.rows.clear();
  oracle.put("collect/of a newer program", "whatever");
  store.look();
  CHECK(store.threshold() > Timestamp{});
}
