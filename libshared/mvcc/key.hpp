// Stored keys: user keys in an encoding that keeps their order and ends itself, then an inverted timestamp.
//
// Without an end mark the versions of a key would mix with those of the keys it is a prefix of. A zero byte
// is written as 00 and a code, so that nothing in a key looks like its end. A run of n zeros becomes
//   00 n             when the key ends after it (n in 0..126): the end mark of every key
//   00 255-n         when another byte follows (n in 1..126)
//   00 7f ...        when n is 127 or more: 127 zeros, then the code of what remains (00 is not repeated)
// Codes order as the keys do: ended early, longer run, shorter run. Integer keys, mostly zeros, get shorter.
#pragma once

#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "env/span.hpp"

namespace ddb::mvcc {

constexpr size_t timestamp_bytes = 8;

/// What all versions of the user key start with. May be longer than a table allows: see check_key.
Bytes encode_key(BytesView user_key);

/// bad_data: not written by encode_key.
Result<Bytes> decode_key(BytesView encoded);

/// too_long: the key, or its encoding, is over the limit (env::user_key_bytes_max).
Result<void> check_key(BytesView user_key);

/// Newer versions of a key come first.
Bytes version_key(BytesView encoded, Timestamp ts);

struct VersionKey {
  BytesView encoded;  // of the user key; refers to what was split
  Timestamp ts;
};

/// nullopt: too short to be the key of a version.
std::optional<VersionKey> split_version_key(BytesView stored);

/// The span of the data, lock and txn tables that holds what belongs to the user keys of `span`.
env::KeySpan stored_span(const env::KeySpan& span);

}  // namespace ddb::mvcc
