// Who may evaluate now: exclusion among the requests of one range, at its leader, in memory.
//
// A commit takes exclusive latches on the keys it writes and on its record, shared ones on the spans it read,
// all at once, and holds them until its effect is applied. It waits for conflicting commits that came before
// it and for nobody else, so nobody starves and nobody waits in a circle. A read waits for the commits that
// hold a latch on its keys when it comes; not for those behind them in the queue, because it raises
// the floor as it comes, so they will commit above it (R1, R3).
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/bytes.hpp"
#include "env/kv.hpp"

namespace ddb::range {

class Latches {
 public:
  using OwnerId = uint64_t;  // not zero; rises with the order of arrival

  struct Want {
    std::vector<Bytes> keys;     // exclusive
    std::vector<Bytes> records;  // exclusive, in a key space of their own
    std::vector<env::KeySpan> shared;
    bool all = false;  // exclusive on everything (L3)
  };

  /// Queues for latches. True: they are held already. To be released either way.
  bool acquire(OwnerId owner, Want want);

  /// Queues a read, which will hold nothing. True: it has nothing to wait for, and is forgotten.
  bool wait(OwnerId reader, const std::vector<Bytes>& keys, const std::vector<env::KeySpan>& spans);

  /// Gives up the latches of an owner that held them. Appends those that need wait no longer, in order of arrival.
  void release(OwnerId owner, std::vector<OwnerId>& ready);

  void clear();
  bool idle() const { return owners_.empty(); }

 private:
  /// A key that somebody holds or queues for.
  struct Slot {
    OwnerId holder = 0;           // exclusively, now
    OwnerId last = 0;             // the last to come for it exclusively, and not gone
    std::vector<OwnerId> shared;  // who came for it after `last`, to share it
  };
  using Slots = std::map<Bytes, Slot, std::less<>>;

  struct Owner {
    Want want;
    bool reader = false;
    size_t blockers = 0;            // on how many he still waits
    std::vector<OwnerId> blocking;  // who waits on him, once per time counted there
  };

  void block(OwnerId owner, Owner& waiter, OwnerId by);
  void queue_exclusive(OwnerId owner, Owner& self, Slots& slots, const Bytes& key);
  void queue_shared(OwnerId owner, Owner& self, const env::KeySpan& span);
  void hold(OwnerId owner, const Owner& self);
  void leave(OwnerId owner, const Owner& self);

  std::map<OwnerId, Owner> owners_;
  Slots keys_;
  Slots records_;
  std::vector<std::pair<env::KeySpan, OwnerId>> spans_;  // shared and longer than one key
  OwnerId all_last_ = 0;    // who came last for everything, and is not gone
  OwnerId all_holder_ = 0;
};

}  // namespace ddb::range
