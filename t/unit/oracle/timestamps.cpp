#include "oracle/timestamps.hpp"

#include <set>

#include "unit/oracle/fake_group.hpp"

using namespace ddb;
using namespace ddb::oracle;
using namespace std::chrono_literals;

namespace {

constexpr uint64_t wall = 1'700'000'000'000;
constexpr Instant start{1h};
constexpr uint64_t hour_ms = 3'600'000;

uint64_t to_ms(Duration time) { return static_cast<uint64_t>(time / 1ms); }

/// A clock that leads, with a high mark, `mark` being the old one.
Clock leading(Timestamp mark, uint64_t wall_millis = wall) {
  Clock clock{{}};
  clock.start(mark, start, wall_millis);
  clock.raise(clock.next_mark(start, wall_millis));
  return clock;
}

}  // namespace

TEST_CASE("a fresh leader starts above the durable mark, though its clock says less (O1)") {
  const Timestamp mark = Timestamp::of(wall + 10'000, 7);
  Clock clock = leading(mark);
  CHECK(clock.take(1, start, wall) == mark);
  CHECK(clock.take(1, start, wall) == mark.next());
}

TEST_CASE("nothing is given before a mark is durable (SAFETY 3)") {
  Clock clock{{}};
  clock.start(Timestamp::of(wall, 0), start, wall);
  CHECK_FALSE(clock.take(1, start, wall));
  CHECK(clock.low(start, wall));
  const Timestamp next = clock.next_mark(start, wall);
  CHECK_FALSE(clock.take(1, start, wall));
  clock.raise(next);
  CHECK(clock.take(1, start, wall));
}

TEST_CASE("timestamps are below the mark, to the last one") {
  Clock clock{{.window = 1ms}};
  clock.start(Timestamp::of(wall, 0), start, wall);
  clock.raise(clock.next_mark(start, wall));  // wall + 1, 0
  CHECK(clock.take(65'535, start, wall) == Timestamp::of(wall, 0));
  CHECK_FALSE(clock.take(2, start, wall));
  CHECK(clock.take(1, start, wall) == Timestamp::of(wall, 65'535));
  CHECK_FALSE(clock.take(1, start, wall));
}

TEST_CASE("a counter used up within a millisecond goes on in the next (SAFETY 4)") {
  Clock clock = leading(Timestamp::of(wall, 0));
  CHECK(clock.take(65'536, start, wall) == Timestamp::of(wall, 0));
  CHECK(clock.take(1, start, wall) == Timestamp::of(wall + 1, 0));
  CHECK(clock.take(65'536, start, wall) == Timestamp::of(wall + 1, 1));
}

TEST_CASE("demand never runs further than a window ahead of time") {
  Clock clock = leading(Timestamp::of(wall, 0));
  uint64_t given = 0;
  while (clock.take(65'536, start, wall)) ++given;
  CHECK(given == 3000);
  CHECK(clock.next_mark(start, wall) <= Timestamp::of(wall + 3000, 0));
  clock.raise(clock.next_mark(start + 10ms, wall + 10));
  CHECK(clock.take(65'536, start + 10ms, wall + 10));
}

TEST_CASE("time follows a wall clock that runs well, and timestamps say the time") {
  Clock clock = leading(Timestamp::of(wall - 5000, 0));
  for (int i = 0; i < 100; ++i) {
    const Instant now = start + i * 100ms;
    const uint64_t millis = wall + static_cast<uint64_t>(i) * 100;
    if (clock.low(now, millis)) clock.raise(clock.next_mark(now, millis));
    const auto ts = clock.take(1, now, millis);
    REQUIRE(ts);
    CHECK(ts->millis() == millis);
  }
}

TEST_CASE("a wall clock an hour back, or stopped, slows time to half and never turns it back (SAFETY 4)") {
  for (const uint64_t jumped : {wall - hour_ms, uint64_t{0}, wall}) {
    Clock clock = leading(Timestamp::of(wall, 0));
    Timestamp last = *clock.take(1, start, wall);
    for (Duration time = 100ms; time <= 60s; time += 100ms) {
      if (clock.low(start + time, jumped)) clock.raise(clock.next_mark(start + time, jumped));
      const auto ts = clock.take(1, start + time, jumped);
      REQUIRE(ts);
      CHECK(*ts > last);
      last = *ts;
    }
    CHECK(last.millis() == wall + to_ms(60s) / 2);
  }
}

TEST_CASE("a leap ahead, by an hour or by all there is, takes time away by no more than it lasted (SAFETY 4)") {
  for (const uint64_t leap : {wall + hour_ms, UINT64_MAX}) {
    Clock clock = leading(Timestamp::of(wall, 0));
    for (Duration time = 100ms; time <= 60s; time += 100ms) {
      if (clock.low(start + time, leap)) clock.raise(clock.next_mark(start + time, leap));
    }
    CHECK(clock.take(1, start + 60s, leap)->millis() == wall + to_ms(120s));
    // Corrected: in two minutes more, time and clock have met.
    for (Duration time = 60s; time <= 200s; time += 100ms) {
      const uint64_t right = wall + to_ms(time);
      if (clock.low(start + time, right)) clock.raise(clock.next_mark(start + time, right));
    }
    CHECK(clock.take(1, start + 200s, wall + to_ms(200s))->millis() == wall + to_ms(200s));
  }
}

TEST_CASE("a restart believes a clock that is days ahead, and no clock that is years ahead") {
  const uint64_t day_ms = 24 * hour_ms;
  CHECK(leading(Timestamp::of(wall, 0), wall + 30 * day_ms).take(1, start, wall + 30 * day_ms)->millis() ==
        wall + 30 * day_ms);
  CHECK(leading(Timestamp::of(wall, 0), wall + 400 * day_ms).take(1, start, wall + 400 * day_ms)->millis() == wall);
  CHECK(leading(Timestamp{1}).take(1, start, wall)->millis() == wall);  // a new oracle has nothing to go by
}

TEST_CASE("an oracle founded by a clock gone wild goes on nevertheless") {
  Clock clock = leading(Timestamp{1}, UINT64_MAX);
  Timestamp last = *clock.take(1, start, UINT64_MAX);
  for (Duration time = 1s; time <= 60s; time += 1s) {
    if (clock.low(start + time, wall)) clock.raise(clock.next_mark(start + time, wall));
    const auto ts = clock.take(65'536, start + time, wall);
    REQUIRE(ts);
    CHECK(*ts > last);
    last = *ts;
  }
}

TEST_CASE("a member that saw the marks go by believes no leap when it becomes the leader") {
  Clock clock{{}};
  for (int i = 0; i <= 10; ++i) {
    clock.observe(Timestamp::of(wall + 3000 + static_cast<uint64_t>(i) * 1500, 0), start + i * 1500ms);
  }
  const Instant now = start + 17s;  // two seconds after the last
  clock.start(Timestamp::of(wall + 18'000, 0), now, wall + hour_ms);
  clock.raise(Timestamp::of(wall + 2 * hour_ms, 0));
  CHECK(clock.take(1, now, wall + hour_ms)->millis() <= wall + 18'000 + 4000);
}

TEST_CASE("marks replayed from the log at a restart do not hold time in the past") {
  Clock clock{{}};
  for (uint64_t i = 0; i <= 10; ++i) clock.observe(Timestamp::of(wall + i * 1500, 0), start + i * 300ms);
  const Instant now = start + 3s;
  clock.start(Timestamp::of(wall + 15'000, 0), now, wall + hour_ms);
  clock.raise(Timestamp::of(wall + 2 * hour_ms, 0));
  CHECK(clock.take(1, now, wall + hour_ms)->millis() == wall + hour_ms);
}

// --- The machine ---

TEST_CASE("timestamps come at once from below the mark, which moves on before anyone has to wait") {
  FakeGroup group;
  const auto early = group.send(proto::TimestampRequest{1});
  CHECK(group.answers(early).empty());  // the mark of this term is not durable yet
  group.commit();
  CHECK(group.answers(early).size() == 1);
  for (int i = 0; i < 100; ++i) {
    group.pass(100ms);
    const auto token = group.send(proto::TimestampRequest{1});
    REQUIRE(group.answers(token).size() == 1);  // before anything else is committed
    group.tick();
    group.commit();
  }
}

TEST_CASE("a wrong count is refused, and so is a frame that is no request") {
  FakeGroup group;
  CHECK(group.refusal(proto::TimestampRequest{0}) == Code::usage);
  CHECK(group.refusal(proto::TimestampRequest{65'537}) == Code::usage);
  group.timestamp(65'536);
  const range::RequestToken token{range::ConnectionId{1}, 999};
  group.machine().request(token, "garbage");
  CHECK(std::get<Error>(group.answers(token).at(0)).code == Code::bad_data);
}

TEST_CASE("without a lease each batch of requests is confirmed by a quorum of its own (O1, L1)") {
  FakeGroup group;
  group.commit();
  group.host().lease = false;
  const auto first = group.send(proto::TimestampRequest{1});
  CHECK(group.answers(first).empty());
  REQUIRE(group.host().confirms.size() == 1);
  // Queued after the confirmation left: the next one is for these.
  const auto second = group.send(proto::TimestampRequest{1});
  const auto third = group.send(proto::MetaRangeRequest{"a", {}});
  REQUIRE(group.host().confirms.size() == 1);
  const uint64_t cookie = group.host().confirms[0];
  group.host().confirms.clear();
  group.machine().confirmed(cookie);
  CHECK(group.answers(first).size() == 1);
  CHECK(group.answers(second).empty());
  group.confirm();
  CHECK(group.answers(second).size() == 1);
  CHECK(group.answers(third).size() == 1);
}

TEST_CASE("a leader that was cut off gives nothing, and sends its waiters to the new one (SAFETY 3)") {
  FakeGroup group;
  group.commit();
  const Timestamp before = group.timestamp(1000);
  group.elect(1, 0, false);
  const auto stale = group.send_to(0, proto::TimestampRequest{1});
  group.commit();
  CHECK(group.timestamp() > Timestamp{before.value + 999});
  CHECK(group.answers_of(0, stale).empty());
  group.members[0].host.known_leader = ReplicaId{2};
  group.depose(0);
  const auto answers = group.answers_of(0, stale);
  REQUIRE(answers.size() == 1);
  CHECK(std::get<proto::OracleRedirect>(answers[0]).leader == "b:2");
}

TEST_CASE("who waits for the mark when leadership is lost is sent on, and the next term has a mark of its own") {
  FakeGroup group;
  const auto token = group.send(proto::TimestampRequest{1});  // the mark is on its way
  group.elect(0);
  CHECK(std::holds_alternative<proto::OracleRedirect>(group.answers(token).at(0)));
  group.commit();
  group.timestamp();
}

TEST_CASE("to resign and regain, over and over, never brings back what memory held (SAFETY 3)") {
  FakeGroup group;
  group.commit();
  Timestamp last;
  for (size_t i = 0; i < 50; ++i) {
    const Timestamp ts = group.timestamp(10);
    CHECK(ts > last);
    last = Timestamp{ts.value + 9};
    group.elect(i % 2 == 0 ? group.leader : (group.leader + 1) % 3, i % 2);
    const auto early = group.send(proto::TimestampRequest{1});
    CHECK(group.answers(early).empty());  // fenced until this term's mark is durable
    group.commit();
    last = std::get<proto::TimestampReply>(group.answers(early).at(0)).first;
  }
}

TEST_CASE("an oracle whose record is gone or damaged is refused, and one not yet born is not (SAFETY 4)") {
  MemoryState unborn;
  CHECK(check(unborn));
  env::WriteBatch birth;
  found(three_members(), 3, birth);
  MemoryState whole;
  whole.apply(birth);
  CHECK(check(whole));
  MemoryState lost = whole;
  env::WriteBatch loss;
  loss.erase(env::Table::range, Bytes{record_key});
  lost.apply(loss);
  REQUIRE_FALSE(check(lost));
  CHECK(check(lost).error().code == Code::bad_data);
  MemoryState damaged = whole;
  damaged.tables[0].find(record_key)->second[3] ^= 1;
  CHECK_FALSE(check(damaged));
  for (const auto table : {env::Table::data, env::Table::txn}) {
    MemoryState row = whole;
    row.tables[static_cast<size_t>(table)].begin()->second[1] ^= 1;
    REQUIRE_FALSE(check(row));
    CHECK(check(row).error().message.find(to_hex(row.tables[static_cast<size_t>(table)].begin()->first)) != std::string::npos);
  }
}

TEST_CASE("timestamps are unique and rise in real time, whatever clocks, crashes and elections do") {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    Random random{seed};
    FakeGroup group;
    std::set<uint64_t> given;
    Timestamp last;  // highest answered so far; every later request must get more
    std::map<uint64_t, std::pair<Timestamp, uint32_t>> asked;  // request -> `last` when it was sent, count
    for (int step = 0; step < 400; ++step) {
      group.pass(Duration{random.below(400'000)});
      switch (random.below(12)) {
        case 0: for (auto& member : group.members) member.host.wall = wall - hour_ms + random.below(2 * hour_ms); break;
        case 1: group.host().wall = random.next() >> random.below(40); break;
        case 2: group.elect(random.below(3), random.below(3), random.one_in(2)); break;
        case 3: {
          const size_t i = random.below(3);
          group.restart(i);
          if (i == group.leader) group.elect(random.below(3), random.below(2));
          break;
        }
        case 4: group.flush(random.below(3)); break;
        case 5: group.host().lease = random.one_in(2); break;
        case 6: group.confirm(); break;
        case 7: case 8: group.tick(); break;
        case 9: group.commit(random.below(3)); break;
        case 10: group.commit(); break;
        default: break;
      }
      const size_t to = random.one_in(4) ? random.below(3) : group.leader;
      const auto wanted = static_cast<uint32_t>(1 + random.below(100));
      asked[group.last_request + 1] = {last, wanted};
      group.send_to(to, proto::TimestampRequest{wanted});
      for (auto& member : group.members) {
        for (const auto& answer : std::exchange(member.host.answers, {})) {
          if (const auto* ts = std::get_if<proto::TimestampReply>(&answer.reply)) {
            const auto [before, count] = asked.at(answer.to.request);
            CHECK(ts->first.value > before.value);
            for (uint32_t i = 0; i < count; ++i) CHECK(given.insert(ts->first.value + i).second);
            last = std::max(last, Timestamp{ts->first.value + count - 1});
          }
        }
      }
    }
    group.elect(0);
    group.commit();
    CHECK(group.timestamp() > last);  // and whatever happened, it serves again
  }
}
