// Transactions over the distributed key space, as the SQL layer sees them.
// Calls look synchronous: an implementation suspends the calling fiber or blocks the thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace ddb::env {

/// Longest user key: a version's key adds an end mark of two bytes and an inverted 64-bit timestamp within
/// LMDB's 511 bytes. A zero byte alone between others counts twice; runs of zeros shrink to two bytes. A key
/// that is too long only by that count is refused by the range (too_long); 334 bytes fit whatever they are.
constexpr size_t user_key_bytes_max = 501;

/// Keys in [start, end). An empty end means no upper bound.
struct KeySpan {
  Bytes start;
  Bytes end;

  bool operator==(const KeySpan&) const = default;
  static constexpr auto fields() { return std::tuple{&KeySpan::start, &KeySpan::end}; }
};

struct KeyValue {
  Bytes key;
  Bytes value;

  bool operator==(const KeyValue&) const = default;
  static constexpr auto fields() { return std::tuple{&KeyValue::key, &KeyValue::value}; }
};

struct ScanRequest {
  KeySpan span;
  bool reverse = false;        // from the end of the span downwards
  uint32_t rows_max = 1024;    // page size in rows, at least 1
  uint32_t bytes_max = 1 << 20;  // a page ends at the first row that reaches this
  uint32_t ahead = 0;          // so many more pages may be read meanwhile, for whoever is likely to go on with the rest
  Bytes select = {};           // a codec::Selection: what is wanted of the rows; empty: all of all. rows_max: of what is wanted
};

struct ScanPage {
  std::vector<KeyValue> rows;      // in scan order
  std::optional<KeySpan> rest;     // what remains to be scanned; nullopt: nothing
};

/// A range, and who answers for it, as far as that is known.
struct RangePlace {
  RangeId range;
  KeySpan span;
  NodeId node;          // zero: unknown
  std::string address;  // of the node; empty: unknown
};

/// A request of a transaction that a range has answered.
struct ReadTrace {
  Bytes key;            // within the range
  RangeId range;
  uint64_t rows = 0;    // in the answer: rows of scans, values of gets
  uint64_t bytes = 0;   // of these
};

enum class WriteKind : uint8_t {
  put = 1,
  insert = 2,  // the key must not exist at commit: else Code::exists, detail = key
  erase = 3,
};

struct Write {
  WriteKind kind = WriteKind::put;
  Bytes key;
  Bytes value;  // empty for erase

  bool operator==(const Write&) const = default;
  static constexpr auto fields() { return std::tuple{&Write::kind, &Write::key, &Write::value}; }
};

/// One transaction: reads one snapshot, at read_ts(); remembers every span it read (empty gaps
/// included) and has them validated at commit, so that it is strictly serializable.
/// Its own writes are the caller's to overlay: they reach the store at commit only.
/// Errors of every call: conflict (restart the transaction), unavailable, try_again, too_long,
/// too_old, and, of commit alone, exists and unknown_outcome.
class KvTxn {
 public:
  virtual ~KvTxn() = default;
  virtual Timestamp read_ts() const = 0;
  /// One answer per key, in order; one request per range.
  virtual Result<std::vector<std::optional<Bytes>>> get(std::span<const Bytes> keys) = 0;
  /// The same of one key that the transaction is likely to write. Those who say so of one key take turns, for a little while:
  /// instead of a conflict at commit there is a wait here, and read_ts() may rise meanwhile.
  virtual Result<std::optional<Bytes>> get_for_update(const Bytes& key) {
    auto values = get({&key, 1});
    if (!values) return std::unexpected(std::move(values.error()));
    return std::move(values->front());
  }
  /// What is read ahead counts as read, and is kept for the scan of the page's rest that it was read for.
  virtual Result<ScanPage> scan(const ScanRequest& request) = 0;
  /// Nobody will go on with this rest of a scan.
  virtual void leave(const KeySpan& /*rest*/) {}
  /// From now on, what ranges answer is appended there; nullptr: no more. It must outlive the transaction, or that.
  virtual void trace(std::vector<ReadTrace>* /*to*/) {}
  /// The commit timestamp (read_ts when there is nothing to write). The transaction is over, either way.
  virtual Result<Timestamp> commit(std::vector<Write> writes) = 0;
};

struct TxnOptions {
  Timestamp read_ts{};  // zero: fresh from the oracle
};

class Kv {
 public:
  virtual ~Kv() = default;
  virtual Result<std::unique_ptr<KvTxn>> begin(const TxnOptions& options) = 0;
  /// Fresh from the oracle.
  virtual Result<Timestamp> now() = 0;
  /// The ranges that have keys of the span, by key; empty: there is nothing to tell about them.
  virtual Result<std::vector<RangePlace>> places(const KeySpan& /*span*/) { return std::vector<RangePlace>{}; }
};

}  // namespace ddb::env
