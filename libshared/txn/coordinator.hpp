// The coordinator of one transaction: which requests to send, and what their answers mean.
//
// Source: TRANSACTIONS.md. Kept here: P1, P8 (one range), P11, K2; attempt.hpp has P2 to P7 and K1, recovery.hpp V1 to
// V3, calls.hpp of V5 the sender's half. Deterministic: no clock, no randomness, no I/O; the client and the simulator run it
// unchanged.
//
//                       .------ aborted, and nothing was read -------.
//                       v                                            |
//   open --commit--> starting --C0--> committing --no verdict--> settling --aborted--> refreshing
//     |                 |  ^             |                           |                  |      |
//     |                 |  '-------------+---------------------------+---- still true --'      |
//     '- no writes (P1) '- no timestamp  '- verdict                  '- verdict                '- not so ---> over
//
// Refreshing is K2: all that was read is validated at a fresh timestamp, and only then is that read_ts. A verdict is CommitReply or SettleReply, or all locks at C0. A conflict is none (P11): another copy of the same request may
// commit yet. What clears up after a verdict goes on when it is over.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "proto/range.hpp"
#include "txn/attempt.hpp"
#include "txn/span_set.hpp"

namespace ddb::txn {

struct ReadDone {
  uint64_t id = 0;  // as read() gave it
  Result<proto::ReadReply> reply;
};

/// What the coordinator wants done, drained by take().
struct Effects {
  bool want_timestamp = false;  // fresh, asked for after this; answered by timestamp()
  std::vector<Send> sends;
  std::vector<ReadDone> reads;
  std::optional<Result<Timestamp>> outcome;  // of commit(): the commit timestamp; read_ts where nothing was written
};

struct Options {
  Timestamp read_ts{};            // zero: fresh from the oracle, at the first read
  size_t read_spans_max = 4'096;  // see SpanSet
  const Ranges* ranges = nullptr; // must outlive the transaction; null: all is taken to be one range
  size_t staging_keys_max = 1'024;  // of a transaction over several ranges; above: an explicit COMMITTED (P2)
};

class Coordinator {
 public:
  explicit Coordinator(const Options& options = {});
  Coordinator(const Coordinator&) = delete;
  Coordinator& operator=(const Coordinator&) = delete;

  // What the transaction does. Until commit() any number of reads, also at the same time.

  /// Reads keys, then a page of a scan, all within the range that holds `key`. request.read_ts is filled in. Returns an id.
  /// Errors of reads: conflict, too_old, unavailable, try_again, and what the range says.
  uint64_t read(Bytes key, proto::ReadRequest request);
  /// Reads one key that the transaction is likely to write: waits for its turn among others that say so, and moves read_ts up
  /// where the key has changed, all earlier reads with it (K2, K3). try_again: too many wait for it.
  uint64_t read_for_update(Bytes key);
  /// Nobody wants its answer any more. An id that was answered: nothing.
  void drop(uint64_t id);

  /// Ends the transaction; no read may be under way. No key twice.
  /// Errors: conflict, exists (certain: it is aborted), unavailable and try_again (nothing was done), unknown_outcome, and
  /// what the range refuses. A conflict is heard of only where what was read has changed (K2), or after many of them: else
  /// the commit starts over, with the transaction's writes as they are.
  void commit(std::vector<env::Write> writes);

  // What the world answers. Unknown tokens are late, and ignored. A request that does not lie in one range (any more) is
  // answered with the Error wrong_range: reads have to be sent in pieces then, commits are cut anew.

  void timestamp(Result<Timestamp> ts);
  void reply(uint64_t token, proto::RangeReply reply);
  /// unknown_outcome: sent, perhaps received. Any other code: it was not sent.
  void no_answer(uint64_t token, const Error& why);
  /// V4: the commit takes its time, and its caller still waits. To be called every few seconds.
  void renew();
  /// Nothing more will be asked for: who waits for a key that was read for an update need wait no longer.
  void leave();
  /// The caller waits no longer: everything under way ends now, as uncertain as it is, clearing up included. Requests that
  /// were not taken never leave; one that left should be answered before, by no_answer(), if it is known not to have been sent.
  void give_up();

  Effects take();
  bool has_effects() const;

  Timestamp read_ts() const { return read_ts_; }  // zero: not known yet
  uint32_t restarts() const { return restarts_; }
  bool over_several_ranges() const { return attempt_ != nullptr; }  // the last attempt was
  uint64_t recovered() const { return recovery_.recovered(); }
  /// The outcome is out, and nothing is left to be cleared up.
  bool idle() const { return phase_ == Phase::over && calls_.idle(); }

 private:
  enum class Phase { open, starting, committing, settling, refreshing, over };

  struct Read {
    Bytes key;
    proto::ReadRequest request;
    bool for_update = false;
    Calls::CallId call = 0;  // zero: waits for read_ts
  };
  using ReadId = uint64_t;

  void want_timestamp();

  // Reads.
  ReadId add_read(Bytes key, proto::ReadRequest request, bool for_update);
  void send_read(ReadId id);
  void send_waiting_reads();
  void read_answered(ReadId id, proto::RangeReply reply);
  void take_read(ReadId id, proto::ReadReply reply);
  void move_reads(ReadId id, proto::ReadReply reply);
  void finish_read(ReadId id, Result<proto::ReadReply> reply);
  void note_spans(const proto::ReadRequest& request, const proto::ReadReply& reply);
  void validate_reads(Timestamp at, std::function<void()> passed, std::function<void(Error)> failed);

  // Commit.
  void start_attempt(Timestamp c0);
  void send_commit();
  void commit_answered(Answer answer);
  void commit_refused(Error error);
  void start_over();
  void settle(Error reason);
  void settle_answered(proto::RangeReply reply);
  void settled(std::optional<Timestamp> commit_ts);
  bool may_be_repeatable() const;
  void refresh();
  void refresh_at(Timestamp fresh);
  void finish(Result<Timestamp> outcome);
  Error uncertainty(const Error& trouble, bool in_doubt) const;

  Phase phase_ = Phase::open;
  const OneRange one_range_;
  const Ranges& ranges_;
  const size_t staging_keys_max_;
  Timestamp read_ts_;
  bool timestamp_wanted_ = false;
  Effects effects_;
  Calls calls_;
  Recovery recovery_{calls_, ranges_};

  ReadId last_read_ = 0;
  std::map<ReadId, Read> reads_;
  SpanSet spans_;
  bool has_read_ = false;
  bool moving_ = false;              // what was read is being validated at the timestamp of a read for an update (K2)
  std::vector<Bytes> update_keys_;   // that were read for an update (K3)
  bool read_ts_given_;  // by the caller: not unique, so it cannot be the transaction's id

  std::vector<env::Write> writes_;
  proto::Attempt id_;                        // of the attempt under way
  std::shared_ptr<Attempt> attempt_;         // over several ranges; null: P8
  std::shared_ptr<const proto::RangeRequestBody> request_;  // of P8
  Calls::CallId call_ = 0;  // of P8, or the settling
  bool in_doubt_ = false;   // a copy of P8's request may be under way, or may have been carried out
  int reroutes_ = 0;
  Error refusal_{};         // what the client hears once the attempt is settled as aborted
  uint32_t restarts_ = 0;
  uint32_t refreshes_ = 0;  // K2
};

}  // namespace ddb::txn
