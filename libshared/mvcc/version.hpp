// What is stored under a version's key: flags, perhaps the attempt that wrote it, the row, a checksum.
#pragma once

#include <optional>
#include <tuple>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace ddb::mvcc {

/// An attempt of a transaction: its id and C0.
struct Writer {
  Timestamp id;
  Timestamp c0;

  bool operator==(const Writer&) const = default;
  static constexpr auto fields() { return std::tuple{&Writer::id, &Writer::c0}; }
};

/// A row as of `ts`, until the next version; or the fact that there is none.
struct Version {
  Timestamp ts;
  bool tombstone = false;
  /// At the anchor of a commit in one range: the COMMITTED record of this attempt, at C = ts (P8). Kept in
  /// the version, a commit writes one row less and finding its record costs no read of its own.
  std::optional<Writer> record;
  BytesView row;  // empty for a tombstone
};

/// The value for `stored_key` (see version_key). Its CRC32C covers both (H1). `ts` is in the key alone.
Bytes encode_version(BytesView stored_key, const Version& version);

/// Refers to `value`. bad_data, naming the user key: the checksum does not fit; never to be served.
Result<Version> decode_version(BytesView stored_key, BytesView value);

}  // namespace ddb::mvcc
