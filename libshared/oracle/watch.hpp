// Watches: who wants to hear of which keys, and what has been told so far.
//
// A watch is told of every change in order, once: first what history holds from its revision on, then each
// change as it is applied. It dies with its connection or with the leadership; the client opens it again from
// the revision after the last it was told of, so nothing is missed.
#pragma once

#include <deque>
#include <functional>
#include <map>

#include "env/clock.hpp"
#include "oracle/metadata.hpp"
#include "range/machine.hpp"

namespace ddb::oracle {

class Watches {
 public:
  using Tell = std::function<void(range::RequestToken, const proto::WatchReply&)>;

  /// Opens a watch and tells it all of history from `from` up to `revision`; at least once, if of nothing.
  /// History from `from` on must be there. `from` may lie ahead.
  void open(range::RequestToken token, const proto::WatchRequest& request, Revision from, Revision revision,
            env::State& state, const Tell& tell);
  void cancel(range::RequestToken token);
  void close(range::ConnectionId connection);

  /// Revision `revision` has just been applied, with these changes: they wait for publish().
  void changed(Revision revision, const std::vector<env::MetaEvent>& events);
  /// Tells each watch what has changed since the last call, up to `revision`. One that had nothing to hear for so
  /// long that it would resume at or below `compacted`, where history is gone, hears of the progress alone.
  void publish(Revision revision, Revision compacted, const Tell& tell);

  /// Ends all; `told` of each.
  void clear(const std::function<void(range::RequestToken)>& told);
  size_t size() const { return watches_.size(); }

 private:
  using Key = std::pair<range::ConnectionId, uint64_t>;
  struct Watch {
    Bytes start;
    Bytes end;
    Revision next;  // the first it has not been told of
    std::vector<env::MetaEvent> untold;
  };
  std::map<Key, Watch> watches_;
};

/// When revisions came to be, roughly, for compaction by age. The leader's memory: a new one starts afresh,
/// and so keeps history longer rather than shorter.
class History {
 public:
  explicit History(Duration age) : age_{age} {}
  void note(Revision revision, Instant now);
  /// The newest revision known to be older than `age`; zero: none.
  Revision old(Instant now);
  void clear() { notes_.clear(), old_ = {}; }

 private:
  const Duration age_;
  std::deque<std::pair<Instant, Revision>> notes_;  // about age / 16 apart
  Revision old_;
};

}  // namespace ddb::oracle
