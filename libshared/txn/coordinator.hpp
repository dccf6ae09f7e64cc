// The coordinator of one transaction: which requests to send, and what their answers mean.
//
// Source: TRANSACTIONS.md. Kept here: P1, P2 (C0), P8 (one range), P11, and of V5 the sender's half: an attempt is repeated
// exactly as it was until it is answered. Deterministic: no clock, no randomness, no I/O; the client and the
// simulator run it unchanged.
//
//                                   .--- aborted, nothing read ---.
//                                   v                             |
//   open --commit--> starting --C0--> committing --no verdict--> settling
//     |                 |                |                        |
//     '- no writes (P1) '- no timestamp  '- verdict               '- verdict -----> over
//
// A verdict is CommitReply or SettleReply. A conflict is none (P11): another copy of the same request may commit yet.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "proto/range.hpp"
#include "txn/span_set.hpp"

namespace ddb::txn {

/// To the range that holds `key`. Must be answered by reply() or no_answer() with its token.
struct Send {
  uint64_t token = 0;
  Bytes key;
  std::shared_ptr<const proto::RangeRequestBody> body;
  uint32_t repeats = 0;  // the same request was sent this often before, in vain: wait accordingly
};

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
};

class Coordinator {
 public:
  explicit Coordinator(const Options& options = {});

  // What the transaction does. Until commit() any number of reads, also at the same time.

  /// Reads keys, then a page of a scan, all within the range that holds `key`. request.read_ts is filled in. Returns an id.
  /// Errors of reads: conflict, too_old, unavailable, try_again, and what the range says.
  uint64_t read(Bytes key, proto::ReadRequest request);

  /// Ends the transaction; no read may be under way. No key twice; all of one range.
  /// Errors: conflict, exists (certain: it is aborted), unavailable and try_again (nothing was done), unknown_outcome, and
  /// what the range refuses. Where nothing was read, conflicts are not heard of: it starts over.
  void commit(std::vector<env::Write> writes);

  // What the world answers. Unknown tokens are late, and ignored. A request that does not lie in one range (any more) is
  // answered with the Error wrong_range: read in pieces; commits have to fit one range for now.

  void timestamp(Result<Timestamp> ts);
  void reply(uint64_t token, proto::RangeReply reply);
  /// unknown_outcome: sent, perhaps received. Any other code: it was not sent.
  void no_answer(uint64_t token, const Error& why);
  /// The caller waits no longer: everything under way ends now, as uncertain as it is. Requests that were not taken never
  /// leave; one that left should be answered before, by no_answer(), if it is known not to have been sent.
  void give_up();

  Effects take();
  bool has_effects() const;

  Timestamp read_ts() const { return read_ts_; }  // zero: not known yet
  uint32_t restarts() const { return restarts_; }

 private:
  enum class Phase { open, starting, committing, settling, over };

  struct Read {
    Bytes key;
    std::shared_ptr<proto::RangeRequestBody> body;
    uint64_t token = 0;  // zero: waits for read_ts
    uint32_t repeats = 0;
    Error trouble{};     // why it had to be repeated last
  };
  using ReadId = uint64_t;

  uint64_t send(const Bytes& key, std::shared_ptr<const proto::RangeRequestBody> body, uint32_t repeats);
  void want_timestamp();

  // Reads.
  void send_read(Read& read);
  void read_answered(ReadId id, proto::RangeReply reply);
  void repeat_read(Read& read, Error why);
  void finish_read(ReadId id, Result<proto::ReadReply> reply);
  void note_spans(const proto::ReadRequest& request, const proto::ReadReply& reply);

  // Commit.
  void start_attempt(Timestamp c0);
  void commit_answered(proto::RangeReply reply);
  void commit_refused(Error error);
  void settle(Error reason);
  void settle_answered(proto::RangeReply reply);
  void settled(std::optional<Timestamp> commit_ts);
  void repeat(Error why);
  void finish(Result<Timestamp> outcome);
  Error uncertainty() const;
  bool copy_under_way() const;

  Phase phase_ = Phase::open;
  Timestamp read_ts_;
  bool timestamp_wanted_ = false;
  uint64_t last_token_ = 0;
  Effects effects_;

  ReadId last_read_ = 0;
  std::map<ReadId, Read> reads_;
  SpanSet spans_;
  bool has_read_ = false;
  bool read_ts_given_;  // by the caller: not unique, so it cannot be the transaction's id

  std::vector<env::Write> writes_;
  proto::Attempt attempt_;
  std::shared_ptr<const proto::RangeRequestBody> request_;  // of the attempt, or its settling
  uint64_t token_ = 0;     // of the copy under way
  uint32_t repeats_ = 0;
  bool in_doubt_ = false;  // a copy of the attempt may be under way, or may have been carried out
  Error trouble_{};        // why the request had to be repeated last
  Error refusal_{};        // what the client hears once the attempt is settled as aborted
  uint32_t restarts_ = 0;
};

}  // namespace ddb::txn
