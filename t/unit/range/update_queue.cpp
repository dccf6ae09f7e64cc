#include "range/update_queue.hpp"

#include <doctest/doctest.h>

using namespace ddb;
using namespace ddb::range;
using Ids = std::vector<UpdateQueue::TaskId>;
using Turn = UpdateQueue::Turn;

namespace {

const Instant begin{std::chrono::hours{1}};
const UpdateQueueOptions limits{.length_max = 3,
                                .places_max = 5,
                                .time_to_live = std::chrono::milliseconds{500},
                                .patience = std::chrono::milliseconds{1000},
                                .absence = std::chrono::milliseconds{300}};

struct Keys {
  UpdateQueue queue{limits};
  Instant now = begin;

  /// Task number = transaction id, and connection too, unless given.
  Turn ask(const Bytes& key, uint64_t id, uint64_t task = 0) {
    return queue.ask(key, Timestamp{id}, ConnectionId{id}, task == 0 ? id : task, now);
  }
  UpdateQueue::Changes leave(uint64_t id) { return queue.leave(Timestamp{id}, now); }
  UpdateQueue::Changes after(int milliseconds) {
    now += std::chrono::milliseconds{milliseconds};
    return queue.expire(now);
  }
};

}  // namespace

TEST_CASE("K3: turns come in order of arrival, each key by itself") {
  Keys keys;
  CHECK(keys.ask("a", 1) == Turn::now);
  CHECK(keys.ask("a", 3) == Turn::later);
  CHECK(keys.ask("a", 2) == Turn::later);
  CHECK(keys.ask("b", 3) == Turn::now);
  CHECK(keys.ask("a", 1) == Turn::now);  // it has it
  CHECK(keys.leave(1).granted == Ids{3});
  CHECK(keys.leave(1).granted.empty());
  CHECK(keys.leave(3).granted == Ids{2});
  CHECK(keys.ask("b", 4) == Turn::now);  // leaving is from all keys
  CHECK(keys.leave(2).granted.empty());
  CHECK(keys.leave(4).granted.empty());
  CHECK(keys.queue.empty());
}

TEST_CASE("K3: bounded, in one queue and in all") {
  Keys keys;
  for (const uint64_t id : {1, 2, 3}) CHECK(keys.ask("a", id) != Turn::full);
  CHECK(keys.ask("a", 4) == Turn::full);
  CHECK(keys.ask("a", 3) == Turn::later);  // asks again
  CHECK(keys.ask("b", 4) == Turn::now);
  CHECK(keys.ask("c", 5) == Turn::now);
  CHECK(keys.ask("d", 6) == Turn::full);
  keys.leave(5);
  CHECK(keys.ask("d", 6) == Turn::now);
}

TEST_CASE("K3: a slot has its time, which asking again does not prolong") {
  Keys keys;
  keys.ask("a", 1);
  keys.ask("a", 2);
  CHECK(keys.after(400).granted.empty());
  CHECK(keys.ask("a", 1) == Turn::now);
  CHECK(keys.after(100).granted == Ids{2});
  CHECK(keys.ask("a", 1) == Turn::later);  // behind
  CHECK(keys.after(500).granted == Ids{1});
}

TEST_CASE("K3: who waits long is sent to ask again, and keeps the place for a while") {
  Keys keys;
  for (const uint64_t id : {1, 2, 3}) keys.ask("a", id);
  keys.after(300);
  CHECK(keys.ask("a", 3, 33) == Turn::later);  // a repetition: both wait
  keys.after(200);
  CHECK(keys.after(400).granted.empty());  // 2 has it
  auto changes = keys.after(100);
  CHECK(changes.granted == Ids{3, 33});
  CHECK(changes.impatient.empty());

  Keys late;
  late.ask("a", 1);
  late.now += std::chrono::milliseconds{499};
  for (const uint64_t id : {2, 3}) late.ask("a", id);
  late.queue.expire(late.now += std::chrono::milliseconds{499});
  late.leave(2);  // 1 was over by then: 3 has the slot without a ticking clock
  CHECK(late.ask("a", 3) == Turn::now);
}

TEST_CASE("K3: the place of who does not come back goes") {
  Keys keys;
  keys.queue.ask("a", Timestamp{1}, ConnectionId{1}, 1, keys.now + std::chrono::hours{1});  // holds it for long
  keys.ask("a", 2);
  keys.ask("a", 3);
  CHECK(keys.after(1000).impatient == Ids{2, 3});
  CHECK(keys.ask("a", 2) == Turn::later);
  CHECK(keys.after(300).impatient.empty());
  CHECK(keys.leave(1).granted == Ids{2});  // 3 is gone
  CHECK(keys.leave(2).granted.empty());
  CHECK(keys.queue.empty());
}

TEST_CASE("K3: an absent one whose turn comes has what is left of its time") {
  Keys keys;
  keys.queue.ask("a", Timestamp{1}, ConnectionId{1}, 1, keys.now + std::chrono::hours{1});
  keys.ask("a", 2);
  CHECK(keys.after(1000).impatient == Ids{2});
  CHECK(keys.leave(1).granted.empty());
  SUBCASE("it comes back, and has a slot like any other") {
    CHECK(keys.ask("a", 2) == Turn::now);
    keys.ask("a", 3);
    CHECK(keys.after(400).granted.empty());
    CHECK(keys.after(100).granted == Ids{3});
  }
  SUBCASE("it does not") {
    keys.ask("a", 3);
    CHECK(keys.after(300).granted == Ids{3});
  }
}

TEST_CASE("K3: a connection that breaks takes its places with it") {
  Keys keys;
  for (const uint64_t id : {1, 2, 3}) keys.ask("a", id);
  CHECK(keys.queue.closed(ConnectionId{2}, keys.now).gone == Ids{2});
  CHECK(keys.queue.closed(ConnectionId{1}, keys.now).granted == Ids{3});
  CHECK(keys.queue.clear().empty());
  keys.ask("a", 1);
  keys.ask("a", 2);
  CHECK(keys.queue.clear() == Ids{2});
  CHECK(keys.queue.empty());
}
