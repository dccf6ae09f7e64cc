// Values on the wire: PostgreSQL's text and binary forms of SQLite's values.
#pragma once

#include <string_view>

#include "base/bytes.hpp"
#include "pg/error.hpp"
#include "pg/message.hpp"
#include "pg/types.hpp"

namespace ddb::pg {

/// Appends the text form. NULL has none: it must not be given. Booleans are t and f; bytes are \x00ff; whatever does not fit the
/// type is shown as it is.
void put_text(Bytes& out, uint32_t type, const codec::ValueView& value);

/// Appends the binary form, of the types that Format::binary is bridged for; of all others the text.
/// 22003: the number does not fit; 22P03: the value is none of this type.
SqlResult<void> put_binary(Bytes& out, uint32_t type, const codec::ValueView& value);

/// A parameter's value; `type` unknown: text, as it is.
/// 22P02, 22P03, 22003, 22021: no such value.
SqlResult<codec::Value> take_value(BytesView bytes, uint32_t type, Format format);

/// The byte at which UTF-8 ends to be valid, or at which a NUL stands; npos: none.
size_t invalid_utf8(std::string_view text);
/// 22021, naming the byte.
SqlResult<void> check_utf8(std::string_view text);

/// Bytes of "\x00ff" or of the older escapes ("\000a\\b"). 22P02.
SqlResult<Bytes> bytea_of(std::string_view text);
/// As PostgreSQL writes doubles: the shortest digits that come back as the same.
void put_double(Bytes& out, double value);

}  // namespace ddb::pg
