// What a Raft group agrees on: the state machine under a replica, and what its replica does for it.
//
// The range (libshared/range) and the oracle (libshared/oracle) are two machines on the same replica core.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/assert.hpp"
#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "env/clock.hpp"
#include "env/state.hpp"
#include "proto/admin.hpp"
#include "proto/range.hpp"
#include "proto/raft.hpp"

namespace ddb::range {

/// A client connection of this process, as the shell numbers them; never reused.
using ConnectionId = Id<struct ConnectionTag>;

/// Where the answer to a request goes. May be answered any number of times (watches).
struct RequestToken {
  ConnectionId connection;
  uint64_t request = 0;
};

/// What the oracle's log lets ranges collect, as far as it was heard of here; for good, once it does (F3, H2).
struct Allowance {
  Timestamp threshold;  // of a range: no higher

  struct Dropped {
    env::KeySpan span;
    Timestamp at;
  };
  std::vector<Dropped> dropped;  // nobody reads there at or above `at`, nor writes (H3)
};

/// What a replica does for its machine. To be called only from within a Machine callback.
class MachineHost {
 public:
  virtual ~MachineHost() = default;

  virtual Instant now() const = 0;
  /// Unix milliseconds, for the oracle's clock alone: may jump anyhow. Nothing in a range may depend on it (P10).
  virtual uint64_t wall_millis() const = 0;
  virtual uint64_t random() = 0;  // seeded
  virtual env::State& state() = 0;
  virtual const proto::RangeDescriptor& descriptor() const = 0;

  virtual ReplicaId id() const { return {}; }  // of this replica
  virtual bool leads() const = 0;            // this replica leads and has applied an entry of its own term (L2)
  virtual Term term() const = 0;
  virtual ReplicaId leader() const = 0;      // zero: unknown
  virtual bool lease_valid() const = 0;      // L1 and the store's lease (D5), at this moment

  /// The store is past its first mark (A7): client writes are to be refused with store_full; reads and
  /// collection go on.
  virtual bool space_low() const { return false; }

  /// How far collection may go. Valid until the callback returns.
  virtual const Allowance& allowance() const {
    static const Allowance none;
    return none;
  }

  /// Nothing is left in this span, which lies in a dropped one.
  virtual void cleared(const env::KeySpan& /*span*/) {}

  /// No change of the group's configuration is under way, nor a joint one in force (S1).
  virtual bool config_settled() const { return true; }
  /// This store holds, or held, a replica of that range.
  virtual bool has_trace(RangeId) const { return false; }
  /// Somebody should find out what became of this attempt, and clear its locks away: its coordinator seems to be gone (V4).
  /// May be said again and again.
  virtual void orphaned(proto::Locked) {}
  /// The range of this store that holds `key`; null: none is known. Valid until the callback returns.
  virtual const proto::RangeDescriptor* holder_of(BytesView /*key*/) const { return nullptr; }

  /// Proposes a command in the current term. Machine::apply gets the same cookie with it; or
  /// Machine::dropped if leadership is lost first: then its fate is unknown. Errors: not_leader, try_again.
  virtual Result<LogIndex> propose(Bytes command, uint64_t cookie) = 0;
  /// Confirms with a quorum that this replica leads (ReadIndex), then waits for apply:
  /// Machine::confirmed(cookie), or dropped.
  virtual void confirm(uint64_t cookie) = 0;
  /// Asks the oracle for a fresh timestamp, asked for after this call: Machine::timestamp(cookie, ts).
  /// Retried until it comes or leadership is lost (then nothing comes). Of no use to the oracle itself.
  virtual void want_timestamp(uint64_t cookie) = 0;

  /// From within Machine::apply, once per split (S1): as soon as what it wrote is visible, descriptor() is `left`, and
  /// a replica of `right` lives beside this one. May be repeated after a crash (A4). Of no use to the oracle.
  virtual void split(const proto::RangeDescriptor& /*left*/, const proto::RangeDescriptor& /*right*/) { DDB_ASSERT(false); }

  virtual void reply(RequestToken to, Bytes body) = 0;
};

/// One Raft group's state machine on one replica. Deterministic; single-threaded.
class Machine {
 public:
  virtual ~Machine() = default;

  /// Applies one committed command: depends on state and entry alone (A4). `cookie` is set when this
  /// replica proposed it in its current leadership: the moment to answer the client is here, since
  /// committed and applied is what an answer needs.
  /// Writes go to `out`; they are visible in state() from the next callback on. An unknown command
  /// is an assertion: the replica stops rather than diverge.
  virtual void apply(LogIndex index, Term term, BytesView command, std::optional<uint64_t> cookie,
                     env::WriteBatch& out) = 0;

  virtual void request(RequestToken from, BytesView body) = 0;
  virtual void connection_closed(ConnectionId) {}

  virtual void became_leader() = 0;    // an entry of the own term has just been applied (L2)
  virtual void lost_leadership() = 0;  // fail all waiters (R1); nothing evaluated before may be proposed again
  virtual void dropped(uint64_t cookie) = 0;    // see propose and confirm; called before lost_leadership
  virtual void confirmed(uint64_t) {}
  virtual void timestamp(uint64_t, Timestamp) {}
  /// What apply() wrote since the last call is visible in state(): called once after each group of apply()s,
  /// before any other callback. Here latches open and those who waited for them are evaluated.
  virtual void applied() {}
  virtual void tick() {}               // now and then, at least every 100 ms while leading
  virtual void config_applied(BytesView /*payload*/, env::WriteBatch&) {}  // a configuration entry with payload
  /// Everything that apply() writes of a range with this descriptor, its own records included: what a snapshot copies
  /// and clears.
  virtual std::vector<env::TableSpan> spans(const proto::RangeDescriptor& descriptor) const = 0;
  virtual uint64_t hash() const { return 0; }  // commutative hash of the state (H1); zero: none kept
  /// How much there is.
  struct Size {
    uint64_t rows = 0;
    uint64_t versions = 0;
    uint64_t bytes = 0;
  };
  virtual Size size() const { return {}; }
  virtual Timestamp threshold() const { return {}; }  // F3
  /// There is something that a higher threshold would let it collect.
  virtual bool wants_threshold() const { return false; }
  // H1. Null: it keeps no sums.
  virtual const proto::Health* health() const { return nullptr; }
  virtual bool met_damage() const { return false; }  // since the last check began: one is wanted
  virtual void begin_check(Timestamp /*now*/) {}     // at a leader: through the log
  virtual void conclude_check(LogIndex /*check*/, std::vector<ReplicaId> /*damaged*/, std::vector<ReplicaId> /*silent*/,
                              bool /*stopped*/) {}
  virtual void loaded() {}             // the state was replaced by a snapshot, or recovered: reload what is cached
};

}  // namespace ddb::range
