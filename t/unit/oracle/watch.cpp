#include "oracle/watch.hpp"

#include "unit/oracle/fake_group.hpp"

using namespace ddb;
using namespace ddb::oracle;
using namespace std::chrono_literals;
using proto::WatchReply;
using proto::WatchRequest;

namespace {

/// A watching client: what it was told, in order, and where it would resume.
struct Watcher {
  FakeGroup& group;
  Bytes start;
  Bytes end;
  range::RequestToken token{};
  Revision last{};  // told
  Revision next{};
  std::vector<env::MetaEvent> events{};
  std::optional<Code> ended{};

  void open(Revision from, uint64_t connection = 1) {
    ended.reset();
    token = group.send(WatchRequest{start, end, from}, connection);
    next = from;
    last = {};
    hear();
  }
  void hear() { hear(group.answers(token)); }
  void hear(const std::vector<proto::OracleReply>& replies) {
    for (const auto& reply : replies) {
      if (const auto* error = std::get_if<Error>(&reply)) ended = error->code;
      if (std::holds_alternative<proto::OracleRedirect>(reply)) ended = Code::not_leader;
      const auto* told = std::get_if<WatchReply>(&reply);
      if (told == nullptr) continue;
      for (const auto& event : told->events) {
        CHECK(event.entry.mod_revision >= next);
        CHECK(event.entry.mod_revision <= told->revision);
        events.push_back(event);
      }
      CHECK(told->revision >= last);
      last = told->revision;
      next = std::max(next, told->revision.next());
    }
  }
};

std::vector<uint64_t> revisions(const std::vector<env::MetaEvent>& events) {
  std::vector<uint64_t> out;
  for (const auto& event : events) out.push_back(event.entry.mod_revision.value);
  return out;
}

}  // namespace

TEST_CASE("a watch is told what changes, as it is applied") {
  FakeGroup group;
  group.put("a/1", "before");
  Watcher watch{group, "a/", "a0"};
  watch.open({});
  CHECK(watch.next == Revision{3});  // told at once where it stands
  group.put("a/1", "x");
  group.put("b", "y");
  group.erase("a/1");
  watch.hear();
  REQUIRE(watch.events.size() == 2);
  CHECK(watch.events[0] == env::MetaEvent{false, {"a/1", "x", Revision{2}, Revision{3}, 2, {}}});
  CHECK(watch.events[1] == env::MetaEvent{true, {"a/1", "", {}, Revision{5}, 0, {}}});
}

TEST_CASE("the end of a watch is exclusive, and an empty end is the one key") {
  FakeGroup group;
  Watcher range{group, "b", "d"};
  Watcher one{group, "b", ""};
  range.open({});
  one.open({});
  for (const char* key : {"a", "b", "ba", "c", "d"}) group.put(key, "v");
  range.hear();
  one.hear();
  CHECK(revisions(range.events) == std::vector<uint64_t>{3, 4, 5});
  CHECK(revisions(one.events) == std::vector<uint64_t>{3});
}

TEST_CASE("a transaction is told as a whole, in one reply") {
  FakeGroup group;
  Watcher watch{group, "a", "z"};
  watch.open({});
  group.ask<env::MetaTxnResult>(proto::MetaTxnRequest{{}, {{"a", "1", {}, {}}, {"b", "1", {}, {}}}, 0});
  const auto replies = group.answers(watch.token);
  REQUIRE(replies.size() == 1);
  CHECK(std::get<WatchReply>(replies[0]).events.size() == 2);
}

TEST_CASE("a watch from an earlier revision is told of all since, then goes on") {
  FakeGroup group;
  for (int i = 0; i < 10; ++i) group.put("a", std::to_string(i));  // 2 to 11
  Watcher watch{group, "a", ""};
  watch.open(Revision{7});
  group.put("a", "last");
  watch.hear();
  CHECK(revisions(watch.events) == std::vector<uint64_t>{7, 8, 9, 10, 11, 12});
}

TEST_CASE("a watch from a revision to come is told of nothing before it") {
  FakeGroup group;
  Watcher watch{group, "a", ""};
  watch.open(Revision{4});
  for (int i = 0; i < 4; ++i) group.put("a", "v");  // 2 to 5
  watch.hear();
  CHECK(revisions(watch.events) == std::vector<uint64_t>{4, 5});
}

TEST_CASE("long histories come in pieces well below a frame, cut between revisions") {
  FakeGroup group;
  for (int i = 0; i < 5; ++i) group.put("a", Bytes(900'000, 'x'));
  const auto token = group.send(WatchRequest{"a", {}, Revision{1}});
  const auto replies = group.answers(token);
  CHECK(replies.size() == 3);
  CHECK(std::get<WatchReply>(replies.at(0)).revision == Revision{3});
  CHECK(std::get<WatchReply>(replies.at(2)).revision == Revision{6});
}

TEST_CASE("a watch ends with its cancellation, its connection, or the leadership") {
  FakeGroup group;
  Watcher cancelled{group, "a", ""};
  Watcher closed{group, "a", ""};
  Watcher stays{group, "a", ""};
  cancelled.open({}, 1);
  closed.open({}, 2);
  stays.open({}, 1);
  group.ask<proto::DoneReply>(proto::WatchCancelRequest{cancelled.token.request});
  group.machine().connection_closed(range::ConnectionId{2});
  group.put("a", "v");
  for (auto* watch : {&cancelled, &closed, &stays}) watch->hear();
  CHECK(cancelled.events.empty());
  CHECK(closed.events.empty());
  CHECK(stays.events.size() == 1);
  group.elect(1);
  stays.hear(group.answers_of(0, stays.token));
  CHECK(stays.ended == Code::not_leader);
}

TEST_CASE("history goes by number and age; a watch from before it is told that it is too old (SAFETY 21)") {
  FakeGroup group{{.history_revisions = 10, .history_age = 60s}};
  for (int i = 0; i < 30; ++i) group.put("a", "v");  // up to 31
  group.run(59s);
  CHECK(group.host().rows.tables[3].size() == 31);  // young
  group.run(10s);
  CHECK(group.host().rows.tables[3].size() == 10);
  CHECK(group.refusal(WatchRequest{"a", {}, Revision{21}}) == Code::too_old);
  Watcher watch{group, "a", ""};
  watch.open(Revision{22});
  CHECK(watch.events.size() == 10);
  CHECK(group.get("a").size() == 1);  // what is current stays
}

TEST_CASE("however fast revisions come, history is bounded") {
  FakeGroup group{{.history_revisions = 10, .history_age = 60s, .history_revisions_max = 50}};
  for (int i = 0; i < 3000; ++i) group.put("a", "v");
  for (int i = 0; i < 3; ++i) group.run(100ms);
  CHECK(group.host().rows.tables[3].size() == 50);
}

TEST_CASE("a watch that hears nothing is told of the progress before its place is compacted") {
  FakeGroup group{{.history_revisions = 10, .history_age = 60s}};
  Watcher quiet{group, "quiet", ""};
  quiet.open({});
  for (int i = 0; i < 30; ++i) group.put("a", "v");
  group.run(70s);
  quiet.hear();
  CHECK(quiet.events.empty());
  CHECK(quiet.next == Revision{32});
  group.put("a", "v");
  CHECK(group.answers(quiet.token).empty());  // once is enough
  quiet.open(quiet.next);
  CHECK_FALSE(quiet.ended);
}

TEST_CASE("watch history equals the log, under compaction, reconnects, elections and crashes (SAFETY 21)") {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Random random{seed};
    FakeGroup group{{.history_revisions = 30, .history_age = 2s}};
    std::vector<env::MetaEvent> log;  // by a watch that is never away, on whoever leads
    Watcher all{group, "", "\xff"};
    Watcher some{group, "k1", "k4"};
    all.open(Revision{1});
    some.open(Revision{1});
    size_t lost = 0;  // events that `some` missed for good, since it came back too late
    const auto resume = [&](Watcher& watch) {
      watch.open(watch.next, 1 + random.below(9));
      if (watch.ended != Code::too_old) return;
      // Compacted: a client reads the range and goes on from its revision. Only one that was away may need to.
      CHECK(&watch == &some);
      const auto now = group.ask<env::MetaRange>(proto::MetaRangeRequest{watch.start, watch.end});
      lost += static_cast<size_t>(std::ranges::count_if(all.events, [&](const env::MetaEvent& event) {
        return event.entry.mod_revision >= watch.next && event.entry.mod_revision <= now.revision &&
               covers(watch.start, watch.end, event.entry.key);
      }));
      watch.open(now.revision.next());
    };
    bool away = false;
    for (int step = 0; step < 300; ++step) {
      group.pass(Duration{random.below(200'000)});
      const size_t leader = group.leader;
      switch (random.below(10)) {
        case 0:
          group.elect(random.below(3), random.below(4));
          all.hear(group.answers_of(leader, all.token));
          if (!away) some.hear(group.answers_of(leader, some.token));
          resume(all);
          if (!away) resume(some);
          break;
        case 1: {
          away = !away;
          if (away) {
            some.hear();
            group.machine().connection_closed(some.token.connection);
            if (some.token.connection == all.token.connection) resume(all);
          } else {
            resume(some);
          }
          break;
        }
        case 2: group.flush(random.below(3)); break;
        case 3: group.restart((group.leader + 1) % 3); break;
        case 4: group.tick(); break;
        default: {
          const Bytes key = "k" + std::to_string(random.below(6));
          proto::MetaTxnRequest txn{{}, {{key, std::to_string(step), {}, {}}}, 0};
          if (random.one_in(3)) txn.ops.push_back({"k0", std::nullopt, "k3", {}});
          group.send(txn, 99);
        }
      }
      group.commit(random.below(4));
      all.hear();
      if (!away) some.hear();
    }
    group.commit();
    all.hear();
    if (away) resume(some);
    some.hear();
    const auto now = group.ask<env::MetaRange>(proto::MetaRangeRequest{"", "\xff"});
    // Every revision is there, in order, and the events add up to the state.
    std::map<Bytes, env::MetaEntry> replayed;
    uint64_t last = 0;
    for (const auto& event : all.events) {
      const uint64_t revision = event.entry.mod_revision.value;
      CHECK((revision == last || revision == last + 1));
      last = revision;
      if (event.deleted) {
        CHECK(replayed.erase(event.entry.key) == 1);
      } else {
        replayed[event.entry.key] = event.entry;
      }
    }
    CHECK(last == now.revision.value);
    std::vector<env::MetaEntry> entries;
    for (const auto& [key, entry] : replayed) entries.push_back(entry);
    CHECK(entries == now.entries);
    const auto expected = std::ranges::count_if(
        all.events, [&](const env::MetaEvent& event) { return covers("k1", "k4", event.entry.key); });
    CHECK(some.events.size() + lost == static_cast<size_t>(expected));
  }
}
