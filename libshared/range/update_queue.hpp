// Who may read a row in order to change it, in turn (K3): a queue per key, in a leader's memory.
//
//   ask --queue empty--> holds the slot --leaves, or its time is over--> gone
//    |                        ^
//    '--others first--> waits-' turn
//                         '--> told to ask again; keeps its place for a while
//
// A slot is a courtesy that saves its holder a conflict. Nobody may lean on it: who holds one, who lost one and who never
// asked read under R1 to R4 and commit under P3 to P5 all the same, so that losing one (a new leader, a split, time, a
// broken connection) costs a conflict and a restart, and nothing else.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <vector>

#include "base/bytes.hpp"
#include "env/clock.hpp"
#include "range/machine.hpp"

namespace ddb::range {

struct UpdateQueueOptions {
  size_t length_max = 256;    // of one key's queue, the holder included; beyond: full
  size_t places_max = 8'192;  // of all queues together
  // How long a slot is held at most. A transaction that people type loses it; one that deadlocks with another waits so long.
  Duration time_to_live = std::chrono::milliseconds{500};
  // How long a request waits before it is sent to ask again: less than any client waits for one answer.
  Duration patience = std::chrono::seconds{1};
  // How long the place of one that was sent to ask again is kept.
  Duration absence = std::chrono::milliseconds{300};
};

class UpdateQueue {
 public:
  using TaskId = uint64_t;  // not zero
  enum class Turn : uint8_t { now, later, full };

  /// What became of those who waited.
  struct Changes {
    std::vector<TaskId> granted;    // it is their turn
    std::vector<TaskId> impatient;  // to ask again
    std::vector<TaskId> gone;       // nobody is there to hear of it

    void operator+=(Changes&& more);
  };

  explicit UpdateQueue(const UpdateQueueOptions& options) : options_{options} {}

  /// Transaction `id` takes a place at `key`, or the one that it has there. later: `task` will be among the Changes.
  Turn ask(const Bytes& key, Timestamp id, ConnectionId from, TaskId task, Instant now);
  /// All places of the transaction, here.
  Changes leave(Timestamp id, Instant now);
  /// All places that were taken over the connection.
  Changes closed(ConnectionId connection, Instant now);
  Changes expire(Instant now);
  /// Nobody has a place any more. Who waited.
  std::vector<TaskId> clear();

  bool empty() const { return queues_.empty(); }

 private:
  struct Place {
    Timestamp id;
    ConnectionId from;
    std::vector<TaskId> tasks;  // who wait there: one, or more where the request was repeated
    Instant until;              // the slot's end; of who waits, the end of the patience; of who is absent, of the place
    bool granted = false;       // the slot; once
  };
  using Queue = std::deque<Place>;
  using Queues = std::map<Bytes, Queue>;

  void drop(Queues::iterator queue, Queue::iterator place, std::vector<TaskId>& waiters);
  void grant(Place& first, Instant now);
  void next(Queues::iterator queue, Instant now, Changes& out);
  Changes drop_if(Queues::iterator queue, const auto& unwanted, Instant now);

  const UpdateQueueOptions options_;
  Queues queues_;                              // none is empty; the first of each holds the slot
  std::map<Timestamp, std::set<Bytes>> keys_;  // where transactions have places
  size_t places_ = 0;
};

}  // namespace ddb::range
