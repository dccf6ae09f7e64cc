// Locks and records that have been there so long that whoever left them seems to be gone (V4).
//
// A leader walks over them, a piece at each tick, a round at most every so often. What it finds is recovered through the
// anchor like any lock that is met (V1 to V3), so looking at the time is for speed only: to find a lock too early is safe,
// and costs its leader a question.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "env/clock.hpp"
#include "env/kv.hpp"
#include "env/state.hpp"
#include "proto/range.hpp"

namespace ddb::range {

struct SweepOptions {
  uint32_t piece_max = 256;  // locks and records looked at in one tick
  Duration round_min = std::chrono::seconds{1};  // from the start of one round to the start of the next
  // As long as a client waits for a commit. A coordinator that takes longer says that it is at work (Sweeper::renewed).
  Duration patience = std::chrono::seconds{10};
  size_t attempts_max = 16'384;  // that are remembered; what is met beyond is met again in a later round
};

class Sweeper {
 public:
  explicit Sweeper(const SweepOptions& options) : options_{options} {}

  /// A new leader starts over.
  void reset();
  /// The coordinator of the attempt, whose record is here, is at work.
  void renewed(const proto::Attempt& attempt, Instant now);
  /// Looks at the next piece of the span's locks and records: the attempts in it to be recovered, with their keys in it.
  std::vector<proto::Locked> next(env::State& state, const env::KeySpan& span, Instant now);

 private:
  using Found = std::map<proto::Attempt, proto::Locked>;
  struct Seen {
    Instant since;       // first, or renewed
    uint64_t round = 0;  // in which it was seen last
  };

  bool walk(env::State& state, env::Table table, const env::KeySpan& span, uint32_t& left, Instant now, Found& found);
  void look_at_lock(BytesView key, BytesView value, Instant now, Found& found);
  void look_at_record(BytesView key, BytesView value, Instant now, Found& found);
  bool has_expired(const proto::Attempt& attempt, Instant now);
  void end_round();

  const SweepOptions options_;
  std::map<proto::Attempt, Seen> seen_;
  uint64_t round_ = 1;
  Instant next_round_{};
  std::optional<Bytes> position_;  // in the table that is being walked over, as stored; nullopt: between rounds
  env::Table table_ = env::Table::lock;
};

}  // namespace ddb::range
