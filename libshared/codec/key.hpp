// Keys of rows and index entries: byte strings that sort as SQLite sorts the values in them.
//
// A key is a prefix (table id, index id) and one part per key column. Parts are self-delimiting and none
// is a prefix of another, so keys sort by their first part, then their second, and so on.
//
//   part   NULL              05
//          number            floor(x) * 2 + (x has a fraction), shortest form, length in the first byte:
//                            0f..17 below zero, 18..20 from zero; a fraction adds the ordered double.
//                            |x| >= 2^63 and infinities: 0e or 21, then the ordered double
//          TEXT              30, bytes, 00      (00 and 01 inside are escaped as 01 01 and 01 02)
//          BLOB              31, bytes, 00      (the same)
//   descending: every byte of the part complemented. No part begins with 00 or ff.
//
// Numbers that SQLite holds equal (1 and 1.0, 0 and -0.0) have equal bytes. These forms are on disk: never change.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "codec/value.hpp"

namespace ddb::codec {

/// SQLite's built-in collations. Numbers are on disk: never reuse.
enum class Collation : uint8_t { binary = 0, nocase = 1, rtrim = 2 };

/// How one column takes part in a key.
struct KeyOrder {
  Collation collation = Collation::binary;
  bool descending = false;
  bool operator==(const KeyOrder&) const = default;
};

/// Table and index ids, both from 1; index id zero is the table's rows. Table zero is no table: see system_table.
void append_key_prefix(Bytes& key, uint64_t table, uint64_t index);

/// What the system keeps beside the tables has keys of this table, by kind in place of the index. On disk: never reuse.
constexpr uint64_t system_table = 0;
constexpr uint64_t transaction_names = 1;  // gateway/named_txn.hpp

/// Appends one part. TEXT is folded by the collation; a NaN must not get here (SQLite stores NULL).
void append_key_part(Bytes& key, const ValueView& value, KeyOrder order = {});

/// The value that `key` begins with, and cuts its bytes off `key`. Numbers without a fraction in int64's
/// range come back as integers, TEXT as the collation folded it. bad_data when `key` begins with no part.
Result<Value> take_key_part(BytesView& key, KeyOrder order = {});

/// Cuts the first part off `key` without decoding it, and returns it; empty when there is none.
BytesView skip_key_part(BytesView& key, bool descending = false);

/// Cuts off what append_key_prefix wrote. bad_data when there is none.
Result<void> take_key_prefix(BytesView& key, uint64_t& table, uint64_t& index);

/// too_long above env::user_key_bytes_max; the message states the limit, and `what` (a table or index).
Result<void> check_key_length(BytesView key, std::string_view what);

}  // namespace ddb::codec
