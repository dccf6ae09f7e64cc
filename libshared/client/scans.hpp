// Scans of one transaction: cut by range, and read ahead of who consumes them.
//
//   piece of the span:  to be asked for --> under way --> rows, for the caller
//                             ^--- the range was split, or nobody answered
//
// In scan order the first pieces are under way or hold rows: one, and as many as may be read ahead. So a scan keeps at most
// (1 + ahead) * bytes_max of rows in memory, and a row of each piece more. Each piece is a read of its own at the
// transaction's read_ts (R6).
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "client/channel.hpp"
#include "client/range_map.hpp"
#include "env/kv.hpp"
#include "proto/range.hpp"

namespace ddb::client {

class Scans {
 public:
  using Answered = std::move_only_function<void(Result<proto::ReadReply>)>;

  /// How pieces are read: within the range that holds `key`. wrong_range: it has been split, or is another one.
  struct Reads {
    std::function<uint64_t(const Bytes& key, proto::ReadRequest request, Answered answered)> start;
    std::function<void(uint64_t read)> drop;  // `answered` is not called any more
  };

  /// Scans whose rest somebody may come back for; of more, the oldest is left.
  static constexpr size_t kept_max = 4;

  /// `map` outlives it.
  Scans(const RangeMap& map, Reads reads) : map_{map}, reads_{std::move(reads)} {}

  /// A page of at least a row, unless nothing is left. Of a span that is the rest of a page: goes on with what was read ahead.
  void scan(env::ScanRequest request, Done<env::ScanPage> done);
  void leave(const env::KeySpan& rest);
  void leave_all();

 private:
  struct Piece {
    env::KeySpan span;
    uint64_t read = 0;  // under way; else zero
    std::optional<std::vector<env::KeyValue>> rows;
  };
  using Pieces = std::list<Piece>;
  struct Scan;
  using ScanPtr = std::shared_ptr<Scan>;

  ScanPtr resume(const env::ScanRequest& request);
  void go_on(const ScanPtr& scan);
  void give(const ScanPtr& scan, std::vector<env::KeyValue> rows);
  void ask(const ScanPtr& scan);
  void ask(const ScanPtr& scan, Pieces::iterator piece);
  void answered(const ScanPtr& scan, Pieces::iterator piece, Result<proto::ReadReply> reply);
  void keep(const ScanPtr& scan);
  void stop(Scan& scan);

  const RangeMap& map_;
  const Reads reads_;
  std::deque<ScanPtr> kept_;  // nobody waits for their next page; oldest first
};

}  // namespace ddb::client
