// The metadata store as its clients see it: etcd's semantics on a flat ordered key space.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace ddb::env {

struct MetaEntry {
  Bytes key;
  Bytes value;
  Revision create_revision;  // when the key last came into being
  Revision mod_revision;     // when it was last written
  uint64_t version = 0;      // writes since it came into being
  LeaseId lease;             // zero: none

  bool operator==(const MetaEntry&) const = default;
  static constexpr auto fields() {
    return std::tuple{&MetaEntry::key,     &MetaEntry::value, &MetaEntry::create_revision, &MetaEntry::mod_revision,
                      &MetaEntry::version, &MetaEntry::lease};
  }
};

/// Holds when the key's mod_revision equals `mod_revision` (zero: the key does not exist).
struct MetaCompare {
  Bytes key;
  Revision mod_revision;

  bool operator==(const MetaCompare&) const = default;
  static constexpr auto fields() { return std::tuple{&MetaCompare::key, &MetaCompare::mod_revision}; }
};

/// Put when `value` is set, else delete of [key, end) (empty end: the one key).
struct MetaOp {
  Bytes key;
  std::optional<Bytes> value;
  Bytes end;
  LeaseId lease;

  bool operator==(const MetaOp&) const = default;
  static constexpr auto fields() { return std::tuple{&MetaOp::key, &MetaOp::value, &MetaOp::end, &MetaOp::lease}; }
};

struct MetaRange {
  Revision revision;  // of the store when the range was read
  std::vector<MetaEntry> entries;

  bool operator==(const MetaRange&) const = default;
  static constexpr auto fields() { return std::tuple{&MetaRange::revision, &MetaRange::entries}; }
};

struct MetaTxnResult {
  bool succeeded = false;
  Revision revision;  // of the write when it succeeded, else the store's current one

  bool operator==(const MetaTxnResult&) const = default;
  static constexpr auto fields() { return std::tuple{&MetaTxnResult::succeeded, &MetaTxnResult::revision}; }
};

/// A change as a watch reports it. Changes arrive in order of revision, none missing, none twice.
struct MetaEvent {
  bool deleted = false;
  MetaEntry entry;  // of a delete: key and mod_revision alone

  bool operator==(const MetaEvent&) const = default;
  static constexpr auto fields() { return std::tuple{&MetaEvent::deleted, &MetaEvent::entry}; }
};

/// Calls look synchronous, as in kv.hpp. Errors: unavailable, try_again; of txn and leases also unknown_outcome.
class Meta {
 public:
  virtual ~Meta() = default;
  /// Linearizable read of [key, end); empty end: the one key.
  virtual Result<MetaRange> range(BytesView key, BytesView end) = 0;
  /// All compares hold: all ops happen at one revision. Else nothing does.
  virtual Result<MetaTxnResult> txn(std::vector<MetaCompare> compares, std::vector<MetaOp> ops) = 0;
  virtual Result<LeaseId> grant(uint64_t ttl_ms) = 0;
  virtual Result<void> keep_alive(LeaseId lease) = 0;  // not_found: it has run out
  virtual Result<void> revoke(LeaseId lease) = 0;
};

}  // namespace ddb::env
