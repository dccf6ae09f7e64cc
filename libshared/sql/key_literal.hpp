// Keys of rows as people write them: an SQL literal, or (literal, literal...) for keys of several columns.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "sql/schema.hpp"

namespace ddb::sql {

/// The first key that a row with these values in its first key columns can have; the columns' affinities count.
/// Errors: usage (no literal, more of them than the key has columns), failed (the column cannot hold it), too_long.
Result<Bytes> key_of_literals(const Table& table, std::string_view text);

/// What a stored key is of.
struct KeyName {
  std::string table;     // TABLE, or TABLE.INDEX; empty: of no table in the schema
  std::string literals;  // as key_of_literals reads them; empty: where it begins. x'...' of the whole key if it is none
};
KeyName name_of_key(const Schema& schema, BytesView key);

}  // namespace ddb::sql
